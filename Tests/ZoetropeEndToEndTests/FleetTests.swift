import Foundation
import ReplicateSimulator
import StrictJSON
import Testing
import ZoetropeTestKit

/// Services and workers that share nothing but PostgreSQL and a bucket.
@Suite(.timeLimit(.minutes(10))) struct FleetTests {
    @Test func `one process takes the order, another makes the video, a third tells of it`() async throws {
        try await Turnstile.services.with {
            try await Fleet.withOne { fleet in
                let (first, second) = (try await fleet.service("api-1"), try await fleet.service("api-2"))
                let job = try #require(try await fleet.place.createJob(first.address, kind: "photo"))
                let id = try #require(try await fleet.place.createAnimation(second.address, of: job))
                let path = "/api/v1/jobs/\(job)/animations/\(id)"
                // Nobody works on it yet: what is told comes from another process.
                let stream = Task {
                    try await ToolRunner.run("curl", ["-sSN", "-m", "60", "\(first.address)\(path)/events"])
                }
                let worker = try fleet.worker("worker-1")
                let events = try await stream.value.text
                #expect(events.contains("event: progress") && events.contains("event: ready"), "\(events)")

                let final = try await fleet.place.final(second.address, path, sceneIsGone: false)
                #expect(final["status"] == "ready", "\(final)")
                try await fleet.check(final)
                let keys = try await fleet.contents().objects.keys.sorted()
                #expect(
                    keys == [
                        "animations/\(job)/\(id).jpg", "animations/\(job)/\(id).mp4", "uploads/\(job)/source.jpg",
                    ]
                )

                // What one process deletes, another takes away.
                #expect(try await fleet.place.call("DELETE", "\(first.address)/api/v1/jobs/\(job)")?.status == 204)
                while try await !fleet.contents().objects.isEmpty { try await Task.sleep(for: .milliseconds(100)) }
                #expect(try await fleet.contents().uploads.isEmpty)
                for process in [worker, first.process, second.process] {
                    process.signal(SIGTERM)
                    #expect(try await process.end().status == 0, "\(process.log)")
                }
            }
        }
    }

    @Test func `a worker that is asked to stop while it stores a video hands it over within seconds`() async throws {
        try await Turnstile.services.with {
            try await Fleet.withOne { fleet in
                let api = try await fleet.service("api")
                let job = try #require(try await fleet.place.createJob(api.address, kind: "photo"))
                await fleet.bucket.proxy("stall")
                let first = try fleet.worker("worker-1")
                let id = try #require(try await fleet.place.createAnimation(api.address, of: job))
                while await fleet.bucket.proxy("counts")["stalled"] != 1 {
                    try #require(first.isRunning, "\(first.log)")
                    try await Task.sleep(for: .milliseconds(20))
                }
                let start = ContinuousClock.now
                first.signal(SIGTERM)
                while try await fleet.database.rows("SELECT id FROM animation_runs WHERE lease_owner IS NOT NULL").count
                    > 0
                {
                    try #require(ContinuousClock.now - start < .seconds(60), "\(first.log)")
                }
                let taken = ContinuousClock.now - start
                // 5 s on a machine that has nothing else to do.
                #expect(taken < .seconds(15))
                #expect(try await first.end().status == 0, "\(first.log)")
                print("a worker that was storing a video handed it over after \(taken)")

                // What was on its way arrives after all, before the next worker's.
                await fleet.bucket.proxy("go")
                let second = try fleet.worker("worker-2")
                let final = try await fleet.place.final(
                    api.address,
                    "/api/v1/jobs/\(job)/animations/\(id)",
                    sceneIsGone: false
                )
                #expect(final["status"] == "ready", "\(final)")
                try await fleet.check(final)
                #expect(try await fleet.contents().objects.count == 3)
                #expect(fleet.place.simulator.ledger.accepted == 1)
                for process in [second, api.process] {
                    process.signal(SIGTERM)
                    #expect(try await process.end().status == 0, "\(process.log)")
                }
            }
        }
    }
}

/// A database, a bucket behind a proxy, a provider, and processes with a folder each.
private struct Fleet: Sendable {
    let place: Installation
    let database: StormDatabase
    let bucket: S3Place

    static func withOne(_ body: (Fleet) async throws -> Void) async throws {
        try await ReplicateSimulator.withRunning { simulator in
            simulator.add(
                .plan(Plan(queueSeconds: 0.3, runSeconds: 0.5, video: .init(width: 256, height: 144)), times: nil)
            )
            try await body(Fleet(simulator))
        }
    }

    private init(_ simulator: ReplicateSimulator) async throws {
        bucket = try await S3Place()
        let postgres = try await TestPostgres.shared()
        let url = try await postgres.makeDatabase()
        database = .postgres(postgres, url: url)
        let settings = [
            "ZOETROPE_DATABASE_URL": url, "ZOETROPE_LEASE": "30s",
            "ZOETROPE_SIGNING_SECRET": "the secret of a fleet of thirty-two bytes and more",
        ]
        place = try await Installation(
            .sqlite,
            simulator,
            settings: settings.merging(bucket.environment) { $1 }
        )
    }

    private func start(_ name: String, _ arguments: [String]) throws -> ServiceProcess {
        let settings = ["ZOETROPE_DATA_DIR": place.folder.path("data-\(name)")]
        return try ServiceProcess(arguments, in: place.folder, environment: place.environment.merging(settings) { $1 })
    }

    func service(_ name: String) async throws -> (process: ServiceProcess, address: String) {
        let process = try start(name, ["serve", "--port", "0", "--role", "api"])
        return (process, try await process.address())
    }

    func worker(_ name: String) throws -> ServiceProcess { try start(name, ["worker"]) }

    func contents() async throws -> StormEvidence.Stored { try await bucket.contents() }

    /// Fetches the video of a ready animation like a player does, by its address alone.
    func check(_ animation: StrictJSON.JSONValue) async throws {
        let url = try #require(animation["preview_url"]?.string)
        let key = try #require(animation["preview_s3_key"]?.string)
        #expect(url.contains("X-Amz-Signature="), "\(url)")
        let stored = try #require(try await contents().objects[key])
        let urls = [url] + ["thumb_url"].compactMap { animation[$0]?.string }
        #expect(urls.count == 2)
        let downloads = try await S3Tools.download(urls, in: place.folder)
        #expect(downloads[url] == stored && downloads.count == 2)

        let whole = try await ToolRunner.succeed("curl", ["-sSf", url]).stdout
        let part = try await ToolRunner.succeed("curl", ["-sSf", "-D", "/dev/stderr", "-r", "100-299", url])
        #expect(part.stdout == whole[100..<300])
        let head = part.errorText.lowercased()
        for line in ["206", "content-range: bytes 100-299/\(whole.count)", "content-type: video/mp4"] {
            #expect(head.contains(line), "\(line) in \(head)")
        }
        let forged = url.replacing(".mp4", with: ".jpg")
        let answer = try await ToolRunner.run("curl", ["-sS", "-o", "/dev/null", "-w", "%{http_code}", forged])
        #expect(answer.text == "403")
    }
}
