import StrictJSON
import Testing
import ZoetropeCore

struct AnimationRequestInputTests {
    private static func model(_ alias: String) throws -> VideoModel {
        try #require(ModelCatalogue.builtIn.named(alias))
    }

    private static let walk =
        "The people in the picture walk forward at a calm, steady pace and move naturally. The camera pans slowly and slightly to the right. One continuous shot without cuts."

    @Test func `the live model gets an image, a prompt and its optimiser switched off`() throws {
        let request = try AnimationRequest(model: Self.model("replicate_video_01_live"), seed: 7)
        #expect(
            request.input(imageURL: "https://a/b.jpg") == [
                "first_frame_image": "https://a/b.jpg", "prompt": .string(Self.walk), "prompt_optimizer": false,
            ]
        )
    }

    @Test func `wan gets the caller's prompt first, and no sound to follow`() throws {
        let request = try AnimationRequest(
            model: Self.model("replicate_wan"),
            resolution: "1080p",
            prompt: "A girl waves!",
            audio: true
        )
        #expect(
            request.input(imageURL: "u") == [
                "image": "u", "prompt": .string("A girl waves! " + Self.walk), "resolution": "1080p", "duration": 5,
                "enable_prompt_expansion": false, "negative_prompt": "",
            ]
        )
    }

    @Test(arguments: [(0, 0), (7, 7), (UInt64.max, 2_147_483_647), (1 << 31, 0)] as [(UInt64, Int64)])
    func `a chosen seed is sent in 31 bits`(seed: UInt64, sent: Int64) throws {
        let request = try AnimationRequest(model: Self.model("replicate_wan"), prompt: "x", seed: seed)
        #expect(request.input(imageURL: "u")["seed"] == .integer(sent))
    }

    @Test func `a model of fixed length is asked for that length`() throws {
        var model = try Self.model("replicate_video_01_live")
        model.inputs.duration = "length"
        let request = try AnimationRequest(model: model, seconds: 10, tier: .paid)
        #expect(request.input(imageURL: "u")["length"] == 6)
    }

    @Test func `the caller's words follow ours, or come first, as the model likes it`() throws {
        let live = try AnimationRequest(model: Self.model("replicate_video_01_live"), prompt: "A girl waves")
        #expect(live.composedPrompt == Self.walk + " A girl waves")
        let wan = try AnimationRequest(model: Self.model("replicate_wan"), prompt: "A girl waves")
        #expect(wan.composedPrompt == "A girl waves. " + Self.walk)
    }

    @Test func `a pan replaces the mild pan`() throws {
        let pan = try AnimationRequest(motion: .panLeft)
        #expect(
            pan.composedPrompt == "The camera pans slowly and smoothly to the left. One continuous shot without cuts."
        )
        let held = try AnimationRequest(motion: .panLeft, camera: .handheld)
        #expect(held.composedPrompt.contains("held by hand"))
    }

    @Test(arguments: Motion.allCases, Camera.allCases)
    func `every motion and camera fits beside the longest prompt`(motion: Motion, camera: Camera) throws {
        let longest = String(repeating: "👩", count: 500)
        #expect(longest.utf8.count == 2_000)
        for alias in ["replicate_video_01_live", "replicate_wan"] {
            let request = try AnimationRequest(
                model: Self.model(alias),
                motion: motion,
                camera: camera,
                prompt: longest
            )
            #expect(request.composedPrompt.unicodeScalars.count <= request.model.promptStyle.maxCodePoints)
            #expect(request.composedPrompt.contains(longest))
            #expect(request.composedPrompt.contains("One continuous shot"))
        }
    }

    @Test(arguments: ModelCatalogue.builtIn.models)
    func `a stored request is read back as it was`(model: VideoModel) throws {
        let request = try AnimationRequest(
            model: model,
            motion: .pullBack,
            camera: .static,
            seconds: (model.durations + model.paidDurations).last,
            tier: .paid,
            prompt: "e\u{301} \0 👩‍👩‍👧‍👦 \"",
            audio: true,
            seed: .max
        )
        let text = try request.stored.encoded()
        #expect(try AnimationRequest(stored: JSONValue(parsing: text)) == request)
        let plain = try AnimationRequest(model: model, prompt: model.requiresPrompt ? "x" : nil)
        #expect(try AnimationRequest(stored: plain.stored) == plain)
    }

    /// A run of the first release; it must load for ever.
    private static let old = """
        {"audio":false,"camera":"mild-pan","model":{"alias":"replicate_video_01_live","durations":[6],"generated_seconds":6,\
        "inputs":{"fixed":{"prompt_optimizer":false},"image":"first_frame_image","prompt":"prompt"},"name":"minimax/video-01-live",\
        "paid_durations":[10],"price_usd":0.5,"prompt_style":"composed","provider":"replicate","requires_prompt":false,\
        "resolutions":["720p"]},"motion":"walk-forward","resolution":"720p","seconds":6,"seed":"18446744073709551615"}
        """

    @Test func `a request stored by the first release loads, also with fields of the next`() throws {
        let stored = try JSONValue(parsing: Self.old.utf8)
        let request = try AnimationRequest(stored: stored)
        let expected = try AnimationRequest(model: Self.model("replicate_video_01_live"), seed: .max)
        #expect(request == expected)
        #expect(String(decoding: try expected.stored.encoded(), as: UTF8.self) == Self.old)

        var members = try #require(stored.object)
        members["mood"] = "calm"
        var row = try #require(members["model"]?.object)
        row["licence"] = "x"
        members["model"] = .object(row)
        #expect(try AnimationRequest(stored: .object(members)) == expected)
    }

    @Test func `a run goes on under the terms of its day`() throws {
        var model = try Self.model("replicate_wan")
        model.durations = [8]
        model.price = .perVideo(MicroUSD(1))
        let request = try AnimationRequest(model: model, prompt: "x")
        #expect(try AnimationRequest(stored: request.stored).model == model)
    }

    @Test(arguments: ["model", "motion", "camera", "resolution", "seconds"])
    func `a stored request without a needed field is refused by its name`(field: String) throws {
        var members = try #require(try AnimationRequest().stored.object)
        members[field] = nil
        let error = #expect(throws: FieldError.self) { try AnimationRequest(stored: .object(members)) }
        #expect(error?.problems.first?.path.hasPrefix(field) == true)
    }

    @Test(arguments: ["null", "[]", #"{"model":[]}"#, #"{"seed":-1}"#, #"{"seconds":1e300}"#, #"{"prompt":{}}"#])
    func `hostile stored requests are refused`(text: String) throws {
        let value = try JSONValue(parsing: text.utf8)
        #expect(throws: FieldError.self) { try AnimationRequest(stored: value) }
    }
}
