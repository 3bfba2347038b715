import Logging

/// Looks at what the service needs, and tells the operators when it is not there and when it is there again.
package struct HealthWatch: Sendable {
    private let environment: WorkerEnvironment
    private let checks: [HealthCheck]
    private let freeSpace: @Sendable () -> Double?

    /// Between two looks.
    package static let period = Duration.seconds(15)
    /// Failures in a row before anybody is told: one may be a restart.
    package static let failuresToTell = 2
    /// Below this share of the disk, objects will soon not fit.
    package static let leastFreeSpace = 0.05

    /// What a check's trouble is called.
    package static func code(of check: String) -> String { "\(check)_unreachable" }

    /// Makes a watch.
    ///
    /// - Parameters:
    ///   - environment: Who is told, and time.
    ///   - checks: What is looked at.
    ///   - freeSpace: The free share of the objects' disk, 0...1; nil where that is not known.
    package init(
        _ environment: WorkerEnvironment,
        checks: [HealthCheck],
        freeSpace: @escaping @Sendable () -> Double?
    ) {
        self.environment = environment
        self.checks = checks
        self.freeSpace = freeSpace
    }

    /// Watches until the task is cancelled.
    package func run() async {
        var troubles: [String: Trouble] = [:]
        while !Task.isCancelled {
            await look(&troubles)
            try? await environment.time.sleep(Self.period)
        }
    }

    /// How often in a row something was found wrong, by the code of the alert.
    package typealias Trouble = Int

    /// Looks once.
    package func look(_ troubles: inout [String: Trouble]) async {
        for check in checks {
            let finding = await check.finding()
            // A check that was cut off says nothing.
            if Task.isCancelled { return }
            environment.metrics?.dependency(check.name, isUp: finding == nil)
            await note(
                Self.code(of: check.name),
                finding.map { "the \(check.name) cannot be reached: \($0)" },
                over: "the \(check.name) can be reached again",
                &troubles
            )
        }
        guard let free = freeSpace() else { return }
        let percent = Int(free * 100)
        await note(
            "storage_full",
            free < Self.leastFreeSpace ? "the objects' disk has \(percent) % left" : nil,
            over: "the objects' disk has \(percent) % free again",
            &troubles
        )
    }

    private func note(
        _ code: String,
        _ finding: String?,
        over: String,
        _ troubles: inout [String: Trouble]
    ) async {
        let failures = troubles[code, default: 0]
        if let finding {
            troubles[code] = failures + 1
            // Each time, for reminders: whoever sends alerts holds repetitions back.
            if failures + 1 >= Self.failuresToTell {
                await environment.alert(Alert(.critical, code, finding, nil))
            }
        } else {
            troubles[code] = nil
            if failures >= Self.failuresToTell { await environment.resolve(code, over) }
        }
    }
}
