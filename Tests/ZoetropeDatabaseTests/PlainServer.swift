import Foundation
import Synchronization

/// Answers PostgreSQL's question for TLS with no, and ends the connection after the next message.
final class PlainServer: Sendable {
    let port: UInt16
    private let listener: Int32
    private let user = Mutex(false)
    private let accepted = Mutex(0)

    init() throws {
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let socket = listener
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(socket, address, length) == 0 && listen(socket, 8) == 0
                    && getsockname(socket, address, &length) == 0
            }
        }
        guard isBound else { throw POSIXError(.EADDRINUSE) }
        port = UInt16(bigEndian: address.sin_port)
        Thread.detachNewThread { [weak self] in
            while true {
                let connection = accept(socket, nil, nil)
                guard connection >= 0 else { return }
                self?.accepted.withLock { $0 += 1 }
                let sawUser = Self.serve(connection)
                if sawUser { self?.user.withLock { $0 = true } }
                close(connection)
            }
        }
    }

    deinit { shutdown(listener, Int32(SHUT_RDWR)) }

    /// How many connections came.
    var connections: Int { accepted.withLock { $0 } }

    /// Whether a client went on without TLS.
    var sawUser: Bool { user.withLock { $0 } }

    /// Whether the user's name came in the clear.
    private static func serve(_ connection: Int32) -> Bool {
        var bytes = [UInt8](repeating: 0, count: 1_024)
        while true {
            let count = read(connection, &bytes, bytes.count)
            guard count > 0 else { return false }
            // A request for TLS (80877103) or GSSAPI (80877104): the length 8, then 1234 and 5679 or 5680.
            guard count == 8, bytes[4] == 4, bytes[5] == 210 else {
                return String(decoding: bytes[..<count], as: UTF8.self).contains("zoetrope")
            }
            _ = write(connection, "N", 1)
        }
    }
}
