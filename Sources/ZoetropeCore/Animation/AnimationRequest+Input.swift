package import StrictJSON

extension AnimationRequest {
    /// The prompt that the provider's model gets.
    ///
    /// Plain words, because the models take no commands. At most ``PromptStyle/maxCodePoints``: what no longer fits of
    /// the second half is left out as a whole.
    package var composedPrompt: String {
        let own = [motion.words, camera.words(for: motion), "One continuous shot without cuts."]
            .compactMap { $0 }
            .joined(separator: " ")
        guard let prompt else { return own }
        let (first, second) =
            switch model.promptStyle {
            case .composed: (own, prompt)
            case .caller: (prompt, own)
            }
        let isSentence = first.last?.isPunctuation == true
        let both = "\(first)\(isSentence ? "" : ".") \(second)"
        return both.unicodeScalars.count <= model.promptStyle.maxCodePoints ? both : first
    }

    /// The input of one generation, by the names of the provider's model.
    ///
    /// `imageURL` is the first frame: the source, or for a second part the last frame of the first.
    package func input(imageURL: String) -> [String: JSONValue] {
        let names = model.inputs
        var input = names.fixed
        input[names.image] = .string(imageURL)
        input[names.prompt] = .string(composedPrompt)
        if let name = names.resolution { input[name] = .string(resolution.rawValue) }
        if let name = names.duration { input[name] = .integer(Int64(model.generatedSeconds ?? seconds)) }
        if let name = names.seed, let chosenSeed {
            // Providers take 31 bits.
            input[name] = .integer(Int64(truncatingIfNeeded: chosenSeed) & AnimationParams.largestSeed)
        }
        return input
    }
}

extension Motion {
    fileprivate var words: String {
        switch self {
        case .walkForward: "The people in the picture walk forward at a calm, steady pace and move naturally."
        case .pushIn: "The camera pushes in slowly and smoothly towards the subject."
        case .pullBack: "The camera pulls back slowly and smoothly from the subject."
        case .panLeft: "The camera pans slowly and smoothly to the left."
        case .panRight: "The camera pans slowly and smoothly to the right."
        case .still: "The scene stays as it is, alive with small natural movements."
        }
    }
}

extension Camera {
    /// Nil where the motion says all: a motion that pans replaces the mild pan.
    fileprivate func words(for motion: Motion) -> String? {
        switch self {
        case .mildPan where motion == .panLeft || motion == .panRight: nil
        case .mildPan: "The camera pans slowly and slightly to the right."
        case .static: "The camera is held level and perfectly steady."
        case .handheld: "The camera is held by hand and sways slightly."
        }
    }
}
