package import Foundation
package import ZoetropeWorkflow

/// Waiting, the time, and chance.
package struct S3Timing: Sendable {
    package var now: @Sendable () -> Date
    package var time: EngineTime
    /// 0 ..< 1.
    package var random: @Sendable () -> Double

    package init(
        now: @escaping @Sendable () -> Date,
        time: EngineTime,
        random: @escaping @Sendable () -> Double
    ) {
        self.now = now
        self.time = time
        self.random = random
    }

    package static let system = S3Timing(
        now: { Date() },
        time: .system,
        random: { Double.random(in: 0..<1) }
    )
}
