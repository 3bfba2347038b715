extension World {
    /// What came of a request.
    struct Outcome: Sendable {
        var answer: Answer
        /// The prediction that a create made.
        var created: Int?

        init(_ answer: Answer, created: Int? = nil) {
            self.answer = answer
            self.created = created
        }
    }

    /// What rules look at in a call.
    func subject(of call: Call) -> Subject {
        switch call.route {
        case .createForModel(let name): Subject(model: name, tag: tag(of: call))
        case .createForDeployment(let name):
            Subject(model: ModelCatalogue.deployments[name]?.fullName ?? name, tag: tag(of: call))
        case .createByVersion:
            Subject(model: call.object.flatMap { Self.model(ofVersionIn: $0)?.fullName }, tag: tag(of: call))
        case .get(let id), .cancel(let id):
            predictionIndexes[id].map { subject(of: predictions[$0]) } ?? Subject(prediction: id)
        case .model(let name), .versions(let name), .version(let name, _): Subject(model: name)
        default: Subject()
        }
    }

    func subject(of prediction: Prediction) -> Subject {
        Subject(model: prediction.model.fullName, tag: prediction.tag, prediction: prediction.id)
    }

    /// Counts a whole create request, whatever becomes of it.
    mutating func noteCreate(tag: String?) { createsReceivedByTag[tag ?? "", default: 0] += 1 }

    /// Does what a call asks for.
    mutating func perform(_ call: Call, now: Moment) -> Outcome {
        let request = call.request
        if request.isTooLarge {
            return Outcome(call.route == .fileUpload ? Problem.fileTooLarge : Problem.bodyTooLarge)
        }
        // A signed download needs no token.
        if case .fileDownload(let id) = call.route { return Outcome(downloadFile(id, request, now: now)) }
        guard call.route != .unknown else { return Outcome(Problem.notFound) }

        let isCreate = call.route.exchange == .create
        let account: Int
        switch authenticated(request) {
        case .missing: return Outcome(isCreate ? Problem.authorizationRequired : Problem.noToken)
        case .wrong: return Outcome(isCreate ? Problem.invalidToken : Problem.unauthenticated)
        case .account(let index): account = index
        }
        let headers: [Header]
        switch admit(call.route, account, now: now) {
        case .refused(let answer): return Outcome(answer)
        case .admitted(let rateHeaders): headers = rateHeaders
        }
        var outcome = perform(call, account: account, now: now)
        outcome.answer.headers += headers
        return outcome
    }

    private mutating func perform(_ call: Call, account: Int, now: Moment) -> Outcome {
        let request = call.request
        switch call.route {
        case .createForModel, .createByVersion, .createForDeployment: return create(call, account: account, now: now)
        case .get(let id): return Outcome(get(id, account, request, now: now))
        case .list: return Outcome(list(account, request, now: now))
        case .cancel(let id): return Outcome(cancel(id, account, request, now: now))
        case .model(let name):
            guard let model = ModelCatalogue.model(named: name) else { return Outcome(Problem.notFound) }
            return Outcome(.json(model.page(base: request.base), endsWithNewline: true))
        case .versions(let name):
            guard let model = ModelCatalogue.model(named: name) else { return Outcome(Problem.notFound) }
            return Outcome(.json(["previous": nil, "next": nil, "results": [model.versionPage]]))
        case .version(let name, let version):
            guard let model = ModelCatalogue.model(named: name), model.version == version else {
                return Outcome(Problem.notFound)
            }
            return Outcome(.json(model.versionPage))
        case .account: return Outcome(.json(accountPage(account)))
        case .webhookSecret: return Outcome(.json(["key": .string(webhookSecret)]))
        case .fileUpload: return Outcome(upload(account, request, now: now))
        case .fileList: return Outcome(listFiles(account, request, now: now))
        case .fileGet(let id): return Outcome(getFile(id, account, request, now: now))
        case .fileDelete(let id): return Outcome(deleteFile(id, account, now: now))
        case .fileDownload, .unknown: return Outcome(Problem.notFound)
        }
    }

    private func accountPage(_ account: Int) -> JSONValue {
        let name = accounts[account].username
        return [
            "type": "user",
            "username": .string(name),
            "name": .string(name),
            "github_url": .string("https://github.com/\(name)"),
            "avatar_url": nil,
        ]
    }

    private enum Authentication {
        case missing, wrong
        case account(Int)
    }

    private func authenticated(_ request: IncomingRequest) -> Authentication {
        guard let header = request.headers["authorization"] else { return .missing }
        let words = header.split(separator: " ", omittingEmptySubsequences: true)
        guard words.count == 2, ["bearer", "token"].contains(words[0].lowercased()),
            let index = accounts.firstIndex(where: { $0.token == words[1] })
        else { return .wrong }
        return .account(index)
    }

    private enum Admission {
        case admitted([Header])
        case refused(Answer)
    }

    /// Takes a token from the call's bucket.
    private mutating func admit(_ route: Route, _ account: Int, now: Moment) -> Admission {
        guard switches.rateLimits else { return .admitted([]) }
        let counts = switches.throttledRequestsCount
        let result: RateBucket.Result
        var wording = Throttle.Wording.plain
        switch route.exchange {
        case .create:
            result = accounts[account].creates.take(now: now, refusalsCost: counts)
            if switches.lowCredit { wording = .lowCredit }
        case .get: result = accounts[account].gets.take(now: now, refusalsCost: counts)
        default: result = accounts[account].others.take(now: now, refusalsCost: counts)
        }
        switch result {
        case .refused(let seconds):
            let throttle = Throttle(wording, retryAfter: seconds, header: switches.retryAfterHeader)
            return .refused(Problem.throttled(throttle, now: now))
        case .taken(let remaining):
            switch route {
            // Answers of the files endpoints were recorded without these.
            case .fileUpload, .fileList, .fileGet, .fileDelete: return .admitted([])
            default:
                return .admitted([
                    Header("ratelimit-remaining", String(remaining)), Header("ratelimit-reset", "1"),
                ])
            }
        }
    }
}

extension World {
    /// Answers a request of the API at a time: what the server does, without faults, holding and webhooks.
    package mutating func answer(_ request: IncomingRequest, now: Moment) -> Answer {
        _ = takeDue(now: now)
        let call = Call(request)
        if call.route.exchange == .create { noteCreate(tag: subject(of: call).tag) }
        return perform(call, now: now).answer
    }
}
