import Foundation
import ReplicateSimulator
import StrictJSON
import Testing
import ZoetropeTestKit

/// Real processes, killed with SIGKILL between two effects and started again.
@Suite(.timeLimit(.minutes(30))) struct CrashTests {
    /// What is done to the service, and where it dies.
    struct Death: Sendable, CustomTestStringConvertible {
        let point: String
        var isScene = false
        var cancels = false
        var fails = false
        /// The port on which webhooks arrive; 0 when there are none.
        var webhookPort = 0
        let database: TestDatabase

        /// Nobody can tell a create that was never sent from one whose answer was lost: it is not sent again.
        var sendsNothing: Bool { point == "K07" || point == "K08" }

        var testDescription: String { "\(point) \(database.rawValue)" }
    }

    static let deaths: [Death] = TestDatabase.allCases.flatMap { database in
        let straight = [
            "K01", "K02", "K03", "K04", "K05", "K06", "K07", "K08", "K09", "K10", "K11", "K12", "K16", "K17", "K18",
            "K20",
            "K22", "K24", "K25", "K26", "K28", "K41", "K42",
        ]
        return straight.map { Death(point: $0, database: database) }
            + ["K31", "K32", "K35"].map { Death(point: $0, cancels: true, database: database) }
            + ["K33", "K34"].map { Death(point: $0, isScene: true, fails: true, database: database) }
            + ["K13", "K14"].map { Death(point: $0, webhookPort: .random(in: 20_000...30_000), database: database) }
    }

    /// The whole service, killed at one point; a second one ends what the first began.
    @Test(arguments: deaths)
    func `a service that is killed pays once and comes to its end`(death: Death) async throws {
        try await Turnstile.services.with { try await die(death) }
    }

    private func die(_ death: Death) async throws {
        try await ReplicateSimulator.withRunning { simulator in
            simulator.add(
                .plan(
                    Plan(
                        queueSeconds: 0.1,
                        runSeconds: death.cancels ? 300 : 0.3,
                        result: death.fails
                            ? .failed("The input or output was flagged as sensitive. (E005)") : .succeeded,
                        video: .init(width: 256, height: 144)
                    ),
                    times: nil
                )
            )
            let port = death.webhookPort
            let place = try await Installation(
                death.database,
                simulator,
                settings: port == 0 ? [:] : ["ZOETROPE_PUBLIC_URL": "http://127.0.0.1:\(port)"]
            )
            var service = try place.serve(port: port, crashAt: death.point)
            var address = try await service.address()

            var hasDied = false
            /// Starts the service again when it has died, without the crash point.
            func restarted() async throws {
                if hasDied { return }
                hasDied = true
                let end = try await service.end()
                #expect(end.wasKilled && end.status == SIGKILL, "\(service.log.suffix(1_000))")
                service = try place.serve(port: port)
                address = try await service.address()
            }

            var job = try await place.createJob(address, kind: death.isScene ? "scene" : "photo")
            if job == nil {
                try await restarted()
                job = try await place.createJob(address, kind: death.isScene ? "scene" : "photo")
            }
            let jobID = try #require(job)
            var animation = try await place.createAnimation(address, of: jobID)
            if animation == nil {
                try await restarted()
                animation = try await place.createAnimation(address, of: jobID)
            }
            let id = try #require(animation)
            let url = "/api/v1/jobs/\(jobID)/animations/\(id)"
            if death.cancels {
                while simulator.ledger.creates.isEmpty { try await Task.sleep(for: .milliseconds(10)) }
                _ = try await place.call("POST", "\(address)\(url)/cancel")
            }

            // It died before, or it does now.
            try await restarted()
            let final = try await place.final(address, url, sceneIsGone: death.fails && death.isScene)
            if death.cancels {
                #expect(final["status"] == "failed")
                #expect(final["error"]?["code"] == "canceled")
            } else if death.sendsNothing {
                #expect(final["error"]?["code"] == "provider_outcome_unknown", "\(final)")
            } else if !death.fails {
                #expect(final["status"] == "ready", "\(final)")
            }
            // Nothing is left to undo.
            try await place.tidied(id)
            let verified = try await place.run("runs", "verify")
            #expect(verified.status == 0, "\(verified.text) \(verified.errorText)")
            service.signal(SIGTERM)
            #expect(try await service.end().status == 0)

            let ledger = simulator.ledger
            #expect(ledger.accepted == (death.sendsNothing ? 0 : 1), "\(death.point): one paid create")
            #expect(ledger.createsReceivedByTag.values.allSatisfy { $0 == 1 })
            if death.cancels { #expect(ledger.creates.allSatisfy { $0.status == "canceled" }) }
            let objects = place.objects
            let expected =
                death.fails
                ? []
                : death.cancels || death.sendsNothing
                    ? ["uploads/\(jobID)/source.jpg"]
                    : ["animations/\(jobID)/\(id).jpg", "animations/\(jobID)/\(id).mp4", "uploads/\(jobID)/source.jpg"]
            // A service that dies between the image and its row leaves the image for the clean-up.
            let orphans = death.point == "K03" ? objects.filter { !$0.contains(jobID) } : []
            #expect(objects.filter { !orphans.contains($0) } == expected)
            #expect(orphans.count <= 1)
        }
    }

    /// Published, and damaged before anybody looked at it: callers see it go, and come back under another key.
    @Test(arguments: TestDatabase.allCases)
    func `a published video that is damaged is withdrawn and made anew, and paid for once`(
        database: TestDatabase
    ) async throws {
        try await Turnstile.services.with { try await damage(database) }
    }

    private func damage(_ database: TestDatabase) async throws {
        try await ReplicateSimulator.withRunning { simulator in
            simulator.add(
                .plan(Plan(queueSeconds: 0.1, runSeconds: 0.3, video: .init(width: 256, height: 144)), times: nil)
            )
            let place = try await Installation(database, simulator)
            let first = try place.serve(port: 0, crashAt: "K41")
            var address = try await first.address()
            let jobID = try #require(try await place.createJob(address, kind: "photo"))
            let id = try #require(try await place.createAnimation(address, of: jobID))
            try await first.end()
            let folder = "animations/\(jobID)"
            let file = place.folder.path("data/objects/\(folder)/\(id).mp4")
            var bytes = try Data(contentsOf: URL(filePath: file))
            bytes[bytes.count / 2] ^= 0xFF
            try bytes.write(to: URL(filePath: file))

            let second = try place.serve(port: 0)
            address = try await second.address()
            var final: StrictJSON.JSONValue
            repeat {
                try await Task.sleep(for: .milliseconds(100))
                final = try await place.final(
                    address,
                    "/api/v1/jobs/\(jobID)/animations/\(id)",
                    sceneIsGone: false
                )
            } while final["preview_s3_key"]?.string == "\(folder)/\(id).mp4"
            #expect(final["status"] == "ready")
            #expect(final["preview_s3_key"]?.string == "\(folder)/\(id)-2.mp4")
            try await place.tidied(id)
            let story = try await place.run("runs", "show", id)
            #expect(story.text.contains("withdrawn   1 "), "\(story.text)")
            #expect(simulator.ledger.accepted == 1)
            #expect(place.objects == ["\(folder)/\(id)-2.jpg", "\(folder)/\(id)-2.mp4", "uploads/\(jobID)/source.jpg"])
            second.signal(SIGTERM)
            #expect(try await second.end().status == 0)
        }
    }

    /// Workers apart from the service; the second takes the runs of the first over.
    @Test(arguments: TestDatabase.allCases)
    func `a worker takes over what a killed worker held`(database: TestDatabase) async throws {
        try await Turnstile.services.with { try await takeOver(database) }
    }

    private func takeOver(_ database: TestDatabase) async throws {
        try await ReplicateSimulator.withRunning { simulator in
            simulator.add(
                .plan(Plan(queueSeconds: 0.1, runSeconds: 0.3, video: .init(width: 256, height: 144)), times: nil)
            )
            let place = try await Installation(database, simulator)
            let api = try place.start("serve", "--port", "0", "--role", "api")
            let address = try await api.address()
            let first = try place.start("worker", crashAt: "K20")
            let jobID = try #require(try await place.createJob(address, kind: "photo"))
            let id = try #require(try await place.createAnimation(address, of: jobID))
            try await first.end()
            let second = try place.start("worker")
            let start = ContinuousClock.now
            let final = try await place.final(address, "/api/v1/jobs/\(jobID)/animations/\(id)", sceneIsGone: false)
            #expect(final["status"] == "ready")
            #expect(ContinuousClock.now - start < .seconds(60))
            #expect(simulator.ledger.accepted == 1)
            for process in [second, api] {
                process.signal(SIGTERM)
                #expect(try await process.end().status == 0)
            }
        }
    }
}

extension Installation {
    /// Uploads a photo; nil when the service died over it.
    func createJob(_ address: String, kind: String) async throws -> String? {
        let form = ["-F", "image=@\(Program.photo("bee"))", "-F", "kind=\(kind)"]
        guard let answer = try await call("POST", "\(address)/api/v1/jobs", form) else { return nil }
        try #require(answer.status == 201, "\(answer)")
        return answer.body["id"]?.string
    }

    /// Asks for an animation, with a key that makes asking again safe; nil when the service died over it.
    func createAnimation(_ address: String, of job: String) async throws -> String? {
        let answer = try await call(
            "POST",
            "\(address)/api/v1/jobs/\(job)/animations",
            ["-H", "Idempotency-Key: one", "--json", #"{"model": "replicate_video_01_live"}"#]
        )
        guard let answer else { return nil }
        try #require(answer.status == 202, "\(answer)")
        return answer.body["id"]?.string
    }

    /// Waits until an animation is ready or failed, or its scene is gone.
    func final(_ address: String, _ path: String, sceneIsGone: Bool) async throws -> StrictJSON.JSONValue {
        while true {
            if let answer = try await call("GET", address + path) {
                if sceneIsGone ? answer.status == 404 : answer.body["status"] != "pending" { return answer.body }
            }
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    /// Waits until a run has nothing left to undo.
    func tidied(_ id: String) async throws {
        while true {
            let story = try await run("runs", "show", id)
            try #require(story.status == 0, "\(story.errorText)")
            let lines = story.text.split(separator: "\n")
            let isPending = lines.contains { $0.hasPrefix("undo") && ($0.contains(" due,") || $0.contains(" armed,")) }
            if lines.contains(where: { $0.hasPrefix("state       done") }), !isPending { return }
            try await Task.sleep(for: .milliseconds(300))
        }
    }

    /// Keys of all objects, sorted.
    var objects: [String] {
        let root = folder.path("data/objects")
        let names = FileManager.default.enumerator(atPath: root)?.compactMap { $0 as? String } ?? []
        return
            names.filter { name in
                var isFolder: ObjCBool = false
                return FileManager.default.fileExists(atPath: "\(root)/\(name)", isDirectory: &isFolder)
                    && !isFolder.boolValue
            }
            .sorted()
    }
}
