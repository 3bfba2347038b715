import Foundation
import ReplicateSimulator
import StrictJSON
import Synchronization
import Testing
import ZoetropeTestKit

/// One storm: the whole service as real processes, and everything that happens to it.
struct Storm: Sendable {
    private let size: StormSize
    private let simulator: ReplicateSimulator
    private let place: Installation
    private let database: StormDatabase
    private let server: TestPostgres?
    /// Where a fleet's objects are; nil for a folder.
    private let bucket: S3Place?
    private let ports: [Int]
    private let client: StormClient
    private let crew: StormCrew
    private let start = ContinuousClock.now

    static func run(_ size: StormSize) async throws -> StormVerdict {
        try await ReplicateSimulator.withRunning { simulator in
            simulator.add(StormTrouble.rules(size))
            return try await Storm(size, simulator).run()
        }
    }

    private init(_ size: StormSize, _ simulator: ReplicateSimulator) async throws {
        self.size = size
        self.simulator = simulator
        // Below the ports that the system gives away, so that a killed service gets its own again.
        let first = Int.random(in: 30_001...31_990)
        ports = Array(first..<(first + size.services))
        let settings = [
            "ZOETROPE_LEASE": "\(Int(size.lease))s",
            // For all alike, since they share no folder.
            "ZOETROPE_SIGNING_SECRET": "the secret of a storm of thirty-two bytes and more",
        ]
        let place = try await Installation(.sqlite, simulator, settings: settings)
        self.place = place
        switch size.database {
        case .sqlite:
            server = nil
            database = .sqlite(path: place.folder.path("data/zoetrope.sqlite"))
        case .postgres:
            // One of its own, since it is stopped.
            let server = try await TestPostgres.launch()
            self.server = server
            database = .postgres(server, url: try await server.makeDatabase())
        }
        bucket =
            size.form == .fleet
            ? try await S3Place(seed: size.seed &+ 7, busy: size.busy, lost: size.lost) : nil
        client = try StormClient(size, ports: ports)
        crew = StormCrew(services: size.services, workers: size.workers) { [database, bucket, ports] number, name in
            var environment = place.environment.merging(database.environment(for: name)) { $1 }
            // Webhooks come to one service or the other.
            environment["ZOETROPE_PUBLIC_URL"] = "http://127.0.0.1:\(ports[number % ports.count])"
            if let bucket {
                environment.merge(bucket.environment) { $1 }
                environment["ZOETROPE_DATA_DIR"] = place.folder.path("data-\(number)")
            }
            return try ServiceProcess(
                number < ports.count ? ["serve", "--role", "api", "--port", "\(ports[number])"] : ["worker"],
                in: place.folder,
                environment: environment
            )
        }
    }

    private func run() async throws -> StormVerdict {
        say(
            "seed \(size.seed), \(size.runs) runs, \(size.kills) kills, \(size.freezes) freezes, \(size.stops) database stops"
        )
        let migration = try await command("migrate")
        try #require(migration.status == 0, "\(migration.errorText)")
        try await database.installAudit()
        let account = try await withThrowingTaskGroup(of: StormForger.Account?.self) { group in
            func run(_ body: @escaping @Sendable () async throws -> Void) {
                group.addTask {
                    try await body()
                    return nil
                }
            }
            for place in 0..<(size.services + size.workers) { run { try await crew.keep(place) } }
            run { try await client.watch() }
            run { try await tell() }
            try await begin()
            let forger = StormForger(simulator: simulator, size: size, ports: ports)
            group.addTask { await forger.run() }
            try await blow()
            say("calm; waiting for the end of every run")
            try await settle()
            group.cancelAll()
            return try await statement(from: &group)
        }
        let downloads = try await S3Tools.download(client.ledger.urls.values.flatMap(\.self), in: place.folder)
        let problems = try await crew.close()
        let verified = try await command("runs", "verify")
        let evidence = try await StormEvidence(
            size: size,
            client: client.ledger,
            provider: simulator.ledger,
            inputsLeft: inputsLeft(),
            outputURL: simulator.outputURL,
            forger: account,
            members: crew.members,
            endings: problems,
            verify: verified,
            downloads: downloads,
            stored: stored(),
            database: database
        )
        return StormVerdict(evidence, seconds: elapsed)
    }

    /// What the forger says, who is the only one to say something when all are called off.
    private func statement(
        from group: inout ThrowingTaskGroup<StormForger.Account?, any Error>
    ) async throws -> StormForger.Account {
        var account: StormForger.Account?
        while let result = await group.nextResult() {
            if case .success(let said?) = result { account = said }
        }
        return try #require(account)
    }

    /// Waits for the service's first answer; fails when it cannot even start.
    private func begin() async throws {
        for port in ports {
            while await StormHTTP.call("GET", port: port, "/api/v1/jobs") == nil {
                let failed = crew.members.first { $0.oddEnd != nil }
                try #require(failed == nil, "\(failed?.process.log.suffix(500) ?? "")")
                try await Task.sleep(for: .milliseconds(20))
            }
        }
    }

    /// Lets everything go wrong at once, and returns when every order was accepted and the last thing has died.
    private func blow() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await client.order() }
            group.addTask { try await kill() }
            group.addTask { try await freeze() }
            group.addTask { try await stopDatabase() }
            try await group.waitForAll()
        }
    }

    /// Things die at random moments, and no faster than runs come to their ends, however slow the machine is.
    ///
    /// In a fleet they die at their pace until nearly all runs are at their end, and a little longer if that was early.
    private func kill() async throws {
        var random = SplitMix64(seed: size.seed &+ 4)
        var number = 0
        while number < size.kills || (size.form == .fleet && Double(client.ended) < 0.95 * Double(size.runs)) {
            if size.form != .fleet {
                try await client.end(
                    of: Double(number) / Double(size.kills) - Double(size.open) / Double(size.runs)
                )
            }
            try await Task.sleep(for: .seconds(size.pace * .random(in: 0.2..<1.8, using: &random)))
            while !crew.kill(oneOf: crew.workers, &random) { try await Task.sleep(for: .milliseconds(20)) }
            if number % 10 == 5 { _ = crew.kill(oneOf: crew.services, &random) }
            number += 1
        }
    }

    private func freeze() async throws {
        var random = SplitMix64(seed: size.seed &+ 5)
        try await withThrowingTaskGroup { group in
            for share in shares(size.freezes, &random) {
                // Long enough for the lease to run out and for another to take the runs.
                let length = Duration.seconds(size.lease * .random(in: 2..<2.5, using: &random))
                group.addTask {
                    try await client.end(of: share)
                    guard let victim = try await holder() else { return }
                    try await Task.sleep(for: length)
                    crew.thaw(processID: victim)
                }
            }
            try await group.waitForAll()
        }
    }

    /// Freezes a worker that has runs in hand; returns its process, or nil when none had any for 20 seconds.
    private func holder() async throws -> Int32? {
        let end = ContinuousClock.now + .seconds(20)
        while ContinuousClock.now < end {
            // The database may be stopped just now.
            let rows = try? await database.rows(
                "SELECT lease_owner AS owner, count(*) AS runs FROM animation_runs WHERE lease_owner IS NOT NULL GROUP BY 1 ORDER BY 2 DESC"
            )
            for row in rows ?? [] {
                if let id = row["owner"]?.string.flatMap(StormEvidence.processID(ofOwner:)), crew.freeze(processID: id)
                {
                    return id
                }
            }
            try await Task.sleep(for: .milliseconds(20))
        }
        return nil
    }

    private func stopDatabase() async throws {
        guard let server else { return }
        var random = SplitMix64(seed: size.seed &+ 6)
        for share in shares(size.stops, &random) {
            try await client.end(of: share)
            try await server.stopImmediately()
            try await Task.sleep(for: .seconds(.random(in: 0..<1, using: &random)))
            try await server.start()
        }
    }

    /// So many shares of all runs, one in each part of the storm, and none so late that nothing is left to hit.
    private func shares(_ count: Int, _ random: inout SplitMix64) -> [Double] {
        (0..<count).map { 0.5 * (Double($0) + .random(in: 0..<1, using: &random)) / Double(count) }
    }

    // MARK: The end

    /// Waits until every run is final and nothing is left to undo, or until nothing has moved for two minutes.
    private func settle() async throws {
        var seen = (ended: 0, open: Int.max)
        var since = ContinuousClock.now
        while ContinuousClock.now < since + .seconds(120) {
            let now = (ended: client.ledger.ended, open: try await openRuns())
            if now.ended == size.runs, now.open == 0 { break }
            if now != seen { (seen, since) = (now, .now) }
            try await Task.sleep(for: .milliseconds(300))
        }
        await client.lookAgain()
    }

    /// How many runs are held, or not at their end, or have something left to undo.
    private func openRuns() async throws -> Int {
        try await database.rows(
            """
            SELECT id FROM animation_runs WHERE state <> 'done' OR check_at IS NOT NULL OR lease_owner IS NOT NULL
            UNION SELECT animation_id FROM undo_records WHERE state IN ('armed', 'due')
            """
        )
        .count
    }

    private func command(_ arguments: String...) async throws -> ToolResult {
        let environment = place.environment.merging(database.environment(for: "judge")) { $1 }
            .merging(bucket?.environment ?? [:]) { $1 }
        return try await ToolRunner.run(
            "env",
            ["-C", place.folder.url.path] + environment.map { "\($0.key)=\($0.value)" } + [Program.path] + arguments
        )
    }

    private func stored() async throws -> StormEvidence.Stored {
        if let bucket { return try await bucket.contents() }
        return try await .files(in: place.folder.path("data/objects"))
    }

    /// Images that the provider still has, of the newest hundred; nil when it cannot be asked.
    private func inputsLeft() async -> [StormEvidence.Row]? {
        guard let port = simulator.baseURL.split(separator: ":").last.flatMap({ Int($0) }) else { return nil }
        for _ in 0..<20 {
            let token = "Authorization: Bearer \(simulator.token)"
            let answer = await StormHTTP.call("GET", port: port, "/v1/files", headers: [token])
            if let answer, answer.status == 200 { return answer.json["results"]?.array }
        }
        return nil
    }

    // MARK: Telling

    private var elapsed: Double { (ContinuousClock.now - start) / .seconds(1) }

    private func tell() async throws {
        while true {
            try await Task.sleep(for: .seconds(10))
            let (ledger, members) = (client.ledger, crew.members)
            say(
                "\(ledger.asked) accepted, \(ledger.ended) final, \(members.count { $0.isWorker && $0.killedAt != nil }) workers "
                    + "killed, \(members.count { !$0.frozen.isEmpty }) frozen"
            )
        }
    }

    private func say(_ text: String) {
        print("storm on \(size.form.rawValue), \(Int(elapsed)) s: \(text)")
    }
}
