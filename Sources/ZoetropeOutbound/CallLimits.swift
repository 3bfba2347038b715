/// What one call may take of time and bytes.
package struct CallLimits: Sendable {
    /// From the first lookup to the last byte, redirects included.
    package var total: Duration
    package var connect: Duration = .seconds(3)
    /// How long the other side may be silent.
    package var idle: Duration
    /// Bytes of the body.
    package var bytes: Int
    /// A body slower than this is given up once it has had ``patience``.
    package var slowestBytesPerSecond = 1_024
    package var patience: Duration = .seconds(3)

    package init(total: Duration, idle: Duration, bytes: Int) {
        (self.total, self.idle, self.bytes) = (total, idle, bytes)
    }

    package static func image(bytes: Int) -> CallLimits {
        CallLimits(total: .seconds(10), idle: .seconds(5), bytes: bytes)
    }

    /// 15 s, as Standard Webhooks has it; more of an answer's body than 64 kB is not read.
    package static let callback = CallLimits(total: .seconds(15), idle: .seconds(15), bytes: 65_536)
}

/// The time for a call was over.
struct TimedOut: Error {}

/// Runs `body` and throws ``TimedOut`` when it takes longer; returns only when it has ended.
func withTimeout<Result: Sendable>(
    _ timeout: Duration,
    _ body: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    try await withThrowingTaskGroup(of: Result.self) { group in
        group.addTask(operation: body)
        group.addTask {
            try await Task.sleep(for: timeout)
            throw TimedOut()
        }
        defer { group.cancelAll() }
        guard let result = try await group.next() else { throw TimedOut() }
        return result
    }
}
