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
    private let port: Int
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
        port = .random(in: 30_001...32_000)
        let settings = [
            "ZOETROPE_PUBLIC_URL": "http://127.0.0.1:\(port)", "ZOETROPE_LEASE": "\(Int(size.lease))s",
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
        client = try StormClient(size, port: port)
        crew = StormCrew { [database, port] isWorker, name in
            try ServiceProcess(
                isWorker ? ["worker"] : ["serve", "--role", "api", "--port", "\(port)"],
                in: place.folder,
                environment: place.environment.merging(database.environment(for: name)) { $1 }
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
        let account = try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0...size.workers { group.addTask { try await crew.keep(number) } }
            group.addTask { try await client.watch() }
            group.addTask { try await tell() }
            try await begin()
            let account = try await blow()
            say("calm; waiting for the end of every run")
            try await settle()
            group.cancelAll()
            return account
        }
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
            objects: StormEvidence.objects(in: place.folder.path("data/objects")),
            database: database
        )
        return StormVerdict(evidence, seconds: elapsed)
    }

    /// Waits for the service's first answer; fails when it cannot even start.
    private func begin() async throws {
        while await StormHTTP.call("GET", port: port, "/api/v1/jobs") == nil {
            let failed = crew.members.first { $0.oddEnd != nil }
            try #require(failed == nil, "\(failed?.process.log.suffix(500) ?? "")")
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    /// Lets everything go wrong at once, and returns when every order was accepted and the last thing has died.
    private func blow() async throws -> StormForger.Account {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await client.order() }
            group.addTask { try await kill() }
            group.addTask { try await freeze() }
            group.addTask { try await stopDatabase() }
            let account = try await StormForger(simulator: simulator, size: size, port: port).run()
            try await group.waitForAll()
            return account
        }
    }

    private func kill() async throws {
        var random = SplitMix64(seed: size.seed &+ 4)
        for number in 0..<size.kills {
            try await Task.sleep(for: .seconds(size.pace * .random(in: 0.2..<1.8, using: &random)))
            while !crew.kill(oneOf: 1...size.workers, &random) { try await Task.sleep(for: .milliseconds(20)) }
            if number % 10 == 5 { _ = crew.kill(oneOf: 0...0, &random) }
        }
    }

    private func freeze() async throws {
        var random = SplitMix64(seed: size.seed &+ 5)
        try await withThrowingTaskGroup { group in
            for moment in moments(size.freezes, &random) {
                // Long enough for the lease to run out and for another to take the runs.
                let length = Duration.seconds(size.lease * .random(in: 2..<2.5, using: &random))
                group.addTask {
                    try await Task.sleep(until: start + moment)
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
        for moment in moments(size.stops, &random) {
            try await Task.sleep(until: start + moment)
            try await server.stopImmediately()
            try await Task.sleep(for: .seconds(.random(in: 0..<1, using: &random)))
            try await server.start()
        }
    }

    /// So many times from the start, one in each part of the time in which orders come.
    private func moments(_ count: Int, _ random: inout SplitMix64) -> [Duration] {
        (0..<count)
            .map { .seconds(0.8 * size.length * (Double($0) + .random(in: 0..<1, using: &random)) / Double(count)) }
    }

    // MARK: The end

    /// Waits until every run is final and nothing is left to undo, or for three minutes.
    private func settle() async throws {
        let end = ContinuousClock.now + .seconds(180)
        while ContinuousClock.now < end {
            let ledger = client.ledger
            if ledger.ended == ledger.orders.count, try await isTidy() { break }
            try await Task.sleep(for: .milliseconds(300))
        }
        await client.lookAgain()
    }

    private func isTidy() async throws -> Bool {
        try await database.rows(
            """
            SELECT id FROM animation_runs WHERE state <> 'done' OR lease_owner IS NOT NULL
            UNION ALL SELECT animation_id FROM undo_records WHERE state IN ('armed', 'due')
            """
        )
        .isEmpty
    }

    private func command(_ arguments: String...) async throws -> ToolResult {
        let environment = place.environment.merging(database.environment(for: "judge")) { $1 }
        return try await ToolRunner.run(
            "env",
            ["-C", place.folder.url.path] + environment.map { "\($0.key)=\($0.value)" } + [Program.path] + arguments
        )
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
        print("storm on \(size.database.rawValue), \(Int(elapsed)) s: \(text)")
    }
}
