import Foundation
import ReplicateSimulator
import StrictJSON
import Testing
import ZoetropeTestKit

extension EndToEnd {
    /// `zoetrope animate` with a model that costs money.
    @Suite(.timeLimit(.minutes(10))) struct AnimateWithReplicateTests {
        private static let arguments = [
            "animate", Program.photo("bee"), "-o", "video.mp4", "--poster", "poster.jpg", "--model",
            "replicate_video_01_live", "--json",
        ]

        private static func plan(runSeconds: Double) -> Rule {
            .plan(Plan(queueSeconds: 0.1, runSeconds: runSeconds, video: .init(width: 256, height: 144)), times: nil)
        }

        private func start(_ place: Installation, crashAt point: String? = nil, video: String = "video.mp4") throws
            -> ServiceProcess
        {
            var environment = place.environment
            environment["ZOETROPE_CRASH_AT"] = point
            let arguments = Self.arguments.map { $0 == "video.mp4" ? video : $0 }
            return try ServiceProcess(arguments, in: place.folder, environment: environment)
        }

        @Test func `a model on Replicate makes the video, and its cost is told`() async throws {
            try await ReplicateSimulator.withRunning { simulator in
                simulator.add(Self.plan(runSeconds: 0.3))
                let place = try await Installation(.sqlite, simulator)
                let result = try await ToolRunner.run(
                    "env",
                    ["-C", place.folder.url.path] + place.environment.map { "\($0.key)=\($0.value)" } + [Program.path]
                        + Self.arguments
                )
                try #require(result.status == 0, "\(result.errorText)")
                let told = try StrictJSON.JSONValue(parsing: result.stdout)
                #expect(told["cost"]?.number == 0.5)
                #expect(told["model"] == "replicate_video_01_live")
                #expect(told["seconds"] == 6)
                #expect(result.errorText.contains("minimax/video-01-live"))
                #expect(!result.errorText.contains(simulator.token))
                #expect(try Program.names(in: place.folder) == ["poster.jpg", "video.mp4"], "nothing else is left")
                let create = try #require(simulator.ledger.creates.first)
                #expect(create.input["prompt"]?.string?.contains("walk") == true)
                #expect(create.input["prompt_optimizer"]?.bool == false)
                #expect(simulator.requests.contains { $0.method == "DELETE" && $0.target.contains("/files/") })
            }
        }

        @Test(arguments: [SIGINT, SIGTERM])
        func `interrupted while a model works and started again, it pays once`(signal: Int32) async throws {
            try await ReplicateSimulator.withRunning { simulator in
                simulator.add(Self.plan(runSeconds: 3))
                let place = try await Installation(.sqlite, simulator)
                let first = try start(place)
                while simulator.ledger.accepted == 0 { try await Task.sleep(for: .milliseconds(10)) }
                first.signal(signal)
                let end = try await first.end()
                #expect(end.status == 130 && !end.wasKilled, "\(first.log)")
                #expect(first.log.contains("The same command goes on"))
                #expect(simulator.ledger.creates.allSatisfy { $0.status != "canceled" })

                // The same file by another spelling is the same command.
                let second = try start(place, video: "./video.mp4")
                #expect(try await second.end().status == 0, "\(second.log)")
                #expect(simulator.ledger.accepted == 1)
                #expect(
                    try Program.names(in: place.folder).filter { !$0.hasPrefix("log-") } == ["poster.jpg", "video.mp4"]
                )
            }
        }

        @Test func `killed before the call, it says that nobody can know, and does not send again`() async throws {
            try await ReplicateSimulator.withRunning { simulator in
                let place = try await Installation(.sqlite, simulator)
                let first = try start(place, crashAt: "K07")
                #expect(try await first.end().wasKilled, "\(first.log)")
                let second = try start(place)
                #expect(try await second.end().status == 1, "\(second.log)")
                #expect(second.log.contains("did not confirm"))
                #expect(simulator.ledger.accepted == 0)
                // A late prediction may still turn up: the same command looks, and does not send again.
                let third = try start(place)
                #expect(try await third.end().status == 1, "\(third.log)")
                #expect(third.log.contains("did not confirm"))
                #expect(simulator.ledger.accepted == 0)
            }
        }

        @Test(arguments: ["K05", "K06", "K09", "K10", "K11", "K12", "K17", "K20", "K25", "K28", "K41"])
        func `killed and started again, it pays once`(point: String) async throws {
            try await ReplicateSimulator.withRunning { simulator in
                simulator.add(Self.plan(runSeconds: 0.3))
                let place = try await Installation(.sqlite, simulator)
                let first = try start(place, crashAt: point)
                #expect(try await first.end().wasKilled, "\(first.log)")
                let second = try start(place)
                #expect(try await second.end().status == 0, "\(second.log)")
                #expect(simulator.ledger.accepted == 1)
                #expect(simulator.ledger.chargeTotal == 0.5)
            }
        }

        @Test func `a video that cannot be put in its place is not paid for again`() async throws {
            try await ReplicateSimulator.withRunning { simulator in
                simulator.add(Self.plan(runSeconds: 0.3))
                let place = try await Installation(.sqlite, simulator)
                let arguments = Self.arguments.map { $0 == "poster.jpg" ? "/sys/poster.jpg" : $0 }
                for _ in 1...2 {
                    let process = try ServiceProcess(arguments, in: place.folder, environment: place.environment)
                    #expect(try await process.end().status == 1)
                    #expect(process.log.contains("the same command goes on"), "\(process.log)")
                }
                #expect(simulator.ledger.accepted == 1)
            }
        }

        @Test func `a token that is not accepted is told at once`() async throws {
            try await ReplicateSimulator.withRunning { simulator in
                let place = try await Installation(
                    .sqlite,
                    simulator,
                    settings: ["REPLICATE_API_TOKEN": "r8_wrong"]
                )
                let process = try start(place)
                #expect(try await process.end().status == 1)
                #expect(process.log.contains("REPLICATE_API_TOKEN"), "\(process.log)")
            }
        }

        @Test func `the same command twice at once is refused once`() async throws {
            try await ReplicateSimulator.withRunning { simulator in
                simulator.add(Self.plan(runSeconds: 2))
                let place = try await Installation(.sqlite, simulator)
                let first = try start(place)
                while simulator.ledger.accepted == 0 { try await Task.sleep(for: .milliseconds(10)) }
                let second = try start(place)
                #expect(try await second.end().status == 1)
                #expect(second.log.contains("the same animation is being made"))
                #expect(try await first.end().status == 0, "\(first.log)")
                #expect(simulator.ledger.accepted == 1)
            }
        }

        @Test func `refused content fails with a sentence, and nothing is left`() async throws {
            try await ReplicateSimulator.withRunning { simulator in
                simulator.add(
                    .plan(Plan(queueSeconds: 0.1, runSeconds: 0.2, result: .failed("flagged as sensitive (E005)")))
                )
                let place = try await Installation(.sqlite, simulator)
                let first = try start(place)
                #expect(try await first.end().status == 1)
                #expect(first.log.contains("Error: "))
                #expect(try Program.names(in: place.folder).allSatisfy { $0.hasPrefix("log-") })
            }
        }

        @Test func `what the model cannot do is refused before anything is sent`() async throws {
            try await ReplicateSimulator.withRunning { simulator in
                let place = try await Installation(.sqlite, simulator)
                let wan = try await place.run(
                    "animate",
                    Program.photo("bee"),
                    "-o",
                    "v.mp4",
                    "--model",
                    "replicate_wan"
                )
                #expect(wan.status == 2)
                #expect(wan.errorText.contains("Prompt is required (max 500 characters)"))
                let long = try await place.run(
                    "animate",
                    Program.photo("bee"),
                    "-o",
                    "v.mp4",
                    "--model",
                    "replicate_video_01_live",
                    "--duration",
                    "7"
                )
                #expect(long.status == 2)
                #expect(long.errorText.contains("Invalid duration. Choose 6 or 10 seconds"))
                #expect(simulator.requests.isEmpty)
            }
        }
    }
}
