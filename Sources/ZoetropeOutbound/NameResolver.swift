import Foundation
import NIOCore
import Synchronization

/// Looks names up with the system's resolver.
///
/// A lookup blocks for as long as a hostile name server likes, so each has a thread of its own, and there are few.
final class NameResolver: Sendable {
    /// Why there are no addresses; for callers.
    struct Failure: Error {
        let message: String
    }

    private static let mostLookups = 32

    private let running = Mutex(0)

    /// All addresses of a name, or ``Failure``.
    ///
    /// The lookup goes on when the task that waits for it is cancelled.
    func addresses(of name: String) async throws -> [IPAddress] {
        let mayRun = running.withLock { running in
            guard running < Self.mostLookups else { return false }
            running += 1
            return true
        }
        guard mayRun else { throw Failure(message: "too many names are being looked up; try again in a few seconds") }
        let (answers, answer) = AsyncStream.makeStream(of: Result<[IPAddress], Failure>.self)
        let thread = Thread { [self] in
            answer.yield(Result { () throws(Failure) in try Self.lookUp(name) })
            answer.finish()
            running.withLock { $0 -= 1 }
        }
        thread.name = "zoetrope-resolver"
        thread.start()
        for await result in answers { return try result.get() }
        throw CancellationError()
    }

    private static func lookUp(_ name: String) throws(Failure) -> [IPAddress] {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_ADDRCONFIG
        var list: UnsafeMutablePointer<addrinfo>?
        // The dot keeps the search domains of our own network out of it.
        guard getaddrinfo("\(name).", nil, &hints, &list) == 0 else {
            throw Failure(message: "the name \"\(name)\" is not known")
        }
        defer { freeaddrinfo(list) }
        return sequence(first: list, next: { $0?.pointee.ai_next }).prefix { $0 != nil }
            .compactMap { $0.flatMap { IPAddress($0.pointee.ai_addr, family: $0.pointee.ai_family) } }
    }
}

extension IPAddress {
    /// The address that the system's resolver found; nil for any other family.
    fileprivate init?(_ address: UnsafeMutablePointer<sockaddr>?, family: Int32) {
        guard let address else { return nil }
        let raw = UnsafeRawPointer(address)
        switch family {
        case AF_INET: self.init(SocketAddress(raw.load(as: sockaddr_in.self)))
        case AF_INET6: self.init(SocketAddress(raw.load(as: sockaddr_in6.self)))
        default: return nil
        }
    }
}
