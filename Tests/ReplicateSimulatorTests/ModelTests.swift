import ReplicateSimulator
import Testing

/// The catalogue and the check of inputs.
struct ModelTests {
    @Test(arguments: ModelCatalogue.all.map(\.fullName))
    func `a model has a version of 64 hexadecimal digits and can be found by it`(name: String) throws {
        let model = try #require(ModelCatalogue.model(named: name))
        #expect(model.version.count == 64)
        #expect(model.version.allSatisfy { "0123456789abcdef".contains($0) })
        #expect(ModelCatalogue.model(version: model.version)?.fullName == name)
    }

    /// An input of wan-2.5-i2v and the problems that the service names.
    static let inputs: [(JSONObject, [InvalidField])] = [
        (["prompt": "x", "image": "https://e.com/a.png"], []),
        (["prompt": "x", "image": "data:image/png;base64,AAAA", "duration": 10.0, "seed": -5], []),
        (["prompt": "x", "image": "https://e.com/a.png", "misspelt": 1], []),
        (
            [:],
            [
                InvalidField("required", "input", "image is required"),
                InvalidField("required", "input", "prompt is required"),
            ]
        ),
        (
            ["prompt": "x", "image": "https://e.com/a.png", "duration": 7],
            [InvalidField("enum", "input.duration", "duration must be one of the following: 5, 10")]
        ),
        (
            ["prompt": "x", "image": "https://e.com/a.png", "resolution": "4k"],
            [
                InvalidField(
                    "enum",
                    "input.resolution",
                    #"resolution must be one of the following: "480p", "720p", "1080p""#
                )
            ]
        ),
        (
            ["prompt": 5, "image": "not a url", "seed": "x", "enable_prompt_expansion": "yes", "audio": nil],
            [
                InvalidField("format", "input.image", "Does not match format 'uri'"),
                InvalidField("invalid_type", "input.prompt", "Invalid type. Expected: string, given: integer"),
                InvalidField("invalid_type", "input.audio", "Invalid type. Expected: string, given: null"),
                InvalidField(
                    "invalid_type",
                    "input.enable_prompt_expansion",
                    "Invalid type. Expected: boolean, given: string"
                ),
                InvalidField("invalid_type", "input.seed", "Invalid type. Expected: integer, given: string"),
            ]
        ),
    ]

    @Test(arguments: inputs)
    func `every problem of an input is named`(input: JSONObject, problems: [InvalidField]) throws {
        let model = try #require(ModelCatalogue.model(named: "wan-video/wan-2.5-i2v"))
        #expect(model.problems(of: input, refusesUnknownKeys: false) == problems)
    }

    @Test func `numbers out of range and unknown keys are named where that is wanted`() throws {
        let model = try #require(ModelCatalogue.model(named: "acme/still-walker"))
        let input: JSONObject = ["image": "https://e.com/a.png", "frames": 7, "fps": 31, "extra": 1]
        #expect(
            model.problems(of: input, refusesUnknownKeys: true) == [
                InvalidField("number_gte", "input.frames", "Must be greater than or equal to 8"),
                InvalidField("number_lte", "input.fps", "Must be less than or equal to 30"),
                InvalidField("additional_property_not_allowed", "", "Additional property extra is not allowed"),
            ]
        )
    }

    @Test func `the fast Wan has no 480p`() throws {
        let model = try #require(ModelCatalogue.model(named: "wan-video/wan-2.5-i2v-fast"))
        let input: JSONObject = ["prompt": "x", "image": "https://e.com/a.png", "resolution": "480p"]
        #expect(model.problems(of: input, refusesUnknownKeys: false).map(\.type) == ["enum"])
    }
}
