extension Switches {
    mutating func code(_ coder: FieldCoder) {
        coder.int("create_status", &createStatus, in: 200...202)
        coder.bool("low_credit", &lowCredit)
        coder.bool("rate_limits", &rateLimits)
        coder.int("creates_per_minute", &createsPerMinute, in: 1...1_000_000_000)
        coder.int("gets_per_minute", &getsPerMinute, in: 1...1_000_000_000)
        coder.int("requests_per_minute", &requestsPerMinute, in: 1...1_000_000_000)
        coder.bool("throttled_requests_count", &throttledRequestsCount)
        coder.word("retry_after_header", &retryAfterHeader)
        coder.int("cancel_finished_status", &cancelFinishedStatus, in: 200...499)
        coder.bool("webhook_echoed", &webhookEchoed)
        coder.word("data_uri_echo", &dataURIEcho)
        coder.word("unknown_input_keys", &unknownInputKeys)
        coder.word("removed_shape", &removedShape)
        coder.seconds("list_lag", &listLag)
        coder.word("cancel_charge", &cancelCharge)
        coder.word("failed_charge", &failedCharge)
        coder.bool("fetch_inputs", &fetchInputs)
        coder.word("wait_answer", &waitAnswer)
        coder.word("wait_timeout_status", &waitTimeoutStatus)
        coder.word("start_webhook", &startWebhook)
        coder.word("webhook_clock", &webhookClock)
        coder.seconds("run_limit", &runLimit)
        coder.nested("cog", &cog) { cog, coder in cog.code(coder) }
    }

    package var json: JSONValue {
        var copy = self
        let coder = FieldCoder()
        copy.code(coder)
        return .object(coder.object)
    }
}

extension CogSwitches {
    fileprivate mutating func code(_ coder: FieldCoder) {
        coder.word("server", &server)
        coder.word("health", &health)
        coder.seconds("setup_seconds", &setupSeconds)
        coder.int("slots", &slots, in: 0...1000)
        coder.seconds("queue_seconds", &queueSeconds)
        coder.seconds("run_seconds", &runSeconds)
        coder.string("upload_url", &uploadURL)
        coder.string("webhook_token", &webhookToken)
    }
}

extension Switches: Codable {
    /// Reads the keys that are there; the others keep their defaults.
    package init(from decoder: any Decoder) throws {
        self.init()
        let problems = FieldCoder.Problems()
        let coder = FieldCoder(reading: try JSONValue(from: decoder), path: "switches", problems: problems)
        code(coder)
        coder.finish()
        if !problems.list.isEmpty { throw ScriptError(problems: problems.list) }
    }

    package func encode(to encoder: any Encoder) throws {
        try json.encode(to: encoder)
    }
}
