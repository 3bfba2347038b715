import Foundation
import ReplicateSimulator
import Testing
import ZoetropeTestKit

/// Everything at once: workers, the service and the database die at random while orders come in, and the provider's
/// answers and webhooks get lost.
///
/// This is the short form; `scripts/storm.sh` runs the long one.
@Suite(.timeLimit(.minutes(30))) struct StormTests {
    @Test(arguments: StormSize.databases)
    func `what was accepted comes to its end and is paid once, whatever dies`(database: TestDatabase) async throws {
        let size = try StormSize(database)
        try await Turnstile.services.with {
            let verdict = try await Storm.run(size)
            print(verdict.report)
            for finding in verdict.findings.prefix(30) { Issue.record("storm, seed \(size.seed): \(finding)") }
        }
    }
}

/// How much of everything.
///
/// Real time decides what the chosen moments hit, so that a seed gives the same choices and not the same storm.
struct StormSize: Sendable {
    let database: TestDatabase
    let runs: Int
    /// Workers that are killed; the service is killed once more for every ten.
    let kills: Int
    /// Workers that are stopped for longer than their lease and then go on.
    let freezes: Int
    /// How often the database server stops as in a crash; SQLite has none.
    let stops: Int
    let workers: Int
    let seed: UInt64
    /// Orders that are open at a time: a take-over is measured, and not how long a queue is.
    let open = 24
    /// Seconds between two kills, in the mean, while runs come to their ends as fast as workers die.
    let pace = 0.8
    /// Seconds of ZOETROPE_LEASE.
    let lease = 2.0

    /// `ZOETROPE_STORM_DATABASES`, or both.
    static let databases: [TestDatabase] = {
        let names = ProcessInfo.processInfo.environment["ZOETROPE_STORM_DATABASES"]?.split(separator: ",")
        return names?.compactMap { TestDatabase(rawValue: String($0)) } ?? TestDatabase.allCases
    }()

    /// Numbers from the environment; the short form's without.
    init(_ database: TestDatabase) throws {
        func number(_ name: String, _ usual: Int) throws -> Int {
            guard let text = ProcessInfo.processInfo.environment["ZOETROPE_STORM_\(name)"] else { return usual }
            return try #require(Int(text).flatMap { $0 >= 0 ? $0 : nil }, "ZOETROPE_STORM_\(name) is \"\(text)\"")
        }
        self.database = database
        runs = try number("RUNS", 40)
        kills = try number("KILLS", 12)
        freezes = try number("FREEZES", 3)
        stops = database == .postgres ? try number("STOPS", 2) : 0
        workers = max(2, try number("WORKERS", 3))
        seed = UInt64(try number("SEED", .random(in: 1...999_999_999)))
    }
}
