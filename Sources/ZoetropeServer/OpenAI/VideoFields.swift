import StrictJSON
import ZoetropeCore
import ZoetropeWorkflow

/// What a call sends beside the image, the same whether it came as JSON or as a form; unknown names do nothing.
struct VideoFields: Sendable {
    /// Those that were sent and are not null.
    ///
    /// Numbers and booleans of a form are texts.
    private let values: [String: JSONValue]

    static let names: Set<String> = [
        "prompt", "model", "seconds", "size", "motion", "camera", "seed", "audio", "callback_url",
    ]
    /// More than the 32,000 characters that OpenAI takes, so that we say ourselves that a prompt is too long.
    static let mostTextBytes = 40_000

    init(_ json: JSONValue) {
        values = (json.object ?? [:]).filter { Self.names.contains($0.key) && $0.value != .null }
    }

    /// Throws ``Problem`` for a field that comes twice or is not UTF-8.
    init(_ fields: [MultipartForm.Field]) throws(Problem) {
        var values: [String: JSONValue] = [:]
        for field in fields where Self.names.contains(field.name) {
            guard values[field.name] == nil else {
                throw .badVideo(field.name, "Send \(field.name) once")
            }
            guard let text = field.text, !text.utf8.contains(0) else {
                throw .badVideo(field.name, "\(field.name) must be UTF-8 without U+0000")
            }
            values[field.name] = .string(text)
        }
        self.values = values
    }

    /// By which a call is told from another one.
    var canonical: [String: JSONValue] { values }

    /// Throws ``Problem`` for what is no text.
    func text(_ name: String) throws(Problem) -> String? {
        guard let value = values[name] else { return nil }
        guard let text = value.string else { throw .badVideo(name, "Invalid \(name). Send a string") }
        return text
    }

    func prompt() throws(Problem) -> String {
        let rule = "Prompt is required (max \(AnimationRequest.maxPromptCodePoints) characters)"
        guard let prompt = try text("prompt") else { throw .missingFromVideo("prompt", rule) }
        guard !prompt.unicodeScalars.allSatisfy(\.properties.isWhitespace) else { throw .badVideo("prompt", rule) }
        return prompt
    }

    /// The native API's params: what of them was sent, by their native names.
    func params(for model: VideoModel) throws(Problem) -> JSONValue {
        var params: [String: JSONValue] = ["prompt": .string(try prompt())]
        for name in ["motion", "camera"] { params[name] = try text(name).map { .string($0) } }
        if let seconds = values["seconds"] { params["duration"] = .integer(try Self.seconds(seconds, of: model)) }
        if let size = try text("size") { params["resolution"] = .string(try Self.resolution(size, of: model).rawValue) }
        if let seed = values["seed"] {
            // What is no number is refused where all params are judged.
            params["seed"] = seed.string.flatMap(Self.digits).map { .integer($0) } ?? seed
        }
        if let audio = values["audio"] {
            params["audio"] = audio == "true" ? true : audio == "false" ? false : audio
        }
        return .object(params)
    }

    /// Texts of digits, as OpenAI has it, or a number.
    private static func seconds(_ value: JSONValue, of model: VideoModel) throws(Problem) -> Int64 {
        let offered = model.durations + model.paidDurations
        let number = value.string.map(digits) ?? value.integer
        guard let number, offered.contains(where: { Int64($0) == number }) else {
            let words = offered.map(String.init)
            let list =
                words.count == 1 ? words[0] : words.dropLast().joined(separator: ", ") + " or " + words[words.count - 1]
            throw .badVideo("seconds", "Invalid seconds. The model \(model.alias) makes videos of \(list) seconds")
        }
        return number
    }

    private static func digits(_ text: String) -> Int64? {
        let isPlain = (1...10).contains(text.utf8.count) && text.utf8.allSatisfy { (0x30...0x39).contains($0) }
        return isPlain ? Int64(text) : nil
    }

    /// The resolution for a frame of this size, by its shorter side; the nearest that the model offers below it.
    ///
    /// The frame itself keeps the image's aspect.
    private static func resolution(_ size: String, of model: VideoModel) throws(Problem) -> Resolution {
        let sides = size.split(separator: "x", omittingEmptySubsequences: false).map { digits(String($0)) }
        guard sides.count == 2, let width = sides[0], let height = sides[1], (16...16_384).contains(width),
            (16...16_384).contains(height)
        else { throw .badVideo("size", "Invalid size. Send WIDTHxHEIGHT in pixels, such as 1280x720") }
        let shorter = min(width, height)
        let wanted: Resolution = shorter <= 480 ? .p480 : shorter <= 720 ? .p720 : .p1080
        let offered = model.resolutions.sorted { $0.lines < $1.lines }
        return offered.last { $0.lines <= wanted.lines } ?? offered.first ?? model.standardResolution
    }
}
