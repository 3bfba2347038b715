import FoundationEssentials

extension Core {
    /// The control surface: any language drives the simulator through it, without a token.
    func control(_ request: IncomingRequest) async -> Answer {
        let path = request.target.segments.dropFirst().joined(separator: "/")
        switch (request.method, path) {
        case ("GET", ""): return index(request)
        case ("GET", "ledger"): return encoded(ledger)
        case ("GET", "requests"): return encoded(["requests": requests])
        case ("GET", "connections"): return encoded(["connections": connections])
        case ("GET", "rules"): return withState { .json(["rules": .array($0.world.rules.map(\.json))]) }
        case ("GET", "switches"): return withState { .json($0.world.switches.json) }
        case ("GET", "clock"): return clockPage()
        case ("POST", "script"): return script(request)
        case ("POST", "reset"):
            reset()
            return .json(["reset": true])
        case ("POST", "clock"): return await moveClock(request)
        default:
            let known = ["", "ledger", "requests", "connections", "rules", "switches", "clock", "script", "reset"]
            return known.contains(path)
                ? Problem.plain(405, "\(request.method) is not for /_simulator/\(path); see GET /_simulator")
                : Problem.plain(404, "/_simulator/\(path) does not exist; see GET /_simulator")
        }
    }

    var ledger: Ledger { withWorld { world, now in world.ledger(now: now) } }

    private func index(_ request: IncomingRequest) -> Answer {
        let (secrets, port) = withState { state in
            (state.world.accounts.map { ($0.username, $0.filesSecret.hex) }, state.world.outputPort)
        }
        return .json([
            "GET /_simulator/ledger": "every accepted create: tag, price, charge, deliveries, downloads; and totals",
            "GET /_simulator/requests": "every HTTP exchange on every origin",
            "GET /_simulator/connections": "every TCP connection: bytes, tag, whether a fault cut it",
            "GET /_simulator/rules": "the rules and how often each was met",
            "GET /_simulator/switches": "the behaviours of the whole server",
            "GET /_simulator/clock": "the virtual time",
            "POST /_simulator/script": #"{"rules":[…],"switches":{…},"reset":false}"#,
            "POST /_simulator/reset": "forget everything, rules and switches too",
            "POST /_simulator/clock": #"{"advance":seconds}: moves a manual clock and delivers what falls due"#,
            "models": .array(ModelCatalogue.all.map { .string($0.fullName) }),
            "deployments": [.string(ModelCatalogue.deploymentName)],
            "exchanges": .array(Exchange.allCases.map { .string($0.rawValue) }),
            "faults": .array(Fault.Kind.allCases.map { .string($0.rawValue) }),
            "error_codes": .array(FailureText.allCases.map { .string($0.rawValue) }),
            "output_port": .int(port),
            "files_signing_secrets": .object(secrets.map { ($0.0, .string($0.1)) }),
        ])
    }

    private func encoded(_ value: some Encodable) -> Answer {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes, .sortedKeys]
        guard let data = try? encoder.encode(value) else { return Problem.plain(500, "could not be encoded") }
        return Answer(status: 200, headers: [Header("Content-Type", "application/json")], body: .bytes(Array(data)))
    }

    private func clockPage() -> Answer {
        let speed: JSONValue = if case .scaled(let speed) = clock.mode { .double(speed) } else { .null }
        return .json([
            "now": .string(clock.now.text(digits: 6)),
            "mode": .string(clock.mode == .manual ? "manual" : "scaled"),
            "speed": speed,
        ])
    }

    private func script(_ request: IncomingRequest) -> Answer {
        let value: JSONValue
        do {
            value = try JSONValue(parsing: request.body)
        } catch {
            return Problem.plain(422, "The script is not JSON: \(error.message), at byte \(error.offset)")
        }
        do {
            let script = try Script(json: value)
            return apply(script) ?? .json(["rules_added": .int(script.rules.count)])
        } catch {
            return .json(
                [
                    "title": "The script has mistakes",
                    "detail": .string(error.description),
                    "status": 422,
                    "problems": .array(error.problems.map { .string($0) }),
                ],
                status: 422,
                contentType: "application/problem+json"
            )
        }
    }

    /// Takes a script over; says so when there is no room for its rules.
    func apply(_ script: Script) -> Answer? {
        if script.reset { reset() }
        let fitted = withWorld { world, now in
            guard world.rules.count + script.rules.count <= World.ruleLimit else { return false }
            world.set(script.applied(to: world.switches), now: now)
            return world.add(script.rules)
        }
        clock.poke()
        return fitted ? nil : Problem.plain(422, "At most \(World.ruleLimit) rules are kept; send \"reset\": true")
    }

    private func moveClock(_ request: IncomingRequest) async -> Answer {
        guard clock.mode == .manual else {
            return Problem.plain(409, "This clock is not manual; start the simulator with --manual-clock")
        }
        let body = try? JSONValue(parsing: request.body)
        guard let seconds = body?["advance"]?.double, (0...1e9).contains(seconds), body?.object?.members.count == 1
        else {
            return Problem.plain(422, #"The body must be {"advance": seconds}, with seconds from 0 to 1e9"#)
        }
        await advance(by: .nanoseconds(Int64(seconds * 1e9)))
        return clockPage()
    }
}

extension World.ActiveRule {
    /// The rule and how often it was met.
    fileprivate var json: JSONValue {
        guard case .object(var object) = rule.json else { return .null }
        object["met"] = .int(seen)
        return .object(object)
    }
}
