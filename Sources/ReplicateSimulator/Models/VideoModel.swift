/// A model that makes videos: its inputs, what it makes of them, how long that takes and what it costs.
package struct VideoModel: Sendable {
    package let owner: String
    package let name: String
    let description: String
    /// Official models answer on `/models/{owner}/{name}/predictions` and hide their version.
    package let isOfficial: Bool
    /// 64 hexadecimal digits.
    package let version: String
    package let inputs: [InputField]
    /// The clip, from the inputs with defaults filled in.
    let clip: @Sendable (JSONObject) -> VideoRecipe
    /// US dollars, from the inputs with defaults filled in.
    let price: @Sendable (JSONObject) -> Double
    /// Seconds of work, from the inputs with defaults filled in.
    let runSeconds: @Sendable (JSONObject) -> Double
    /// Seconds before the work starts.
    var queueSeconds = 2.0

    package var fullName: String { "\(owner)/\(name)" }

    /// The word in a prediction's `version`.
    var shownVersion: String { isOfficial ? "hidden" : version }

    /// The inputs whose values name files.
    var fileInputs: [String] {
        inputs.compactMap { if case .uri = $0.kind { $0.name } else { nil } }
    }

    /// All problems of an input object, in the order of the model's inputs.
    package func problems(of input: JSONObject, refusesUnknownKeys: Bool) -> [InvalidField] {
        var problems: [InvalidField] = []
        for field in inputs {
            switch input[field.name] {
            case nil where field.isRequired:
                problems.append(InvalidField("required", "input", "\(field.name) is required"))
            case nil: break
            case let value?:
                if let problem = field.problem(with: value) { problems.append(problem) }
            }
        }
        if refusesUnknownKeys {
            let known = Set(inputs.map(\.name))
            for key in input.keys where !known.contains(key) {
                problems.append(
                    // An empty field name has been seen on the wire.
                    InvalidField("additional_property_not_allowed", "", "Additional property \(key) is not allowed")
                )
            }
        }
        return problems
    }

    /// The input with the defaults of what is absent.
    func filled(_ input: JSONObject) -> JSONObject {
        var filled = input
        for field in inputs where filled[field.name] == nil { filled[field.name] = field.defaultValue }
        return filled
    }
}
