package import StrictJSON

/// What a provider's model calls its inputs.
package struct InputNames: Sendable, Hashable {
    package var image: String
    package var prompt: String
    /// Nil when the model has no such input; the same for ``duration`` and ``seed``.
    package var resolution: String?
    package var duration: String?
    package var seed: String?
    /// Inputs that are sent with every request as they stand here.
    package var fixed: [String: JSONValue]

    package init(
        image: String = "image",
        prompt: String = "prompt",
        resolution: String? = nil,
        duration: String? = nil,
        seed: String? = nil,
        fixed: [String: JSONValue] = [:]
    ) {
        self.image = image
        self.prompt = prompt
        self.resolution = resolution
        self.duration = duration
        self.seed = seed
        self.fixed = fixed
    }
}
