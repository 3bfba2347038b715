import Foundation
import ReplicateSimulator
import StrictJSON
import Synchronization
import Testing
import ZoetropeTestKit

/// Workers that are alive and of no use: they lose their runs to others, and what they write later changes nothing.
@Suite(.timeLimit(.minutes(10))) struct LostWorkerTests {
    @Test func `a worker that hangs loses its run, and changes nothing when it goes on`() async throws {
        try await Turnstile.services.with {
            try await Stage.withOne { stage in
                let first = try stage.worker("first", database: stage.url)
                let run = try await stage.order(heldBy: first)
                first.signal(SIGSTOP)
                let second = try await stage.takeOver(run)
                let after = try await stage.rows(of: run)

                first.signal(SIGCONT)
                // Its own clock says that the lease is over, before the database does.
                try await stage.wait(for: first, toSay: "a lease could not be renewed in time")
                try await stage.wait(for: first, toSay: "the run belongs to somebody else now")
                #expect(try await stage.rows(of: run) == after)
                try await stage.goesOn(first, without: second)
            }
        }
    }

    @Test func `a worker that is cut off from the database stops its step, and writes nothing later`() async throws {
        try await Turnstile.services.with {
            try await Stage.withOne { stage in
                let line = try Line(to: stage.url)
                let first = try stage.worker("first", database: line.url)
                let run = try await stage.order(heldBy: first)
                // No connection is closed, and no answer comes.
                line.cut()
                let second = try await stage.takeOver(run)
                try await stage.wait(for: first, toSay: "a lease could not be renewed in time")
                // What it was doing is over, although it cannot tell anybody.
                while try !FileManager.default.contentsOfDirectory(atPath: stage.scratch(of: "first")).isEmpty {
                    try await Task.sleep(for: .milliseconds(20))
                }
                #expect(!first.log.contains("the run belongs to somebody else now"))
                let after = try await stage.rows(of: run)
                let refused = try await stage.refused(of: "first")

                // What it had sent meanwhile arrives now.
                line.mend()
                try await stage.wait(for: first, toSay: "the run belongs to somebody else now")
                #expect(try await stage.refused(of: "first") > refused)
                #expect(try await stage.rows(of: run) == after)
                try await stage.goesOn(first, without: second)
            }
        }
    }
}

/// An API process, a provider whose first result comes slowly, and workers that come one by one.
private struct Stage: Sendable {
    let url: String
    private let place: Installation
    private let database: StormDatabase
    private let api: ServiceProcess
    private let address: String

    static func withOne(_ body: (Stage) async throws -> Void) async throws {
        try await ReplicateSimulator.withRunning { simulator in
            simulator.add(
                .plan(Plan(queueSeconds: 0.1, runSeconds: 0.2, video: .init(width: 1280, height: 720)), times: nil),
                Rule(on: .output, .fault(.slow(bytesPerSecond: 1_000)), times: 1)
            )
            let stage = try await Stage(simulator)
            try await body(stage)
            stage.api.signal(SIGTERM)
            #expect(try await stage.api.end().status == 0)
            #expect(simulator.ledger.accepted == 2)
            #expect(simulator.ledger.createsReceivedByTag.values.allSatisfy { $0 == 1 })
        }
    }

    private init(_ simulator: ReplicateSimulator) async throws {
        let server = try await TestPostgres.shared()
        let url = try await server.makeDatabase()
        self.url = url
        database = .postgres(server, url: url)
        place = try await Installation(.sqlite, simulator, settings: ["ZOETROPE_DATABASE_URL": url])
        api = try place.start("serve", "--port", "0", "--role", "api")
        address = try await api.address()
        try await database.installAudit()
    }

    /// A worker with a folder of its own, which the database knows by a name.
    func worker(_ name: String, database url: String) throws -> ServiceProcess {
        let settings = [
            "ZOETROPE_DATABASE_URL": "\(url)&application_name=\(name)",
            "ZOETROPE_DATA_DIR": place.folder.path("data-\(name)"),
            "ZOETROPE_STORAGE_URL": "file:\(place.folder.path("data/objects"))",
        ]
        return try ServiceProcess(["worker"], in: place.folder, environment: place.environment.merging(settings) { $1 })
    }

    func scratch(of name: String) -> String { place.folder.path("data-\(name)/scratch") }

    /// Orders an animation, and waits until a worker has begun to fetch its result; returns its id.
    func order(heldBy worker: ServiceProcess) async throws -> String {
        let id = try await order().id
        while true {
            let row = try await database.rows("SELECT state, lease_owner FROM animation_runs WHERE id = '\(id)'").first
            let owner = row?["lease_owner"]?.string.flatMap(StormEvidence.processID(ofOwner:))
            if row?["state"] == "finishing", owner == worker.processID { return id }
            try #require(worker.isRunning, "\(worker.log)")
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    private func order() async throws -> (id: String, path: String) {
        let job = try #require(try await place.createJob(address, kind: "photo"))
        let path = "/api/v1/jobs/\(job)/animations"
        let body = #"{"model": "replicate_video_01_live"}"#
        let answer = try await place.call("POST", address + path, ["--json", body])
        let id = try #require(answer?.body["id"]?.string, "\(String(describing: answer))")
        return (id, "\(path)/\(id)")
    }

    /// Starts a second worker, which must bring the run to its end; returns it.
    func takeOver(_ run: String) async throws -> ServiceProcess {
        let start = ContinuousClock.now
        let second = try worker("second", database: url)
        while try await rows(of: run).first?["outcome"] != "ready" {
            try #require(ContinuousClock.now - start < .seconds(60), "not taken over: \(second.log)")
            try await Task.sleep(for: .milliseconds(50))
        }
        return second
    }

    /// Everything that the database has of a run, in one order.
    func rows(of run: String) async throws -> [StrictJSON.JSONValue] {
        var rows: [StrictJSON.JSONValue] = []
        for (table, column, order) in [
            ("animation_runs", "id", "id"), ("animation_attempts", "id", "id"), ("paid_intents", "animation_id", "tag"),
            ("undo_records", "animation_id", "place"), ("ledger", "animation_id", "place"),
        ] {
            rows += try await database.rows("SELECT * FROM \(table) WHERE \(column) = '\(run)' ORDER BY \(order)")
        }
        return rows
    }

    /// How many writes of a process found no row.
    func refused(of name: String) async throws -> Int {
        try await database.rows("SELECT writer FROM storm_refused WHERE writer = '\(name)'").count
    }

    func wait(for process: ServiceProcess, toSay text: String) async throws {
        let start = ContinuousClock.now
        while !process.log.contains(text) {
            try #require(process.isRunning && ContinuousClock.now - start < .seconds(60), "\(process.log)")
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    /// A worker that was lost works on what comes next, when it is the only one.
    func goesOn(_ first: ServiceProcess, without second: ServiceProcess) async throws {
        second.signal(SIGTERM)
        #expect(try await second.end().status == 0)
        let final = try await place.final(address, try await order().path, sceneIsGone: false)
        #expect(final["status"] == "ready", "\(final)")
        first.signal(SIGTERM)
        #expect(try await first.end().status == 0)
    }
}

/// A line to PostgreSQL that can be cut: a process that passes bytes on, and is stopped.
private final class Line: Sendable {
    let url: String
    private let folder: TemporaryFolder
    private let process: Mutex<Process>

    private static let script = """
        import asyncio, os, sys, threading
        async def pump(reader, writer):
            try:
                while data := await reader.read(65536):
                    writer.write(data)
                    await writer.drain()
            except OSError:
                pass
            writer.close()
        async def serve(reader, writer):
            upstream = await asyncio.open_unix_connection(sys.argv[2])
            await asyncio.gather(pump(reader, upstream[1]), pump(upstream[0], writer))
        async def main():
            server = await asyncio.start_unix_server(serve, sys.argv[1])
            print("ready", flush=True)
            await server.serve_forever()
        threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
        asyncio.run(main())
        """

    init(to url: String) throws {
        let host = try #require(url.firstMatch(of: /host=([^&]+)/)?.1)
        folder = try TemporaryFolder()
        self.url = url.replacing("host=\(host)", with: "host=\(folder.url.path)")
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [
            "python3", "-c", Self.script, folder.path(".s.PGSQL.5432"), "\(host)/.s.PGSQL.5432",
        ]
        // It ends when this pipe does, however the tests end.
        process.standardInput = Pipe()
        process.standardOutput = output
        try process.start()
        self.process = Mutex(process)
        try #require(!output.fileHandleForReading.availableData.isEmpty)
    }

    deinit { process.withLock { _ = kill($0.processIdentifier, SIGKILL) } }

    func cut() { process.withLock { _ = kill($0.processIdentifier, SIGSTOP) } }
    func mend() { process.withLock { _ = kill($0.processIdentifier, SIGCONT) } }
}
