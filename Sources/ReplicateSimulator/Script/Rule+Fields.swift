extension Rule {
    /// Reads a rule; nil when something is wrong, which is then in `problems`.
    init?(reading value: JSONValue, path: String, problems: FieldCoder.Problems) {
        let before = problems.list.count
        let coder = FieldCoder(reading: value, path: path, problems: problems)
        var on: Exchange?
        coder.word("on", &on)
        if on == nil, coder.object["on"] == nil {
            problems.list.append("\(coder.place("on")) is missing; it is one of \(Exchange.allWords)")
        }
        self.init(on: on ?? .create, .plan(Plan()))
        code(coder)
        action = coder.action(on: on) ?? action
        coder.finish()
        guard problems.list.count == before else { return nil }
        if case .plan = action, on != .create, on != .cogCreate {
            problems.list.append(
                "\(path).plan is only for \"on\": \"create\" or \"cog_create\", got \"\(self.on.rawValue)\""
            )
            return nil
        }
    }

    /// What the rule reads from, and is written to.
    var json: JSONValue {
        let coder = FieldCoder()
        var copy = self
        coder.word("on", &copy.on)
        copy.code(coder)
        let written = FieldCoder()
        var object = coder.object
        switch action {
        case .fault(let fault): object["fault"] = fault.json
        case .plan(var plan):
            plan.code(written)
            object["plan"] = .object(written.object)
        }
        return .object(object)
    }

    private mutating func code(_ coder: FieldCoder) {
        coder.string("name", &name)
        coder.string("model", &model)
        coder.string("tag", &tag)
        coder.string("prediction", &prediction)
        coder.word("event", &event)
        coder.word("origin", &origin)
        coder.int("skip", &skip, in: 0...1_000_000_000)
        coder.int("times", &times, in: 1...1_000_000_000, writesNull: true)
    }
}

extension FieldCoder {
    fileprivate func action(on: Exchange?) -> Rule.Action? {
        let fault = take("fault")
        let plan = take("plan")
        switch (fault, plan) {
        case (nil, nil): problems.list.append("\(path) needs \"fault\" or \"plan\"")
        case (_?, _?): problems.list.append("\(path) has both \"fault\" and \"plan\"; one rule is one of them")
        default: break
        }
        // Both are read, so that all mistakes are named together.
        let readFault = fault.flatMap { Fault(reading: $0, path: place("fault"), on: on, problems: problems) }
        var readPlan: Plan?
        if let plan {
            var read = Plan()
            let coder = FieldCoder(reading: plan, path: place("plan"), problems: problems)
            read.code(coder)
            coder.finish()
            readPlan = read
        }
        return readFault.map { .fault($0) } ?? readPlan.map { .plan($0) }
    }
}

extension FieldCoder {
    /// A name that leads nowhere else than into its folder.
    fileprivate func fileName(_ key: String, _ variable: inout String?) {
        field(
            key,
            &variable,
            "a file's name without a folder, or null",
            read: { value in
                if value == .null { return .some(nil) }
                guard let name = value.string, !name.isEmpty, !name.hasPrefix("."), !name.contains("/"),
                    !name.contains("\0")
                else { return nil }
                return name
            },
            write: { $0.map { .string($0) } }
        )
    }
}

extension Plan {
    mutating func code(_ coder: FieldCoder) {
        coder.seconds("queue_seconds", &queueSeconds)
        coder.seconds("run_seconds", &runSeconds)
        codeResult(coder)
        coder.word("output", &output)
        coder.bool("ends_before_start", &endsBeforeStart)
        coder.nested("video", &video) { video, coder in
            coder.seconds("seconds", &video.seconds, from: 0.04)
            coder.int("width", &video.width, in: 16...4096)
            coder.int("height", &video.height, in: 16...4096)
            coder.int("fps", &video.framesPerSecond, in: 1...120)
            coder.bool("audio", &video.hasAudio)
            coder.fileName("file", &video.file)
        }
        coder.seconds("not_found_for", &notFoundFor)
        coder.seconds("listed_after", &listedAfter)
        coder.seconds("cancel_lag", &cancelLag)
        coder.string("fails_on_cancel", &failsOnCancel)
        coder.string("logs", &logs)
        coder.object("metrics", &metrics)
    }

    private enum ResultWord: String, CaseIterable {
        case succeeded, failed, canceled, aborted
        case stuckInStarting = "stuck_in_starting"
        case stuckInProcessing = "stuck_in_processing"
        case unknown
    }

    private mutating func codeResult(_ coder: FieldCoder) {
        var word = resultWord
        var error: String? = if case .failed(let text) = result { text } else { nil }
        var code: FailureText?
        var statusWord: String? = if case .status(let word) = result { word } else { nil }
        coder.word("result", &word)
        coder.string("error", &error)
        coder.word("error_code", &code)
        coder.string("status_word", &statusWord)
        guard coder.isReading else { return }
        if error != nil || code != nil, coder.object["result"] == nil { word = .failed }
        if statusWord != nil, coder.object["result"] == nil { word = .unknown }
        switch word {
        case .succeeded: result = .succeeded
        case .failed:
            result = .failed(error ?? code?.text ?? FailureText.surprise.text)
            endsBeforeStart = code?.comesBeforeStart ?? endsBeforeStart
        case .canceled: result = .canceled
        case .aborted: result = .aborted
        case .stuckInStarting: result = .stuckInStarting
        case .stuckInProcessing: result = .stuckInProcessing
        case .unknown: result = .status(statusWord ?? "melted")
        }
    }

    private var resultWord: ResultWord {
        switch result {
        case .succeeded: .succeeded
        case .failed: .failed
        case .canceled: .canceled
        case .aborted: .aborted
        case .stuckInStarting: .stuckInStarting
        case .stuckInProcessing: .stuckInProcessing
        case .status: .unknown
        }
    }
}

extension Rule: Codable {
    package init(from decoder: any Decoder) throws {
        let value = try JSONValue(from: decoder)
        let problems = FieldCoder.Problems()
        guard let rule = Rule(reading: value, path: "rule", problems: problems) else {
            throw ScriptError(problems: problems.list)
        }
        self = rule
    }

    package func encode(to encoder: any Encoder) throws {
        try json.encode(to: encoder)
    }
}

/// All that is wrong with a script.
package struct ScriptError: Error, Sendable, Equatable, CustomStringConvertible {
    package let problems: [String]

    package var description: String { problems.joined(separator: "; ") }
}
