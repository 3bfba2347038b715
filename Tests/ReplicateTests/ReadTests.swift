import Foundation
import Replicate
import ReplicateSimulator
import Testing
import ZoetropeTestKit

/// Calls that may be repeated: they are, with backoff, and then their error says why.
@Suite(.timeLimit(.minutes(2)))
struct ReadTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let name: String
        let fault: Fault
        /// `nil` when it succeeds after one more try.
        let kind: ReplicateError.Kind?
        let tries: Int

        init(_ name: String, _ fault: Fault, _ kind: ReplicateError.Kind? = nil, tries: Int = 2) {
            (self.name, self.fault, self.kind, self.tries) = (name, fault, kind, tries)
        }

        var testDescription: String { name }
    }

    /// Each fault happens once.
    static let rows: [Row] = [
        Row("closed before", .close(.before)),
        Row("closed after", .close(.after)),
        Row("reset", .close(.after, reset: true)),
        Row("closed in the head", .close(.after, at: .midHead)),
        Row("closed in the body", .close(.after, at: .midBody)),
        Row("no answer", .hang()),
        Row("500", .answer(.init(500))),
        Row("502", .answer(.init(502))),
        Row("503", .answer(.init(503))),
        Row("504", .answer(.init(504))),
        Row("520", .answer(.init(520))),
        Row("408", .answer(.init(408))),
        Row("425", .answer(.init(425))),
        Row("429 from the edge", .answer(.init(429))),
        Row("throttled", .throttle(.init(.plain, retryAfter: 30))),
        Row("throttled for longer than anybody waits", .throttle(.init(.plain, retryAfter: 90)), .throttled, tries: 1),
        Row("401", .answer(.init(401, .json(["detail": "no"]))), .refused, tries: 1),
        Row("403 from the edge", .answer(.init(403, .html("<html>no</html>")))),
        Row("404", .answer(.init(404, .json(["detail": "no"]))), .refused, tries: 1),
        Row("a redirect", .redirect(to: "https://example.com/"), .permanent, tries: 1),
        Row("broken JSON", .malformedJSON),
        Row("half of the JSON", .truncatedJSON),
        Row("no id", .rewrite(.init(remove: ["id"]))),
    ]

    @Test(arguments: rows)
    func `a get is repeated where that can help`(row: Row) async throws {
        try await SimulatedReplicate.run(configure: {
            $0.readTimeout = .milliseconds(row.name == "no answer" ? 3_000 : 20_000)
        }) {
            replicate in
            let id = try await replicate.create().id
            replicate.simulator.add(.fault(.get, row.fault))
            do {
                let prediction = try await replicate.client.prediction(id)
                #expect(prediction.id == id)
                #expect(row.kind == nil)
            } catch let error as ReplicateError {
                #expect(error.kind == row.kind, "\(error)")
            }
            #expect(replicate.requests("GET", "/\(id)").count == row.tries)
            #expect(replicate.clock.sleeps.count == row.tries - 1)
        }
    }

    @Test
    func `after five tries a read gives up, and its waits had doubled`() async throws {
        try await SimulatedReplicate.run(rules: [.fault(.account, .answer(.init(503)), times: nil)]) { replicate in
            let error = try await #require(throws: ReplicateError.self) { try await replicate.client.account() }
            #expect(error.kind == .transient)
            #expect(error.status == 503)
            #expect(replicate.requests("GET", "/account").count == 5)
            // Half of the limits, which is what a jitter of 0.5 draws.
            #expect(replicate.clock.sleeps == [.seconds(0.25), .seconds(0.5), .seconds(1), .seconds(2)])
        }
    }

    @Test
    func `a throttled read waits as long as it was told`() async throws {
        try await SimulatedReplicate.run(rules: [.fault(.account, .throttle(.init(.plain, retryAfter: 30)))]) {
            replicate in
            let account = try await replicate.client.account()
            #expect(!account.username.isEmpty)
            #expect(["user", "organization"].contains(account.type))
            #expect(replicate.clock.sleeps == [.seconds(30.5)])
        }
    }

    @Test(arguments: 0...9)
    func `times with any number of digits are read`(digits: Int) async throws {
        try await SimulatedReplicate.run { replicate in
            let created = try await replicate.create()
            replicate.simulator.add(.fault(.get, .rewrite(.init(fractionDigits: digits))))
            let got = try await replicate.client.prediction(created.id)
            let first = try #require(created.createdAt)
            let second = try #require(got.createdAt)
            #expect(abs(first.timeIntervalSince(second)) <= (digits == 0 ? 1 : digits < 3 ? 0.1 : 0.001))
        }
    }

    @Test
    func `unknown keys, missing keys and strange types do no harm`() async throws {
        try await SimulatedReplicate.run { replicate in
            let id = try await replicate.create().id
            replicate.simulator.add(
                .fault(
                    .get,
                    .rewrite(
                        .init(set: .init([("new", [1]), ("logs", true), ("metrics", "?"), ("status", "hatching")]))
                    )
                ),
                .fault(
                    .get,
                    .rewrite(
                        .init(remove: ["input", "output", "error", "logs", "urls", "created_at", "version", "model"])
                    )
                )
            )
            let strange = try await replicate.client.prediction(id)
            #expect(strange.status == PredictionStatus(rawValue: "hatching"))
            #expect(strange.members["new"] == [1])
            #expect(strange.logs == nil)
            let bare = try await replicate.client.prediction(id)
            #expect(bare.id == id)
            #expect(bare.createdAt == nil)
            #expect(bare.outputFiles.isEmpty)
        }
    }

    @Test
    func `a wrong token is refused for sure, on a read and on a create`() async throws {
        try await SimulatedReplicate.run { replicate in
            let stranger = try ReplicateClient(token: "r8_wrong", baseURL: replicate.simulator.baseURL)
            let read = try await #require(throws: ReplicateError.self) { try await stranger.account() }
            #expect(read.kind == .refused)
            #expect(read.status == 401)
            #expect(read.title == "Unauthenticated")
            let create = try await #require(throws: ReplicateError.self) {
                try await stranger.createPrediction(.model("minimax/video-01-live"), input: SimulatedReplicate.input)
            }
            #expect(create.kind == .refused)
            #expect(create.title == "Authentication required")
            #expect(replicate.simulator.ledger.accepted == 0)
        }
    }

    @Test
    func `a model comes with its inputs in their order`() async throws {
        try await SimulatedReplicate.run { replicate in
            let model = try await replicate.client.model("wan-video/wan-2.5-i2v")
            #expect(model.owner == "wan-video")
            #expect(model.isOfficial)
            let inputs = try #require(model.latestVersion).inputs
            #expect(Set(inputs.filter(\.isRequired).map(\.name)) == ["image", "prompt"])
            let image = try #require(inputs.first { $0.name == "image" })
            #expect(image.format == "uri")
            let resolution = try #require(inputs.first { $0.name == "resolution" })
            #expect(resolution.choices == ["480p", "720p", "1080p"])
            #expect(resolution.type == "string")
            #expect(resolution.defaultValue == "720p")
            #expect(inputs.first { $0.name == "duration" }?.choices == [5, 10])
            #expect(inputs.map(\.name) != inputs.map(\.name).sorted())
            let missing = try await #require(throws: ReplicateError.self) {
                try await replicate.client.model("no/such")
            }
            #expect(missing.status == 404)
            let bad = try await #require(throws: ReplicateError.self) { try await replicate.client.model("a/b/c") }
            #expect(bad.kind == .permanent)
        }
    }

    @Test
    func `a list is walked page by page, newest first, within its times`() async throws {
        try await SimulatedReplicate.run { replicate in
            var ids: [Replicate.Prediction.ID] = []
            for number in 1...205 {
                ids.append(try await replicate.create(tag: "\(number)").id)
                await replicate.simulator.advance(by: .seconds(1))
            }
            var sizes: [Int] = []
            var listed: [Replicate.Prediction] = []
            for try await page in replicate.client.predictions() {
                sizes.append(page.elements.count)
                listed += page.elements
            }
            #expect(sizes == [100, 100, 5])
            #expect(listed.map(\.id) == ids.reversed())
            #expect(listed.allSatisfy { $0.logs == nil && $0.source == "api" })

            let from = try #require(listed[99].createdAt)
            let to = try #require(listed[49].createdAt)
            var between: [Replicate.Prediction.ID] = []
            for try await page in replicate.client.predictions(createdAfter: from, createdBefore: to) {
                between += page.elements.map(\.id)
            }
            // From inclusive, to exclusive.
            #expect(between == listed[50...99].map(\.id))
        }
    }

    @Test
    func `a fault between two pages does not lose the place`() async throws {
        try await SimulatedReplicate.run { replicate in
            for number in 1...150 { _ = try await replicate.create(tag: "\(number)") }
            replicate.simulator.add(.fault(.list, .answer(.init(502)), skip: 1))
            var count = 0
            for try await page in replicate.client.predictions() { count += page.elements.count }
            #expect(count == 150)
        }
    }

    @Test
    func `a next page of another origin is asked for at our own, so the token stays`() async throws {
        try await SimulatedReplicate.run { replicate in
            for number in 1...150 { _ = try await replicate.create(tag: "\(number)") }
            var cursor = ""
            for try await page in replicate.client.predictions() { cursor = page.next ?? cursor }
            let query = try #require(cursor.split(separator: "?").last)
            for origin in [
                "https://evil.example/v1/x", "\(replicate.simulator.outputURL)/v1/predictions", "//evil.example/x",
            ] {
                let next = Rewrite(set: .init([("next", .string("\(origin)?\(query)"))]))
                replicate.simulator.add(.fault(.list, .rewrite(next)))
                var count = 0
                for try await page in replicate.client.predictions() { count += page.elements.count }
                #expect(count == 150)
            }
            #expect(replicate.simulator.requests.allSatisfy { $0.origin == .api })
        }
    }

    @Test(arguments: ["not a url", "https://evil.example/x", "?"])
    func `a next page without a query ends the list with an error, after its page`(next: String) async throws {
        try await SimulatedReplicate.run { replicate in
            _ = try await replicate.create()
            replicate.simulator.add(.fault(.list, .rewrite(.init(set: .init([("next", .string(next))])))))
            var pages = replicate.client.predictions().makeAsyncIterator()
            #expect(try await pages.next()?.elements.count == 1)
            let error = try await #require(throws: ReplicateError.self) { try await pages.next() }
            #expect(error.kind == .permanent)
            #expect(try await pages.next() == nil)
        }
    }

    @Test
    func `a list that names the same next page for ever has an end`() async throws {
        let next = Rewrite(set: .init([("next", .string("?cursor=x"))]))
        try await SimulatedReplicate.run(rules: [.fault(.list, .rewrite(next), times: nil)]) { replicate in
            var pages = 0
            do {
                for try await _ in replicate.client.predictions() { pages += 1 }
            } catch is ReplicateError {}
            #expect(pages <= 2)
        }
    }

    @Test
    func `an element that cannot be read does not hide the others`() async throws {
        let rewrite = Rewrite(
            set: .init([("results", [["id": "a", "status": "starting"], 7, ["status": "lost"], ["id": "b"]])])
        )
        try await SimulatedReplicate.run(rules: [.fault(.list, .rewrite(rewrite))]) { replicate in
            var pages = replicate.client.predictions().makeAsyncIterator()
            let page = try #require(try await pages.next())
            #expect(page.elements.map(\.id) == ["a", "b"])
            #expect(page.unreadable == 2)
        }
    }

    @Test
    func `a page without results is an error, after as many tries as for any other`() async throws {
        let rule = Rule.fault(.list, .rewrite(.init(remove: ["results"])), times: nil)
        try await SimulatedReplicate.run(rules: [rule]) { replicate in
            let error = try await #require(throws: ReplicateError.self) {
                for try await _ in replicate.client.predictions() {}
            }
            #expect(error.kind == .transient)
            #expect(replicate.requests("GET", "/predictions").count == 5)
        }
    }

    @Test
    func `a cancel stops a prediction, and may be repeated`() async throws {
        try await SimulatedReplicate.run(rules: [.fault(.cancel, .close(.after))]) { replicate in
            let id = try await replicate.create().id
            let canceled = try await replicate.client.cancelPrediction(id)
            #expect(canceled.status == .canceled)
            #expect(replicate.requests("POST", "/cancel").count == 2)
        }
    }

    @Test(arguments: [200, 400, 404, 422])
    func `cancelling what is finished tells how it ended`(status: Int) async throws {
        var switches = Switches()
        switches.cancelFinishedStatus = status
        try await SimulatedReplicate.run(switches: switches) { replicate in
            let id = try await replicate.create().id
            await replicate.simulator.advance(by: .seconds(200))
            let finished = try await replicate.client.cancelPrediction(id)
            #expect(finished.status == .succeeded)
        }
    }

    @Test
    func `a cancel of an unknown id is refused`() async throws {
        try await SimulatedReplicate.run { replicate in
            let error = try await #require(throws: ReplicateError.self) {
                try await replicate.client.cancelPrediction("nosuchid00000000000000000a")
            }
            #expect(error.status == 404)
            #expect(error.kind == .refused)
        }
    }

    @Test
    func `the webhook secret is got and hidden`() async throws {
        try await SimulatedReplicate.run { replicate in
            let secret = try await replicate.client.webhookSecret()
            #expect(secret.revealed().hasPrefix("whsec_"))
            let odd = Rewrite(set: .init([("key", "whsec_!")]))
            replicate.simulator.add(.fault(.webhookSecret, .rewrite(odd), times: nil))
            let error = try await #require(throws: ReplicateError.self) { try await replicate.client.webhookSecret() }
            #expect(error.kind == .transient)
        }
    }
}
