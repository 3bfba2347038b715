import Synchronization

/// Bounds how much of something is under way at a time; whoever finds no room is refused at once.
final class Slots: Sendable {
    private let free: Mutex<Int>
    private let things: String

    /// `things` is what callers are told that there are too many of.
    init(_ count: Int, of things: String = "uploads") {
        free = Mutex(count)
        self.things = things
    }

    /// Throws the 503 ``Problem`` when all slots are taken.
    func withSlot<Result>(_ body: () async throws -> Result) async throws -> Result {
        let isTaken = free.withLock { free in
            guard free > 0 else { return false }
            free -= 1
            return true
        }
        guard isTaken else {
            throw Problem.unavailable("Too many \(things) are under way", retryAfterSeconds: 2)
        }
        defer { free.withLock { $0 += 1 } }
        return try await body()
    }
}
