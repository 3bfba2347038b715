import Foundation
import ReplicateSimulator
import Testing
import ZoetropeTestKit

/// Everything at once: workers, the service and the database die at random while orders come in, and the provider's
/// answers and webhooks get lost.
///
/// This is the short form; `scripts/storm.sh` runs the long one.
@Suite(.timeLimit(.minutes(30))) struct StormTests {
    @Test(arguments: StormForm.chosen)
    func `what was accepted comes to its end and is paid once, whatever dies`(form: StormForm) async throws {
        let size = try StormSize(form)
        try await Turnstile.services.with {
            let verdict = try await Storm.run(size)
            print(verdict.report)
            for finding in verdict.findings.prefix(30) { Issue.record("storm, seed \(size.seed): \(finding)") }
        }
    }
}

/// What the storm goes over.
enum StormForm: String, CaseIterable, Sendable {
    /// One service and its workers on one host.
    case sqlite
    case postgres
    /// Two services and their workers, each with a folder of its own, which share nothing but PostgreSQL and a bucket on an
    /// S3 server that is often busy.
    case fleet

    var database: TestDatabase { self == .sqlite ? .sqlite : .postgres }

    /// `ZOETROPE_STORM_FORMS`, or all.
    static let chosen: [StormForm] = {
        let names = ProcessInfo.processInfo.environment["ZOETROPE_STORM_FORMS"]?.split(separator: ",")
        return names?.compactMap { StormForm(rawValue: String($0)) } ?? allCases
    }()
}

/// How much of everything.
///
/// Real time decides what the chosen moments hit, so that a seed gives the same choices and not the same storm.
struct StormSize: Sendable {
    let form: StormForm
    let runs: Int
    /// Workers that are killed at least; a service is killed once more for every ten.
    let kills: Int
    /// Workers that are stopped for longer than their lease and then go on.
    let freezes: Int
    /// How often the database server stops as in a crash; SQLite has none.
    let stops: Int
    let workers: Int
    let seed: UInt64
    /// Orders that are open at a time: a take-over is measured, and not how long a queue is.
    let open = 24
    /// Seconds between two kills, in the mean.
    ///
    /// On one host runs come to their ends as fast as workers die; in a fleet, workers die as long as there are runs.
    let pace: Double
    /// Seconds of ZOETROPE_LEASE.
    let lease: Double

    var database: TestDatabase { form.database }
    var services: Int { form == .fleet ? 2 : 1 }
    /// The share of requests to the S3 server that are answered 503, and of those whose answer is lost.
    let busy = 0.05
    let lost = 0.01

    /// Numbers from the environment; the short form's without.
    init(_ form: StormForm) throws {
        func number(_ name: String, _ usual: Int) throws -> Int {
            guard let text = ProcessInfo.processInfo.environment["ZOETROPE_STORM_\(name)"] else { return usual }
            return try #require(Int(text).flatMap { $0 >= 0 ? $0 : nil }, "ZOETROPE_STORM_\(name) is \"\(text)\"")
        }
        self.form = form
        let isFleet = form == .fleet
        runs = try number("RUNS", isFleet ? 30 : 40)
        kills = try number("KILLS", isFleet ? 4 : 12)
        freezes = try number("FREEZES", isFleet ? 1 : 3)
        stops = form == .sqlite ? 0 : try number("STOPS", 2)
        workers = max(2, try number("WORKERS", isFleet ? 2 : 3))
        pace = Double(try number("PACE_MILLISECONDS", isFleet ? 2_000 : 800)) / 1_000
        lease = Double(try number("LEASE_SECONDS", 2))
        seed = UInt64(try number("SEED", .random(in: 1...999_999_999)))
    }
}
