import Synchronization

extension Core {
    /// Decides about a whole request, on any origin.
    ///
    /// `clientLeft` returns when the connection is closed. Throws `CancellationError` when the simulator stops.
    func respond(to request: IncomingRequest, clientLeft: @escaping @Sendable () async -> Void) async throws -> Reply {
        switch request.origin {
        case .output: return try await respondOutput(to: request, clientLeft)
        case .cog: return try await respondCog(to: request, clientLeft)
        case .api:
            if request.target.segments.first == "_simulator" { return .answer(await control(request)) }
            return try await respondAPI(to: request, clientLeft)
        }
    }

    private func respondAPI(to request: IncomingRequest, _ clientLeft: @Sendable () async -> Void) async throws -> Reply
    {
        let call = Call(request)
        let fault = withState { state -> Fault? in
            guard let exchange = call.route.exchange else { return nil }
            let subject = state.world.subject(of: call)
            if exchange == .create {
                state.world.noteCreate(tag: subject.tag)
                state.connections.update(request.connection - 1) { $0.tag = $0.tag ?? subject.tag }
            }
            return state.world.takeFault(exchange, subject)
        }
        return try await apply(fault, clientLeft) { try await self.perform(call) }
    }

    /// Does what a call asks for, and waits when it wants that.
    private func perform(_ call: Call) async throws -> Answer {
        let (outcome, early, generation) = withState { state in
            let now = clock.now
            let outcome = state.world.perform(call, now: now)
            let early = outcome.created.flatMap { state.world.takeEarlyStart($0, now: now) }
            return (outcome, early, state.generation)
        }
        if case .cancel = call.route { clock.poke() }
        guard let index = outcome.created else { return outcome.answer }
        if let early { await send(early, generation) }
        fetchInputs(of: index, call)
        guard let wait = call.preferredWait else { return outcome.answer }

        let limit = clock.now + wait.seconds
        while true {
            let end = withWorld { world, _ in world.endTime(of: index) }
            let moment = min(limit, end ?? limit)
            if moment <= clock.now { break }
            try await clock.sleep(until: moment, isPokeable: true)
        }
        let held = withWorld { world, now in world.heldAnswer(index, call: call, now: now) }
        guard var answer = held else { return outcome.answer }
        for header in outcome.answer.headers where answer.headers[header.name] == nil { answer.headers.append(header) }
        return answer
    }

    private func respondOutput(
        to request: IncomingRequest,
        _ clientLeft: @Sendable () async -> Void
    ) async throws -> Reply {
        let fault = withWorld { world, _ in world.takeFault(.output, world.outputSubject(request)) }
        return try await apply(fault, clientLeft) {
            var answer = self.withWorld { world, now in world.output(request, now: now).answer }
            if case .video(let recipe, var delivery) = answer.body {
                delivery.fault = fault
                answer.body = .video(recipe, delivery)
            }
            return answer
        }
    }

    /// Lets a fault have its way with an exchange.
    func apply(
        _ fault: Fault?,
        _ clientLeft: @Sendable () async -> Void,
        _ perform: () async throws -> Answer
    ) async throws -> Reply {
        switch fault {
        case .close(.before, .noAnswer, let reset): return .close(reset: reset)
        case .close(.after, .noAnswer, let reset):
            _ = try await perform()
            return .close(reset: reset)
        case .close(let when, let point, let reset):
            let answer = when == .after ? try await perform() : CannedAnswer(500).answer
            return .answer(answer, Reply.Break(point: point, reset: reset))
        case .delay(let seconds, .before):
            try await clock.sleep(until: clock.now + seconds)
            return .answer(try await perform())
        case .delay(let seconds, .after):
            let answer = try await perform()
            try await clock.sleep(until: clock.now + seconds)
            return .answer(answer)
        case .hang(let when):
            if when == .after { _ = try await perform() }
            await clientLeft()
            return .close(reset: false)
        case .answer(let canned, let when):
            if when == .after { _ = try await perform() }
            return .answer(canned.answer)
        case .throttle(let throttle): return .answer(Problem.throttled(throttle, now: clock.outsideNow))
        case .redirect(let url, let status):
            return .answer(Answer(status: status, headers: [Header("Location", url)]))
        case .malformedJSON, .truncatedJSON, .rewrite, .contentType:
            return .answer(await changed(try await perform(), by: fault))
        default: return .answer(try await perform())
        }
    }

    private func changed(_ answer: Answer, by fault: Fault?) async -> Answer {
        var answer = answer
        switch fault {
        case .malformedJSON:
            var bytes = await bytes(of: answer.body)
            if let colon = bytes.firstIndex(of: UInt8(ascii: ":")) { bytes[colon] = UInt8(ascii: "=") }
            answer.body = .bytes(bytes)
        case .truncatedJSON:
            let bytes = await bytes(of: answer.body)
            answer.body = .bytes(Array(bytes.prefix(bytes.count / 2)))
        case .rewrite(let rewrite):
            if case .json(let value, let newline) = answer.body {
                answer.body = .json(rewrite.applied(to: value), endsWithNewline: newline)
            }
        case .contentType(let type): answer.headers.set("Content-Type", type)
        default: break
        }
        return answer
    }

    /// The bytes of a body; for a clip, the clip.
    func bytes(of body: Answer.Body) async -> [UInt8] {
        switch body {
        case .bytes(let bytes): return bytes
        case .json(let value, let newline):
            return await materialised(value).bytes + (newline ? [0x0A] : [])
        case .video(let recipe, _): return (try? await videos.video(recipe)) ?? []
        }
    }
}
