package import StrictJSON

/// The `params` of an animation: what the caller sent, and what it means.
package struct AnimationParams: Sendable, Hashable {
    package let request: AnimationRequest
    /// What the caller sent, plus `prompt`, `resolution`, `duration` and `provider`; see ``merging(_:into:)``.
    package let stored: JSONValue

    /// The largest `seed`; providers take 31 bits.
    package static let largestSeed: Int64 = 2_147_483_647

    /// Reads `params` as the API takes them.
    ///
    /// A field that is left out or null has its default, an unknown one is kept and does nothing.
    ///
    /// - Throws: ``RequestError`` with the problems of all fields, at most one for each.
    package init(_ sent: JSONValue?, model: VideoModel, tier: Tier) throws(RequestError) {
        let sent = sent ?? .null
        guard let members = sent == .null ? [:] : sent.object else {
            throw RequestError(problems: [.init(field: "params", rule: .object)])
        }
        var fields = Fields(members: members)
        let prompt = fields.read("prompt", .text, \.string)
        let resolution = fields.read("resolution", .resolution, \.string)
        let duration = fields.read("duration", .duration(offered: model.durations + model.paidDurations), \.integer)
        let motion: Motion? = fields.choice("motion")
        let camera: Camera? = fields.choice("camera")
        let audio = fields.read("audio", .boolean, \.bool)
        let seed = fields.read("seed", .seed) { value in
            value.integer.flatMap { (0...Self.largestSeed).contains($0) ? UInt64($0) : nil }
        }
        do throws(RequestError) {
            request = try AnimationRequest(
                model: model,
                motion: motion ?? .standard,
                camera: camera ?? .standard,
                resolution: resolution,
                seconds: duration.map(Int.init),
                tier: tier,
                prompt: prompt,
                audio: audio ?? false,
                seed: seed
            )
        } catch {
            throw RequestError(problems: fields.sorted(with: error.problems))
        }
        guard fields.problems.isEmpty else { throw RequestError(problems: fields.problems) }
        stored = Self.merging(
            [
                "prompt": request.prompt.map { .string($0) } ?? .null,
                "resolution": .string(request.resolution.rawValue),
                "duration": .integer(Int64(request.seconds)),
                "provider": .string(model.provider.rawValue),
            ],
            into: .object(members)
        )
    }
}

extension AnimationParams {
    /// The names that belong to the engine, also where a caller sends one of them.
    private static let engineKeys: Set<String> = [
        "provider", "replicate_prediction_id", "seconds", "fps", "width", "height", "cost_usd", "error",
    ]

    /// Stored `params` with more that a reader may want.
    ///
    /// Nothing is removed. A member that is there already stays as it is, unless its name is one of the engine's own:
    /// `provider`, `replicate_prediction_id`, `seconds`, `fps`, `width`, `height`, `cost_usd`, `error`. Params that are no
    /// object, as an older program may have stored them, stay as they are.
    package static func merging(_ additions: [String: JSONValue], into params: JSONValue) -> JSONValue {
        guard var members = params == .null ? [:] : params.object else { return params }
        for (name, value) in additions where members[name] == nil || engineKeys.contains(name) {
            members[name] = value
        }
        return .object(members)
    }

    /// What a retry sends: stored `params` without what the engine wrote.
    package static func sentAgain(_ stored: JSONValue) -> JSONValue {
        guard let members = stored.object else { return .null }
        return .object(members.filter { !engineKeys.contains($0.key) })
    }
}

/// Reads fields and keeps what is wrong with them.
private struct Fields {
    let members: [String: JSONValue]
    var problems: [RequestError.Problem] = []
    /// The names in the order in which they were read.
    var order: [String] = []

    init(members: [String: JSONValue]) {
        self.members = members
    }

    mutating func read<Value>(_ name: String, _ rule: RequestError.Rule, _ take: (JSONValue) -> Value?) -> Value? {
        order.append(name)
        guard let value = members[name], value != .null else { return nil }
        let result = take(value)
        if result == nil { problems.append(.init(field: name, rule: rule)) }
        return result
    }

    mutating func choice<Choice: CaseIterable & RawRepresentable<String>>(_ name: String) -> Choice? {
        read(name, .choice(offered: Choice.allCases.map(\.rawValue))) { $0.string.flatMap(Choice.init(rawValue:)) }
    }

    /// These problems and, for fields without one, the others.
    func sorted(with others: [RequestError.Problem]) -> [RequestError.Problem] {
        order.compactMap { name in (problems + others).first { $0.field == name } }
    }
}
