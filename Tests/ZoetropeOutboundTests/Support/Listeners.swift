import NIOCore
import NIOPosix
import Synchronization
import ZoetropeOutbound

/// Counts the connections that reach this machine on one port, whatever the address.
final class Listeners: Sendable {
    let port: Int
    private let channels: [any Channel]
    private let counted: Counted

    private final class Counted: Sendable {
        let addresses = Mutex<[IPAddress]>([])
    }

    /// Listens on every IPv4 and IPv6 address.
    init() async throws {
        let counted = Counted()
        func bind(_ host: String, _ port: Int) async throws -> any Channel {
            try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .childChannelInitializer { child in
                    let address = child.localAddress.flatMap(IPAddress.init)
                    counted.addresses.withLock { $0 += address.map { [$0] } ?? [] }
                    return child.close()
                }
                .bind(host: host, port: port).get()
        }
        // Linux: one socket for both families.
        let both = try await bind("::", 0)
        self.counted = counted
        channels = [both]
        port = both.localAddress?.port ?? 0
    }

    /// The addresses that were reached so far.
    var reached: [IPAddress] { counted.addresses.withLock { $0 } }

    /// Connects to an address itself, as what is counted never does, and waits until that is counted.
    ///
    /// Connections are accepted in the order in which they came: whatever came before is counted then too.
    func knock(at host: String) async throws {
        let before = reached.count
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: host, port: port).get()
        try? await channel.close()
        while reached.count == before { await Task.yield() }
    }

    func close() async throws {
        for channel in channels { try await channel.close() }
    }
}
