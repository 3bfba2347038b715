import ArgumentParser
import Foundation
import StrictJSON
import ZoetropeDatabase
import ZoetropeWorkflow

/// The command `zoetrope cleanup`.
struct CleanupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cleanup",
        abstract: "Does the daily clean-up now, and prints what went.",
        discussion: """
            serve and worker do it every day at 03:00 UTC. What is older than
            ZOETROPE_RETENTION_DAYS goes, rows and objects; so do objects that nothing
            has named for a day, what interrupted uploads left, and keys that have run out.

            It refuses when the database's clock may have jumped, and takes at most a
            fifth of all rows on one day. --confirm says that the clock, the database
            and the bucket are right, and lifts both. Exit code 1: something was refused,
            or could not be deleted.
            """
    )

    @Flag(help: "Only say what would go; nothing is written.")
    var dryRun = false

    @Flag(help: "The clock, the database and the bucket are right: delete without a cap.")
    var confirm = false

    @Flag(help: "Print one JSON object.")
    var json = false

    @OptionGroup var engine: RunsOptions

    func validate() throws {
        if dryRun, confirm { throw ValidationError("--dry-run deletes nothing that could be confirmed; choose one") }
    }

    func run() async throws {
        try await engine.with { engine in
            do {
                try await dryRun ? preview(engine) : clean(engine)
            } catch let error as StorageError {
                throw CommandFailure.failed(
                    "the object store cannot be used: \(error.detail); run this again to go on from here"
                )
            }
        }
    }

    private func preview(_ engine: Engine) async throws {
        let (report, held) = try await engine.cleanup().preview()
        try show(report, "would go")
        if let held { throw CommandFailure.failed("nothing would be deleted: \(held); see --confirm") }
        if let refusal = report.refusal { throw CommandFailure.failed("orphans would stay: \(refusal)") }
    }

    private func clean(_ engine: Engine) async throws {
        switch try await engine.cleanup().run(isExtra: true, isConfirmed: confirm) {
        case .done(var report):
            report.pending = try await waitForDeletions(engine)
            try show(report, "gone")
            if let refusal = report.refusal {
                throw CommandFailure.failed("orphans were not deleted: \(refusal) If not, --confirm deletes them")
            }
            if report.pending > 0 {
                throw CommandFailure.failed(
                    "the object store did not let \(report.pending) objects go; serve and worker go on trying"
                )
            }
        case .held(let reason):
            throw CommandFailure.failed("nothing was deleted: \(reason). If the clock is right, use --confirm")
        case .busy(let owner, let until):
            throw CommandFailure.failed(
                "\(owner) is cleaning up, or was until it died: its lease lasts until \(until.rfc3339)"
            )
        case .lost: throw CommandFailure.failed("another process has taken the clean-up over, and goes on with it")
        case .notDue: break
        }
    }

    /// Sees to it that what was noted is gone; returns what the store does not let go.
    private func waitForDeletions(_ engine: Engine) async throws -> Int {
        let sweeper = ObjectSweeper(engine.environment, store: engine.store)
        // Longer than another process, which may have died, holds what it took.
        let patience = Duration.seconds(150)
        var pending = try await engine.store.overview().deletions
        var end = ContinuousClock.now + patience
        while pending > 0, ContinuousClock.now < end {
            if try await sweeper.round().gone == 0 { try await Task.sleep(for: .seconds(1)) }
            let left = try await engine.store.overview().deletions
            if left < pending { end = ContinuousClock.now + patience }
            pending = left
        }
        return pending
    }

    private func show(_ report: CleanupReport, _ word: String) throws {
        if json {
            guard case .object(var members) = report.json else { return }
            members["dry_run"] = .bool(dryRun)
            return try Console.result(String(decoding: JSONValue.object(members).encoded(), as: UTF8.self))
        }
        for line in Self.lines(report, word) { try Console.result(line) }
    }

    /// A table: what, how many, and a remark.
    static func lines(_ report: CleanupReport, _ word: String) -> [String] {
        let megabytes = { (bytes: Int64) in String(format: "%.1f MB", Double(bytes) / 1_000_000) }
        let rows: [(String, Int, String)] = [
            ("animations", report.animations, ""), ("restores", report.restores, ""), ("jobs", report.jobs, ""),
            ("their objects, at most", report.objects, megabytes(report.byteCount)),
            ("orphaned objects", report.orphans, megabytes(report.orphanByteCount)),
            ("half-stored objects", report.unfinished ?? 0, report.unfinished == nil ? "not looked at" : ""),
            ("idempotency keys", report.idempotencyKeys, ""), ("webhook ids", report.webhooks, ""),
        ]
        let remarks: [(String, Int, String)] = [
            ("objects looked at", report.listed, ""), ("missing objects", report.missing, "zoetrope's log names them"),
            ("foreign objects", report.foreign, "left alone"),
            ("expired rows that wait", report.waiting, "a day takes a fifth of all rows"),
            ("objects still to be deleted", report.pending, ""),
        ]
        let shown = rows.map { ($0.0 + " " + word, $0.1, $0.2) } + remarks.filter { $0.1 > 0 }
        let width = shown.map(\.0.count).max() ?? 0
        return shown.map { name, count, remark in
            let padded = name.padding(toLength: width, withPad: " ", startingAt: 0)
            let number = String(repeating: " ", count: max(0, 9 - String(count).count)) + String(count)
            return remark.isEmpty || count == 0 && remark != "not looked at"
                ? "\(padded)  \(number)" : "\(padded)  \(number)  \(remark)"
        }
    }
}
