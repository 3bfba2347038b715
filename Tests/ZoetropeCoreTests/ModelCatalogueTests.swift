import StrictJSON
import Testing
import ZoetropeCore
import ZoetropeTestKit

struct ModelCatalogueTests {
    private static func model(_ alias: String) throws -> VideoModel {
        try #require(ModelCatalogue.builtIn.named(alias))
    }

    @Test func `the built-in models are those of the contract`() throws {
        let live = try Self.model("replicate_video_01_live")
        #expect(live.name == "minimax/video-01-live")
        #expect((live.durations, live.paidDurations) == ([6], [10]))
        #expect(live.resolutions == [.p720])
        #expect(!live.requiresPrompt)

        let wan = try Self.model("replicate_wan")
        #expect(wan.name == "wan-video/wan-2.5-i2v")
        #expect((wan.durations, wan.paidDurations) == ([5], []))
        #expect(wan.resolutions.map(\.rawValue) == ["480p", "720p", "1080p"])
        #expect(wan.requiresPrompt)

        let local = try Self.model("local")
        #expect(local == .local)
        #expect((local.durations, local.paidDurations) == ([5, 6], [10]))
        #expect(local.resolutions == Resolution.allCases)
        #expect(ModelCatalogue.builtIn.models.count == 3)
        #expect(ModelCatalogue.builtIn.named("LOCAL") == nil)
    }

    @Test(arguments: [
        ("replicate_video_01_live", Resolution.p720, 6, 500_000, 1),
        ("replicate_video_01_live", .p720, 10, 1_000_000, 2),
        ("replicate_wan", .p480, 5, 250_000, 1), ("replicate_wan", .p720, 5, 500_000, 1),
        ("replicate_wan", .p1080, 5, 750_000, 1), ("local", .p1080, 10, 0, 1),
    ])
    func `a clip costs what its parts cost`(
        alias: String,
        resolution: Resolution,
        seconds: Int,
        microUSD: Int64,
        parts: Int
    ) throws {
        let model = try Self.model(alias)
        #expect(model.parts(seconds: seconds) == parts)
        #expect(model.price(resolution: resolution, seconds: seconds).microDollars == microUSD)
        let part = model.pricePerPart(resolution: resolution, seconds: seconds).microDollars
        #expect(part * Int64(parts) == microUSD)
    }

    @Test(arguments: [
        (JobKind.scene, true, "replicate_video_01_live"), (.photo, true, "replicate_wan"), (.scene, false, "local"),
        (.photo, false, "local"),
    ])
    func `the default model depends on the job and on the account`(kind: JobKind, hasProvider: Bool, alias: String) {
        #expect(ModelCatalogue.builtIn.defaultModel(for: kind, hasProvider: hasProvider).alias == alias)
    }

    @Test func `a built-in row is read as it is written`() throws {
        let file: JSONValue = .object(["models": .array(ModelCatalogue.builtIn.models.map(\.json))])
        #expect(try ModelCatalogue(parsing: JSONValue(parsing: file.encoded())) == .builtIn)
    }

    private static let hailuo: JSONValue = [
        "alias": "hailuo", "provider": "replicate", "name": "minimax/hailuo-02", "durations": [6, 10],
        "resolutions": ["720p"], "price_usd_per_second": ["720p": 0.045],
        "inputs": ["image": "first_frame_image", "prompt": "prompt", "duration": "duration"],
    ]

    @Test func `a file adds a model`() throws {
        let catalogue = try ModelCatalogue(parsing: ["models": [Self.hailuo]])
        #expect(catalogue.models.map(\.alias) == ["replicate_video_01_live", "replicate_wan", "local", "hailuo"])
        let model = try #require(catalogue.named("hailuo"))
        #expect(model.price == .perSecond([.p720: MicroUSD(45_000)]))
        #expect(model.promptStyle == .composed)
        #expect(model.inputs == InputNames(image: "first_frame_image", duration: "duration"))
    }

    @Test func `a file replaces a built-in model in its place, also as a default`() throws {
        let row: JSONValue = [
            "alias": "replicate_wan", "provider": "cog", "durations": [4], "resolutions": ["480p"],
            "requires_prompt": true, "inputs": ["image": "picture", "prompt": "text", "fixed": ["steps": 20]],
        ]
        let catalogue = try ModelCatalogue(parsing: ["models": [row]])
        #expect(catalogue.models.map(\.alias) == ModelCatalogue.builtIn.models.map(\.alias))
        let model = catalogue.defaultModel(for: .photo, hasProvider: true)
        #expect(model.provider == .cog)
        #expect(model.price == .free)
        #expect(model.promptStyle == .caller)
        #expect(model.inputs.fixed == ["steps": 20])
        #expect(model.standardResolution == .p480)
    }

    @Test(arguments: ["", "Wan-AI/Wan2.2-I2V-A14B"])
    func `a row for an OpenAI-compatible engine needs no inputs, and a name only where one is to be sent`(
        name: String
    ) throws {
        var row: [String: JSONValue] = [
            "alias": "gpu", "provider": "openai-videos", "durations": [5], "resolutions": ["480p"],
        ]
        if !name.isEmpty { row["name"] = .string(name) }
        let catalogue = try ModelCatalogue(parsing: ["models": [.object(row)]])
        let model = try #require(catalogue.named("gpu"))
        #expect(model.provider == .openAIVideos)
        #expect(model.name == name)
        #expect(model.price == .free)
        let stored: JSONValue = ["models": [model.json]]
        #expect(try ModelCatalogue(parsing: JSONValue(parsing: stored.encoded())).named("gpu") == model)
    }

    @Test func `a row for an OpenAI-compatible engine with a name that no form can hold, or with inputs, is refused`() {
        let row: [String: JSONValue] = [
            "alias": "gpu", "provider": "openai-videos", "durations": [5], "resolutions": ["480p"],
        ]
        func problems(_ name: String, _ value: JSONValue) -> [String] {
            Self.problems(["models": [.object(row.merging([name: value]) { _, new in new })]])
        }
        let rule = "must be 1–200 printable ASCII characters, or left out for the server's own"
        #expect(problems("name", "a b") == [#"models[0].name \#(rule), got "a b""#])
        #expect(problems("name", "") == [#"models[0].name \#(rule), got """#])
        #expect(problems("name", "a\r\nb").count == 1)
        #expect(problems("inputs", ["image": "image"]).first?.hasPrefix("models[0].inputs is unknown") == true)
    }

    private static func problems(_ file: JSONValue) -> [String] {
        do throws(FieldError) {
            _ = try ModelCatalogue(parsing: file)
            return []
        } catch {
            return error.problems.map(\.description)
        }
    }

    private static func problems(changing changes: [String: JSONValue]) -> [String] {
        let row = (hailuo.object ?? [:]).merging(changes) { _, new in new }
        return problems(["models": [.object(row)]])
    }

    private static let seconds = "whole numbers from 1 to 60, each once"
    private static let mistakes: [(String, JSONValue, String)] = [
        ("alias", "", #"must be 1–64 characters of a–z, 0–9, _ and -, got """#),
        ("alias", "Wan", #"must be 1–64 characters of a–z, 0–9, _ and -, got "Wan""#),
        ("alias", nil, "is missing; it must be 1–64 characters of a–z, 0–9, _ and -"),
        ("provider", "sora", #"must be local, replicate, cog or openai-videos, got "sora""#),
        ("name", "hailuo", #"must be owner/name as on Replicate, such as wan-video/wan-2.5-i2v, got "hailuo""#),
        ("name", "a/b/c", #"must be owner/name as on Replicate, such as wan-video/wan-2.5-i2v, got "a/b/c""#),
        ("durations", [], #"must be a list of at least one of the \#(seconds), got []"#),
        ("durations", [6, 6], #"must be a list of at least one of the \#(seconds), got [6,6]"#),
        ("durations", [0], #"must be a list of at least one of the \#(seconds), got [0]"#),
        ("durations", 6, #"must be a list of at least one of the \#(seconds), got 6"#),
        ("paid_durations", ["10"], #"must be a list of \#(seconds), got ["10"]"#),
        ("resolutions", ["4k"], #"must be a list of 480p, 720p and 1080p, each at most once, got ["4k"]"#),
        ("requires_prompt", "yes", #"must be true or false, got "yes""#),
        ("prompt_style", "poem", #"must be composed or caller, got "poem""#),
        (
            "generated_seconds", 4,
            #"must be a whole number from 1 to 60, and at least half of the longest duration, got 4"#
        ),
        (
            "price_usd_per_second", ["1080p": 1],
            #"must be an object with US dollars from 0 to 1000 for each of the resolutions, got {"1080p":1}"#
        ),
        (
            "price_usd_per_second", ["720p": -1],
            #"must be an object with US dollars from 0 to 1000 for each of the resolutions, got {"720p":-1}"#
        ),
        ("price_usd_per_second", nil, "is missing; give it or price_usd_per_second"),
        ("price_usd", 0.5, "must be left out where price_usd is given"),
        ("inputs", nil, #"must be an object, got null"#),
        ("inputs", ["image": "i", "prompt": 7], #"must be the name of an input, got 7"#),
        ("inputs", ["image": "i", "prompt": "i"], "and the other inputs must have different names"),
        (
            "inputs", ["image": "i", "prompt": "p", "fixed": ["p": ""]],
            #"must be an object without the inputs named beside it, got {"p":""}"#
        ),
        (
            "inputs", ["image": "i", "prompt": "p", "audio": "a"],
            "is unknown; known are duration, fixed, image, prompt, resolution, seed"
        ),
    ]

    @Test(arguments: mistakes)
    func `a mistake is told with its place, its value and what would be right`(
        field: String,
        value: JSONValue,
        message: String
    ) {
        let problems = Self.problems(changing: [field: value])
        let places = ["price_usd", "price_usd_per_second"].contains(field) ? "price_usd" : field
        #expect(problems.contains { $0.hasPrefix("models[0].\(places)") && $0.hasSuffix(" " + message) }, "\(problems)")
    }

    @Test(arguments: [
        ("null", #"the document must be an object, got null"#), ("[]", #"the document must be an object, got []"#),
        ("{}", "models is missing; it must be a list of models"),
        (#"{"models":{}}"#, "models must be a list of models, got {}"),
        (#"{"models":[7]}"#, #"models[0] must be an object, got 7"#),
        (#"{"models":[],"modles":1}"#, "modles is unknown; known are models"),
    ])
    func `a file of another shape is one problem`(text: String, problem: String) throws {
        #expect(Self.problems(try JSONValue(parsing: text.utf8)) == [problem])
    }

    @Test func `all mistakes of all rows come together, in the file's order`() {
        let file: JSONValue = [
            "models": [Self.hailuo, ["alias": "hailuo", "provider": "local", "colour": 1], Self.hailuo],
            "version": 2,
        ]
        #expect(
            Self.problems(file) == [
                "version is unknown; known are models",
                "models[1].durations is missing; it must be a list of at least one of the \(Self.seconds)",
                "models[1].resolutions is missing; it must be a list of 480p, 720p and 1080p, each at most once",
                """
                models[1].colour is unknown; known are alias, durations, generated_seconds, name, paid_durations, price_usd, \
                price_usd_per_second, prompt_style, provider, requires_prompt, resolutions
                """,
                #"models[1].alias must be given once, got "hailuo" again"#,
                #"models[2].alias must be given once, got "hailuo" again"#,
            ]
        )
    }

    @Test func `an empty row misses all that it must have`() {
        let names = Self.problems(["models": [[:]]]).map { $0.prefix { $0 != " " } }
        #expect(
            names == ["alias", "provider", "durations", "resolutions", "inputs"].map { "models[0].\($0)" }
        )
    }

    @Test func `a mutated file is refused with its problems or read as something that is written the same`() throws {
        let seed = try JSONValue.object(["models": .array(ModelCatalogue.builtIn.models.map(\.json) + [Self.hailuo])])
            .encoded()
        var random = SplitMix64(seed: 7)
        var (accepted, refused) = (0, 0)
        for _ in 0..<20_000 {
            var bytes = seed
            for _ in 0..<Int.random(in: 1...2, using: &random) {
                let index = Int.random(in: 0..<bytes.count, using: &random)
                bytes[index] = Array(#"0123456789-eE.",:[]{}abn_/"#.utf8).randomElement(using: &random) ?? 0
            }
            guard let file = try? JSONValue(parsing: bytes) else { continue }
            do throws(FieldError) {
                let catalogue = try ModelCatalogue(parsing: file)
                accepted += 1
                let again: JSONValue = .object(["models": .array(catalogue.models.map(\.json))])
                #expect((try? ModelCatalogue(parsing: again)) == catalogue)
            } catch {
                refused += 1
                #expect(!error.problems.isEmpty)
            }
        }
        #expect(accepted > 100)
        #expect(refused > 1_000)
    }

    @Test func `a huge value does not fill the log`() {
        let problems = Self.problems(changing: ["alias": .string(String(repeating: "x", count: 1_000_000))])
        #expect(problems.count == 1)
        #expect(problems.allSatisfy { $0.count < 200 })
    }
}
