import Foundation
import ReplicateSimulator
import StrictJSON
import Testing
import ZoetropeTestKit

/// `zoetrope cleanup` as operators run it, on a service whose videos have grown old.
@Suite(.timeLimit(.minutes(15)))
struct CleanupCommandTests {
    /// An installation with two jobs, one of which expired ten days ago, and an animation of each.
    private func withOldService(_ body: @Sendable (Installation, _ young: String) async throws -> Void) async throws {
        try await Turnstile.services.with {
            try await ReplicateSimulator.withRunning { simulator in
                simulator.add(
                    .plan(Plan(queueSeconds: 0.1, runSeconds: 0.3, video: .init(width: 256, height: 144)), times: nil)
                )
                let place = try await Installation(.sqlite, simulator)
                try await body(place, try await young(of: place))
            }
        }
    }

    /// Has two photos animated, and makes one of them old; returns the other's job.
    private func young(of place: Installation) async throws -> String {
        let service = try place.serve()
        let address = try await service.address()
        var jobs: [String] = []
        for _ in 0..<2 {
            let job = try #require(try await place.createJob(address, kind: "photo"))
            let order = try await place.call(
                "POST",
                "\(address)/api/v1/jobs/\(job)/animations",
                ["--json", #"{"model": "replicate_video_01_live"}"#]
            )
            let id = try #require(order?.body["id"]?.string, "\(String(describing: order))")
            let final = try await place.final(address, "/api/v1/jobs/\(job)/animations/\(id)", sceneIsGone: false)
            #expect(final["status"] == "ready")
            jobs.append(job)
        }
        service.signal(SIGTERM)
        try await service.end()
        try await change(place, "UPDATE jobs SET created_at = '\(Self.old)' WHERE id = '\(jobs[0])'")
        try await change(place, "UPDATE animation_attempts SET created_at = '\(Self.old)' WHERE job_id = '\(jobs[0])'")
        return jobs[1]
    }

    /// Forty days ago.
    private static let old = (Date.now - 40 * 86_400)
        .formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))

    private func change(_ place: Installation, _ sql: String) async throws {
        let script = "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=60).executescript(sys.argv[2])"
        try await ToolRunner.succeed("python3", ["-c", script, place.folder.path("data/zoetrope.sqlite"), sql])
    }

    private func objects(_ place: Installation) -> [String] {
        let folder = place.folder.path("data/objects")
        return (FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? [])
            .filter { $0.hasSuffix(".mp4") || $0.hasSuffix(".jpg") }
    }

    @Test func `it says what would go, then lets it go, and is done`() async throws {
        try await withOldService { place, young in
            #expect(objects(place).count == 6)
            let preview = try await place.run("cleanup", "--dry-run", "--json")
            #expect(preview.status == 0, "\(preview.errorText)")
            let would = try StrictJSON.JSONValue(parsing: Array(preview.text.utf8))
            #expect(would["animations"] == 1 && would["jobs"] == 1 && would["dry_run"] == true)
            #expect(objects(place).count == 6)

            let done = try await place.run("cleanup")
            #expect(done.status == 0, "\(done.errorText)")
            #expect(done.text.contains(/animations gone +1\n/) && done.text.contains(/jobs gone +1\n/))
            #expect(objects(place).count == 3 && objects(place).allSatisfy { $0.contains(young) })

            let again = try await place.run("cleanup", "--json")
            let nothing = try StrictJSON.JSONValue(parsing: Array(again.text.utf8))
            #expect(nothing["animations"] == 0 && nothing["listed"] == 3 && nothing["missing"] == 0)
        }
    }

    @Test(arguments: ["K36", "K37", "K38"])
    func `killed half-way it goes on where it was`(point: String) async throws {
        try await withOldService { place, young in
            let killed = try place.start("cleanup", crashAt: point)
            #expect(try await killed.end().wasKilled)
            let hasty = try await place.run("cleanup")
            #expect(hasty.status == 1 && hasty.errorText.contains("its lease lasts until"), "\(hasty.errorText)")
            try await change(place, "UPDATE schedules SET lease_expires_at = '\(Self.old)'")
            try await change(place, "UPDATE object_deletions SET wake_at = '\(Self.old)'")
            let done = try await place.run("cleanup")
            #expect(done.status == 0, "\(done.errorText)")
            #expect(objects(place).count == 3 && objects(place).allSatisfy { $0.contains(young) })
        }
    }

    @Test func `after a long silence it refuses until it is confirmed`() async throws {
        try await withOldService { place, _ in
            try await change(place, "UPDATE schedules SET seen_at = '\(Self.old)', last_finished_at = NULL")
            for arguments in [["cleanup", "--dry-run"], ["cleanup"]] {
                let refused = try await place.run(arguments)
                #expect(refused.status == 1)
                #expect(refused.errorText.contains("the service was off, or the clock jumped"), "\(refused.errorText)")
                #expect(objects(place).count == 6)
            }
            let confirmed = try await place.run("cleanup", "--confirm")
            #expect(confirmed.status == 0, "\(confirmed.errorText)")
            #expect(objects(place).count == 3)
        }
    }
}

extension Installation {
    fileprivate func run(_ arguments: [String]) async throws -> ToolResult {
        let settings = environment.map { "\($0.key)=\($0.value)" }
        return try await ToolRunner.run("env", ["-C", folder.url.path] + settings + [Program.path] + arguments)
    }
}
