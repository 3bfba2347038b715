import Foundation
package import NIOCore

/// An IPv4 or IPv6 address in its binary form, which has one spelling only.
package struct IPAddress: Sendable, Hashable {
    /// 4 or 16 bytes in network order.
    package let bytes: [UInt8]

    /// Reads four plain decimal numbers (`192.0.2.1`) or an IPv6 address without brackets and zone; nil for any other spelling.
    package init?(_ text: String) {
        var memory = [UInt8](repeating: 0, count: 16)
        if inet_pton(AF_INET6, text, &memory) == 1 {
            bytes = memory
        } else if inet_pton(AF_INET, text, &memory) == 1 {
            bytes = Array(memory.prefix(4))
        } else {
            return nil
        }
    }

    /// The address of a socket address; nil for that of a local socket.
    package init?(_ address: SocketAddress) {
        switch address {
        case .v4(let address): bytes = withUnsafeBytes(of: address.address.sin_addr) { Array($0) }
        case .v6(let address): bytes = withUnsafeBytes(of: address.address.sin6_addr) { Array($0) }
        case .unixDomainSocket: return nil
        }
    }

    private init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    func socketAddress(port: Int) throws -> SocketAddress {
        try SocketAddress(packedIPAddress: ByteBuffer(bytes: bytes), port: port)
    }

    /// The addresses of this machine's interfaces.
    package static func ofThisMachine() throws -> Set<IPAddress> {
        Set(try System.enumerateDevices().compactMap { $0.address.flatMap(IPAddress.init) })
    }

    /// Whether this can be the address of a public service that is not this machine.
    package func isPublic(own: Set<IPAddress>) -> Bool {
        guard !own.contains(self) else { return false }
        if bytes.count == 4 { return !Self.reservedIPv4.contains { $0.contains(bytes) } }
        // An IPv6-only network reaches the IPv4 internet through these (RFC 6052); what counts is who is reached.
        if Self.nat64.contains(bytes) {
            return IPAddress(bytes: Array(bytes.suffix(4))).isPublic(own: own)
        }
        // Everything else that holds an IPv4 address (mapped, compatible, Teredo, 6to4, ISATAP) is refused with its range,
        // because no public service has such an address.
        return Self.globalIPv6.contains(bytes) && !Self.reservedIPv6.contains { $0.contains(bytes) }
            && !Self.isISATAP(bytes)
    }

    /// RFC 5214, 6.1: an interface identifier `[0200:]5efe:` and an IPv4 address.
    private static func isISATAP(_ bytes: [UInt8]) -> Bool {
        [0x00, 0x02].contains(bytes[8]) && bytes[9...11].elementsEqual([0x00, 0x5E, 0xFE])
    }

    /// A range of addresses: those whose first bits are these.
    private struct Block: Sendable {
        let prefix: [UInt8]
        let bits: Int

        init(_ prefix: [UInt8], _ bits: Int) {
            self.prefix = prefix
            self.bits = bits
        }

        func contains(_ bytes: [UInt8]) -> Bool {
            (0..<bits)
                .allSatisfy { bit in
                    let mask = UInt8(0x80) >> UInt8(bit % 8)
                    return bytes[bit / 8] & mask == prefix[bit / 8] & mask
                }
        }
    }

    /// <https://www.iana.org/assignments/iana-ipv4-special-registry>.
    private static let reservedIPv4 = [
        Block([0], 8),  // this network
        Block([10], 8),  // private
        Block([100, 64], 10),  // behind a carrier's NAT; metadata services of some clouds
        Block([127], 8),  // loopback
        Block([168, 63, 129, 16], 32),  // the host of a virtual machine in Azure
        Block([169, 254], 16),  // link-local; metadata services of most clouds
        Block([172, 16], 12),  // private
        Block([192, 0, 0], 24),  // protocol assignments
        Block([192, 0, 2], 24),  // documentation
        Block([192, 88, 99], 24),  // 6to4 relays
        Block([192, 168], 16),  // private
        Block([198, 18], 15),  // benchmarks
        Block([198, 51, 100], 24),  // documentation
        Block([203, 0, 113], 24),  // documentation
        Block([224], 4),  // multicast
        Block([240], 4),  // reserved, and the broadcast address
    ]

    private static let nat64 = Block([0x00, 0x64, 0xFF, 0x9B, 0, 0, 0, 0, 0, 0, 0, 0], 96)

    /// All that was ever given out for public use; loopback, unique local, link-local, site-local, multicast, mapped and
    /// compatible addresses, the discard prefix and the local NAT64 prefix lie outside.
    private static let globalIPv6 = Block([0x20], 3)

    /// <https://www.iana.org/assignments/iana-ipv6-special-registry>, what lies in ``globalIPv6``.
    private static let reservedIPv6 = [
        Block([0x20, 0x01, 0x00], 23),  // protocol assignments: Teredo, benchmarks, ORCHID
        Block([0x20, 0x01, 0x0D, 0xB8], 32),  // documentation
        Block([0x20, 0x02], 16),  // 6to4
        Block([0x3F, 0xFF, 0x00], 20),  // documentation
    ]
}
