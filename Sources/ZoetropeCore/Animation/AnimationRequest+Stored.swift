package import StrictJSON

extension AnimationRequest {
    /// The request as it is stored with its run.
    ///
    /// It holds the model's whole row, so that a run goes on under the terms it was accepted on, whatever the models
    /// file says by then.
    package var stored: JSONValue {
        var members: [String: JSONValue] = [
            "model": model.json,
            "motion": .string(motion.rawValue),
            "camera": .string(camera.rawValue),
            "resolution": .string(resolution.rawValue),
            "seconds": .integer(Int64(seconds)),
            "audio": .bool(audio),
        ]
        members["prompt"] = prompt.map { .string($0) }
        // As text, because a seed has 64 bits and JSON's whole numbers 63.
        members["seed"] = chosenSeed.map { .string("\($0)") }
        return .object(members)
    }

    /// Loads what ``stored`` gave.
    ///
    /// Fields of a newer version are passed over. What was once accepted is not judged again, neither by the tier nor by
    /// rules of today.
    ///
    /// - Throws: ``FieldError`` when a field is missing or unreadable.
    package init(stored: JSONValue) throws(FieldError) {
        var fields = FieldReader(stored, at: "")
        var row = fields.open("model")
        let model = VideoModel(reading: &row)
        fields.close(row)
        let motion: Motion? = fields.requiredChoice("motion")
        let camera: Camera? = fields.requiredChoice("camera")
        let resolution: Resolution? = fields.requiredChoice("resolution")
        let seconds = fields.requiredWhole("seconds", in: 1...VideoModel.longestSeconds)
        let prompt = fields.optional("prompt", "a string", \.string)
        let audio = fields.optionalBool("audio") ?? false
        let seed = fields.optional("seed", "a number of 64 bits as a string") { $0.string.flatMap { UInt64($0) } }
        guard fields.problems.isEmpty, let model, let motion, let camera, let resolution, let seconds else {
            throw FieldError(problems: fields.problems)
        }
        self.init(
            accepted: model,
            motion: motion,
            camera: camera,
            resolution: resolution,
            seconds: seconds,
            prompt: prompt,
            audio: audio,
            chosenSeed: seed
        )
    }
}
