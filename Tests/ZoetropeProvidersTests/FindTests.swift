import Foundation
import Replicate
import ReplicateSimulator
import enum ReplicateSimulator.JSONValue
import Testing
import ZoetropeCore
import ZoetropeProviders
import ZoetropeTestKit
import ZoetropeWorkflow

/// How a prediction is found again whose create had no answer.
@Suite(.timeLimit(.minutes(2)))
struct FindTests {
    private static let echoed: Switches = {
        var switches = Switches()
        switches.webhookEchoed = true
        return switches
    }()

    @Test(arguments: [true, false])
    func `the one prediction of a tag is found by its webhook or its input`(isEchoed: Bool) async throws {
        try await SimulatedProvider.run(
            rules: [.fault(.create, .close(.after), tag: "tag2")],
            switches: isEchoed ? Self.echoed : Switches()
        ) { world in
            try await world.submit(tag: "tag1")
            let url = "https://files.example/\(isEchoed ? "x" : "tag2").jpg"
            let input = ProviderInput(url: url, fileID: nil)
            let outcome = await world.provider.submit(try SimulatedProvider.order(tag: "tag2", input: input))
            guard case .unknown = outcome else { throw ProviderError(.rejected, "\(outcome)") }
            let search = world.search("tag2")
            await world.simulator.advance(by: .seconds(30))
            let found = try await world.provider.find(search)
            #expect(found.map(\.id) == [world.simulator.ledger.creates[1].id])
            #expect(found.map(\.tag) == ["tag2"])
            #expect(found.map(\.state) == [.running(hasStarted: true)])
        }
    }

    @Test
    func `an uploaded input is known by its URL`() async throws {
        try await SimulatedProvider.run { world in
            let input = try await world.provider.prepareInput(try world.file("a.jpg"), tag: "tag1")
            let generation = try await world.submit(tag: "tag1", input: input)
            try await world.submit(tag: "tag2")
            let found = try await world.provider.find(world.search("tag1", inputURL: input.url))
            #expect(found.map(\.id) == [generation.id])
            #expect(found.map(\.tag) == ["tag1"])
            // Neither field shows the tag, so it is only found with the URL.
            #expect(try await world.provider.find(world.search("tag1")).isEmpty)
        }
    }

    @Test
    func `several predictions of a tag are all found`() async throws {
        try await SimulatedProvider.run { world in
            let first = try await world.submit(tag: "tag1")
            let second = try await world.submit(tag: "tag1")
            let found = try await world.provider.find(world.search("tag1"))
            #expect(Set(found.map(\.id)) == [first.id, second.id])
        }
    }

    @Test
    func `a tag within another is not mixed up with it`() async throws {
        try await SimulatedProvider.run(switches: Self.echoed) { world in
            try await world.submit(tag: "abcd")
            try await world.submit(tag: "xabc")
            let own = try await world.submit(tag: "abc")
            #expect(try await world.provider.find(world.search("abc")).map(\.id) == [own.id])
            #expect(try await world.provider.find(world.search("ab")).isEmpty)
        }
    }

    @Test
    func `another model's prediction is no hit`() async throws {
        try await SimulatedProvider.run { world in
            try await world.submit(tag: "tag1", alias: "replicate_wan")
            #expect(try await world.provider.find(world.search("tag1")).isEmpty)
            let found = try await world.provider.find(world.search("tag1", model: "wan-video/wan-2.5-i2v"))
            #expect(found.count == 1)
        }
    }

    @Test
    func `a list that lags shows it later`() async throws {
        var switches = Switches()
        switches.listLag = 40
        try await SimulatedProvider.run(switches: switches) { world in
            try await world.submit(tag: "tag1")
            let search = world.search("tag1")
            #expect(try await world.provider.find(search).isEmpty)
            await world.simulator.advance(by: .seconds(40))
            #expect(try await world.provider.find(search).count == 1)
        }
    }

    @Test
    func `the list is asked for from five minutes before until five minutes after`() async throws {
        try await SimulatedProvider.run { world in
            let start = try #require(try await world.submit(tag: "tag1").createdAt)
            for (tag, wait) in [("tag2", 450.0), ("tag3", 100.0)] {
                await world.simulator.advance(by: .seconds(wait))
                try await world.submit(tag: tag)
            }
            func found(_ tag: String, sent: TimeInterval, over: TimeInterval) async throws -> Int {
                let search = TagSearch(
                    tag: tag,
                    inputURL: nil,
                    model: "minimax/video-01-live",
                    sentAt: start + sent,
                    overAt: start + over
                )
                return try await world.provider.find(search).count
            }
            #expect(try await found("tag1", sent: 299, over: 300) == 1)
            #expect(try await found("tag1", sent: 301, over: 302) == 0)
            #expect(try await found("tag2", sent: 100, over: 165) == 1)
            #expect(try await found("tag3", sent: 100, over: 165) == 0)
        }
    }

    @Test
    func `every page is looked at`() async throws {
        try await SimulatedProvider.run { world in
            let first = try await world.submit(tag: "tag0")
            for number in 1...250 { try await world.submit(tag: "tag\(number)") }
            let before = world.requests("GET", "/v1/predictions").count
            #expect(try await world.provider.find(world.search("tag0")).map(\.id) == [first.id])
            #expect(world.requests("GET", "/v1/predictions").count - before == 3)
        }
    }

    @Test
    func `a page that fails is an error, not an empty look`() async throws {
        let rule = Rule.fault(.list, .answer(.init(503)), skip: 1, times: nil)
        try await SimulatedProvider.run(rules: [rule]) { world in
            for number in 1...150 { try await world.submit(tag: "tag\(number)") }
            let error = await #expect(throws: ProviderError.self) {
                try await world.provider.find(world.search("tag1"))
            }
            #expect(error?.kind == .unavailable)
        }
    }

    @Test(arguments: [
        (Fault.answer(.init(401, .json(["detail": "no"]))), ProviderError.Kind.credentials),
        (.throttle(.init(.plain, retryAfter: 90)), .throttled), (.malformedJSON, .unavailable),
        (.rewrite(.init(remove: ["results"])), .unavailable), (.redirect(to: "https://example.com/"), .unavailable),
    ])
    func `a look that fails says why`(fault: Fault, kind: ProviderError.Kind) async throws {
        try await SimulatedProvider.run(rules: [.fault(.list, fault, times: nil)]) { world in
            let error = await #expect(throws: ProviderError.self) {
                try await world.provider.find(world.search("tag1"))
            }
            #expect(error?.kind == kind)
            #expect(error?.retryAfter == (kind == .throttled ? .seconds(90) : nil))
        }
    }

    @Test
    func `an element without an id may be the one, unless the one is there`() async throws {
        let odd = Rewrite(
            set: .init([("results", [["status": "starting"], ["id": "a", "input": ["image": "u/tag1.jpg"]]])])
        )
        try await SimulatedProvider.run(rules: [.fault(.list, .rewrite(odd), times: nil)]) { world in
            let found = try await world.provider.find(world.search("tag1"))
            #expect(found.map(\.id) == ["a"])
            await #expect(throws: ProviderError.self) { try await world.provider.find(world.search("tag2")) }
        }
    }

    @Test(arguments: Switches.RemovedShape.allCases)
    func `after the data was removed the webhook still tells`(shape: Switches.RemovedShape) async throws {
        var switches = Self.echoed
        switches.removedShape = shape
        try await SimulatedProvider.run(switches: switches) { world in
            let generation = try await world.submit(tag: "tag1")
            let search = world.search("tag1")
            await world.simulator.advance(by: .seconds(2 * 3_600))
            let found = try await world.provider.find(search)
            #expect(found.map(\.id) == [generation.id])
            guard case .failed(let failure) = found.first?.state else { throw ProviderError(.rejected, "\(found)") }
            #expect(failure.code == .outputExpired)
        }
    }

    /// The list without inputs and webhooks.
    private static func trimmed(_ count: Int) -> Rule {
        let items: [JSONValue] = (0..<count).map { ["id": .string("p\($0)")] }
        return .fault(.list, .rewrite(.init(set: .init([("results", .array(items))]))), times: nil)
    }

    @Test
    func `what the list does not show is looked at one by one`() async throws {
        try await SimulatedProvider.run { world in
            let own = try await world.submit(tag: "tag1")
            let gone: JSONValue = ["id": "gone"]
            let item: JSONValue = ["id": .string(own.id), "model": "minimax/video-01-live"]
            let other: JSONValue = ["id": "other", "model": "a/b"]
            let list = Rewrite(set: .init([("results", [gone, other, item])]))
            world.simulator.add(.fault(.list, .rewrite(list), times: nil))
            #expect(try await world.provider.find(world.search("tag1")).map(\.id) == [own.id])
            #expect(world.requests("GET", "/gone").count == 1)
            // Another model's is none of ours.
            #expect(world.requests("GET", "/other").isEmpty)
        }
    }

    @Test
    func `a look at a single one that fails is an error`() async throws {
        let rules = [Self.trimmed(1), Rule.fault(.get, .answer(.init(500)), times: nil)]
        try await SimulatedProvider.run(rules: rules) { world in
            await #expect(throws: ProviderError.self) { try await world.provider.find(world.search("tag1")) }
        }
    }

    @Test(arguments: [(50, true, true), (51, true, false), (51, false, true)])
    func `more than fifty hidden ones are an incomplete look, if single looks show more`(
        count: Int,
        showsMore: Bool,
        isComplete: Bool
    ) async throws {
        let input: JSONValue = showsMore ? ["image": "https://files.example/x.jpg"] : [:]
        let shown: JSONValue = ["id": "x", "status": "succeeded", "input": input]
        let rules = [Self.trimmed(count), Rule.fault(.get, .answer(.init(200, .json(shown))), times: nil)]
        try await SimulatedProvider.run(rules: rules) { world in
            if isComplete {
                let found = try await world.provider.find(world.search("tag1"))
                #expect(found.isEmpty)
            } else {
                await #expect(throws: ProviderError.self) { try await world.provider.find(world.search("tag1")) }
            }
            #expect(world.simulator.requests.count == 51)
        }
    }

    @Test
    func `the audit sees every prediction since then, newest first, with the tags that they show`() async throws {
        try await SimulatedProvider.run(switches: Self.echoed) { world in
            try await world.submit(tag: "old")
            await world.simulator.advance(by: .seconds(100))
            let since = world.simulator.now
            for number in 1...120 { try await world.submit(tag: "tag\(number)") }
            _ = try await world.client.createPrediction(
                .model("minimax/video-01-live"),
                input: ["prompt": "x", "first_frame_image": "https://files.example/a?attempt=fromurl"]
            )
            _ = try await world.client.createPrediction(
                .model("minimax/video-01-live"),
                input: ["prompt": "x?attempt", "first_frame_image": "https://files.example/b.jpg"]
            )
            let all = try await world.provider.generations(since: since)
            let tags: [String?] = [nil, "fromurl"] + (1...120).reversed().map { "tag\($0)" }
            #expect(all.map(\.tag) == tags)
        }
    }
}
