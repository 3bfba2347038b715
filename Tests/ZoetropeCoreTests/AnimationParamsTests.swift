import StrictJSON
import Testing
import ZoetropeCore

struct AnimationParamsTests {
    private static func model(_ alias: String) throws -> VideoModel {
        try #require(ModelCatalogue.builtIn.named(alias))
    }

    private static func problems(_ params: JSONValue?, _ alias: String = "replicate_wan", tier: Tier = .free) throws
        -> [String]
    {
        let model = try model(alias)
        do throws(RequestError) {
            _ = try AnimationParams(params, model: model, tier: tier)
            return []
        } catch {
            return error.problems.map { "\($0.field): \($0.message)" }
        }
    }

    @Test func `every field is read`() throws {
        let params = try AnimationParams(
            [
                "prompt": " a walk ", "resolution": "1080p", "duration": 5.0, "motion": "push-in", "camera": "handheld",
                "audio": true, "seed": 7,
            ],
            model: Self.model("replicate_wan"),
            tier: .free
        )
        let request = params.request
        #expect(request.prompt == "a walk")
        #expect(request.resolution == .p1080)
        #expect(request.seconds == 5)
        #expect(request.motion == .pushIn)
        #expect(request.camera == .handheld)
        #expect(request.audio)
        #expect(request.chosenSeed == 7)
    }

    @Test(
        arguments: [nil, .null, [:], ["prompt": nil, "duration": nil, "audio": nil, "seed": nil, "motion": nil]]
            as [JSONValue?]
    )
    func `what is left out or null has its default`(sent: JSONValue?) throws {
        let request = try AnimationParams(sent, model: Self.model("replicate_video_01_live"), tier: .free).request
        #expect(request == (try AnimationRequest(model: Self.model("replicate_video_01_live"))))
        #expect(!request.audio)
        #expect(request.chosenSeed == nil)
    }

    @Test(
        arguments: [
            ("prompt", 5, "Invalid prompt. Send a string"), ("prompt", "", "Prompt is required (max 500 characters)"),
            ("prompt", nil, "Prompt is required (max 500 characters)"),
            ("prompt", "\u{2003}\n", "Prompt is required (max 500 characters)"),
            ("prompt", .string(String(repeating: "é", count: 501)), "Prompt is required (max 500 characters)"),
            ("resolution", "4k", "Invalid resolution. Choose 480p, 720p, or 1080p"),
            ("resolution", 720, "Invalid resolution. Choose 480p, 720p, or 1080p"),
            ("duration", 6, "Invalid duration. Choose 5 seconds"),
            ("duration", "5", "Invalid duration. Choose 5 seconds"),
            ("duration", 5.5, "Invalid duration. Choose 5 seconds"),
            ("duration", 1e300, "Invalid duration. Choose 5 seconds"),
            ("duration", .integer(.min), "Invalid duration. Choose 5 seconds"),
            (
                "motion", "jump",
                "Invalid motion. Choose walk-forward, push-in, pull-back, pan-left, pan-right, or still"
            ),
            ("motion", [], "Invalid motion. Choose walk-forward, push-in, pull-back, pan-left, pan-right, or still"),
            ("camera", "Static", "Invalid camera. Choose mild-pan, static, or handheld"),
            ("audio", "true", "Invalid audio. Choose true or false"),
            ("audio", 1, "Invalid audio. Choose true or false"),
            ("seed", -1, "Invalid seed. Choose a whole number from 0 to 2147483647"),
            ("seed", 2_147_483_648, "Invalid seed. Choose a whole number from 0 to 2147483647"),
            ("seed", 0.5, "Invalid seed. Choose a whole number from 0 to 2147483647"),
        ] as [(String, JSONValue, String)]
    )
    func `a wrong field has one message`(field: String, value: JSONValue, message: String) throws {
        let sent: [String: JSONValue] = ["prompt": "a walk"]
        #expect(
            try Self.problems(.object(sent.merging([field: value]) { _, new in new })) == ["\(field): \(message)"]
        )
    }

    @Test(arguments: [[], 7, "x", false] as [JSONValue])
    func `params that are no object are refused`(sent: JSONValue) throws {
        #expect(try Self.problems(sent) == ["params: Invalid params. Send a JSON object"])
    }

    @Test func `all problems come together in the order of the fields`() throws {
        let sent: JSONValue = [
            "seed": "x", "audio": 0, "camera": 0, "motion": 0, "duration": 0, "resolution": 0, "prompt": 0,
        ]
        let fields = try Self.problems(sent).map { $0.prefix { $0 != ":" } }
        #expect(fields == ["prompt", "resolution", "duration", "motion", "camera", "audio", "seed"])
    }

    @Test func `the tier and the other fields are judged together`() throws {
        let live = "replicate_video_01_live"
        #expect(
            try Self.problems(["duration": 10, "motion": "x", "resolution": "480p"], live) == [
                "resolution: Invalid resolution. Choose 480p, 720p, or 1080p",
                "duration: 10-second animations are available on the paid plan",
                "motion: Invalid motion. Choose walk-forward, push-in, pull-back, pan-left, pan-right, or still",
            ]
        )
        #expect(try Self.problems(["duration": 10], live, tier: .paid).isEmpty)
        #expect(try Self.problems(["duration": 5], live) == ["duration: Invalid duration. Choose 6 or 10 seconds"])
    }

    @Test func `stored params are what was sent, and what was chosen for it`() throws {
        let params = try AnimationParams(
            ["prompt": " a walk ", "note": ["a": [1, nil]], "audio": nil],
            model: Self.model("replicate_wan"),
            tier: .free
        )
        #expect(
            params.stored == [
                "prompt": " a walk ", "note": ["a": [1, nil]], "audio": nil, "resolution": "720p", "duration": 5,
                "provider": "replicate",
            ]
        )
        let local = try AnimationParams(nil, model: .local, tier: .free)
        #expect(local.stored == ["prompt": nil, "resolution": "720p", "duration": 5, "provider": "local"])
    }

    @Test func `merging adds and renews what is the engine's and touches nothing else`() {
        let stored: JSONValue = ["prompt": "x", "mine": nil, "provider": "replicate", "cost_usd": 1]
        let merged = AnimationParams.merging(
            ["prompt": "y", "mine": 1, "fps": 30, "cost_usd": 0.5, "error": ["code": "canceled", "message": "m"]],
            into: stored
        )
        #expect(
            merged == [
                "prompt": "x", "mine": nil, "provider": "replicate", "cost_usd": 0.5, "fps": 30,
                "error": ["code": "canceled", "message": "m"],
            ]
        )
        #expect(AnimationParams.merging(["fps": 30], into: merged) == merged)
        #expect(AnimationParams.merging([:], into: stored) == stored)
        #expect(AnimationParams.merging(["fps": 30], into: nil) == ["fps": 30])
        #expect(AnimationParams.merging(["fps": 30], into: ["old"]) == ["old"])
    }

    @Test func `a retry asks for the same again`() throws {
        let model = try Self.model("replicate_video_01_live")
        let first = try AnimationParams(["motion": "still", "note": 1, "seed": 3], model: model, tier: .free)
        let ended = AnimationParams.merging(
            ["replicate_prediction_id": "p", "error": ["code": "internal"], "seconds": 6],
            into: first.stored
        )
        let again = try AnimationParams(AnimationParams.sentAgain(ended), model: model, tier: .free)
        #expect(again == first)
        #expect(AnimationParams.sentAgain(["old"]) == .null)
    }
}
