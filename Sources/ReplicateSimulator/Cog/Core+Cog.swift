extension Core {
    func respondCog(to request: IncomingRequest, _ clientLeft: @escaping @Sendable () async -> Void) async throws
        -> Reply
    {
        var body: Result<JSONValue, JSONError>?
        if World.cogExchange(request) == .cogCreate, !request.isTooLarge {
            do {
                body = .success(try JSONValue(parsing: request.body))
            } catch {
                body = .failure(error)
            }
        }
        let read = body
        let object: JSONObject? = if case .success(.object(let object)) = read { object } else { nil }
        let fault = withState { state -> Fault? in
            guard let exchange = World.cogExchange(request) else { return nil }
            let subject = state.world.cogSubject(request, body: object)
            state.connections.update(request.connection - 1) { $0.tag = $0.tag ?? subject.tag }
            return state.world.takeFault(exchange, subject)
        }
        return try await apply(fault, clientLeft) {
            let outcome = self.withWorld { world, now in world.performCog(request, body: read, now: now) }
            self.clock.poke()
            switch outcome {
            case .answer(let answer): return answer
            case .hold(let run): return try await self.hold(run, clientLeft)
            }
        }
    }

    /// Waits for the end of a run; a client that leaves cancels it.
    private func hold(_ run: Int, _ clientLeft: @escaping @Sendable () async -> Void) async throws -> Answer {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                while true {
                    let end = self.withWorld { world, _ in world.cogEnd(run) }
                    // A run without an end is looked at again when something changes.
                    let moment = end ?? self.clock.now + 1e6
                    if moment <= self.clock.now { return true }
                    try await self.clock.sleep(until: moment, isPokeable: true)
                }
            }
            group.addTask {
                await clientLeft()
                return false
            }
            defer { group.cancelAll() }
            guard try await group.next() == true else {
                withWorld { world, now in world.cancelCog(run, now: now) }
                throw CancellationError()
            }
            return withWorld { world, now in world.cogAnswer(run, now: now) }
        }
    }
}
