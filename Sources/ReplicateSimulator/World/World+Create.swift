extension World {
    private static let bodyKeys: Set<String> = [
        "input", "webhook", "webhook_events_filter", "webhook_completed", "stream",
    ]

    mutating func create(_ call: Call, account: Int, now: Moment) -> Outcome {
        let request = call.request
        // The route comes first: what does not exist is not validated.
        if let missing = missingTarget(call.route) { return Outcome(missing) }
        guard case .success(let value) = call.body else {
            return Outcome(Problem.plain(400, "The request body is not valid JSON."))
        }
        guard let body = value.object else {
            let text = "Invalid type. Expected: object, given: \(value.typeName)"
            return Outcome(Problem.validation([InvalidField("invalid_type", "", text)]))
        }
        if let problem = Self.bodyProblem(body, isByVersion: call.route == .createByVersion) { return Outcome(problem) }
        guard let model = model(call.route, body) else { return Outcome(Problem.invalidVersion) }
        let input = body["input"]?.object ?? JSONObject()
        let problems = model.problems(of: input, refusesUnknownKeys: switches.unknownInputKeys == .refused)
        guard problems.isEmpty else { return Outcome(Problem.validation(problems)) }

        var lifetime: Int?
        if let header = request.headers["cancel-after"] {
            guard let seconds = CancelAfter.seconds(header), seconds >= CancelAfter.minimum else {
                return Outcome(
                    Problem.plain(
                        422,
                        "Cancel-After must be a duration of at least 5 seconds, like 90, 20m or 1h30m45s"
                    )
                )
            }
            lifetime = seconds
        }
        guard predictions.count < Self.predictionLimit else {
            return Outcome(Problem.plain(500, "The simulator is full; POST /_simulator/reset empties it"))
        }
        let index = add(model, call, body, input, account: account, lifetime: lifetime, now: now)
        return Outcome(createAnswer(index, base: request.base, now: now), created: index)
    }

    /// The answer to a create, as things stand.
    func createAnswer(_ index: Int, base: String, now: Moment, headers: [Header] = []) -> Answer {
        .json(
            predictions[index].json(.create, base: base, now: now, switches: switches),
            status: switches.createStatus,
            headers: headers,
            endsWithNewline: true
        )
    }

    private func missingTarget(_ route: Route) -> Answer? {
        switch route {
        case .createForModel(let name):
            ModelCatalogue.model(named: name)?.isOfficial == true ? nil : Problem.notFound
        case .createForDeployment(let name): ModelCatalogue.deployments[name] == nil ? Problem.notFound : nil
        default: nil
        }
    }

    private func model(_ route: Route, _ body: JSONObject) -> VideoModel? {
        switch route {
        case .createForModel(let name): ModelCatalogue.model(named: name)
        case .createForDeployment(let name): ModelCatalogue.deployments[name]
        default: Self.model(ofVersionIn: body)
        }
    }

    /// `<64 hex>`, `owner/name:<64 hex>`, or `owner/name` of an official model.
    static func model(ofVersionIn body: JSONObject) -> VideoModel? {
        guard let version = body["version"]?.string else { return nil }
        let parts = version.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        if parts.count == 2 {
            return ModelCatalogue.model(version: parts[1]).flatMap { $0.fullName == parts[0] ? $0 : nil }
        }
        if version.contains("/") { return ModelCatalogue.model(named: version).flatMap { $0.isOfficial ? $0 : nil } }
        return ModelCatalogue.model(version: version)
    }

    private static func bodyProblem(_ body: JSONObject, isByVersion: Bool) -> Answer? {
        var problems: [InvalidField] = []
        func check(_ key: String, _ expected: String, _ fits: (JSONValue) -> Bool) {
            guard let value = body[key], !fits(value) else { return }
            let text = "Invalid type. Expected: \(expected), given: \(value.typeName)"
            problems.append(InvalidField("invalid_type", key, text))
        }
        for key in ["version", "input"] where body[key] == nil && (key == "input" || isByVersion) {
            problems.append(InvalidField("required", "", "\(key) is required"))
        }
        check("input", "object") { $0.object != nil }
        check("version", "string") { $0.string != nil }
        check("webhook", "string") { $0.string != nil }
        check("stream", "boolean") { $0.bool != nil }
        check("webhook_events_filter", "array") { $0.array != nil }
        if let webhook = body["webhook"]?.string, !isAcceptableWebhook(webhook) {
            problems.append(InvalidField("format", "webhook", "webhook must be a valid HTTPS URL"))
        }
        for event in body["webhook_events_filter"]?.array ?? []
        where event.string.flatMap(WebhookEvent.init(rawValue:)) == nil {
            let allowed = WebhookEvent.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
            let text = "webhook_events_filter must be one of the following: \(allowed)"
            problems.append(InvalidField("enum", "webhook_events_filter", text))
        }
        for key in body.keys where !bodyKeys.contains(key) && !(key == "version" && isByVersion) {
            problems.append(
                InvalidField("additional_property_not_allowed", "", "Additional property \(key) is not allowed")
            )
        }
        return problems.isEmpty ? nil : Problem.validation(problems)
    }

    /// HTTPS anywhere; HTTP only to this machine and private networks, because a simulator is local.
    static func isAcceptableWebhook(_ url: String) -> Bool {
        guard !url.utf8.contains(where: { $0 <= 0x20 || $0 >= 0x7F }), url.utf8.count <= 4096 else { return false }
        let lower = url.lowercased()
        let isSecure = lower.hasPrefix("https://")
        guard isSecure || lower.hasPrefix("http://") else { return false }
        let rest = lower.dropFirst(isSecure ? 8 : 7)
        let authority = rest.prefix { !"/?#".contains($0) }
        guard !authority.contains("@") else { return false }
        let isIPv6 = authority.hasPrefix("[")
        let host = isIPv6 ? authority.dropFirst().prefix { $0 != "]" } : authority.prefix { $0 != ":" }
        guard !host.isEmpty else { return false }
        if isSecure { return true }
        if isIPv6 { return host == "::1" || host.hasPrefix("fc") || host.hasPrefix("fd") || host.hasPrefix("fe80") }
        let numbers = host.split(separator: ".", omittingEmptySubsequences: false).compactMap { UInt8($0) }
        if numbers.count == 4 {
            return switch (numbers[0], numbers[1]) {
            case (127, _), (10, _), (192, 168), (172, 16...31), (169, 254): true
            default: false
            }
        }
        return !host.contains(".") || host.hasSuffix(".local") || host.hasSuffix(".internal")
            || host.hasSuffix(".localhost")
    }
}
