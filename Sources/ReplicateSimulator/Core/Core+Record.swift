extension Core {
    /// A connection begins.
    func open(_ origin: Origin) -> Connection {
        withState { state in
            let number = state.connections.append(RecordedConnection(number: 0, origin: origin))
            state.connections.update(number) { $0.number = number + 1 }
            var cut: Cut?
            if case .cut(let found) = state.world.takeFault(.connection, World.Subject(origin: origin)) { cut = found }
            let connection = Connection(number: number + 1, origin: origin, cut: cut)
            state.open[number + 1] = connection
            return connection
        }
    }

    /// A connection ends.
    func close(_ connection: Connection) {
        connection.end()
        withState { state in
            state.open[connection.number] = nil
            state.connections.update(connection.number - 1) { entry in
                entry.count(connection)
                entry.isClosed = true
            }
        }
    }

    /// A whole request has arrived.
    ///
    /// - Returns: Its number, for ``noteAnswer(_:status:)``.
    func record(_ request: IncomingRequest) -> Int {
        let headers = request.headers.prefix(100)
            .map { header -> [String] in
                let isSecret = header.name.lowercased() == "authorization"
                let value =
                    isSecret ? "\(header.value.prefix { $0 != " " }.prefix(10)) …" : String(header.value.prefix(500))
                return [header.name, value]
            }
        let sum = request.body.sha256
        return withState { state in
            let number = state.requests.append(
                RecordedRequest(
                    number: 0,
                    origin: request.origin,
                    method: request.method,
                    target: String(request.target.text.prefix(2000)),
                    headers: headers,
                    bodySize: request.body.count,
                    bodySHA256: sum,
                    time: clock.now,
                    connection: request.connection
                )
            )
            state.requests.update(number) { $0.number = number + 1 }
            return number
        }
    }

    func noteAnswer(_ number: Int, status: Int) {
        let entry = withState { state -> RecordedRequest? in
            state.requests.update(number) { $0.status = status }
            let index = number - state.requests.firstNumber
            guard state.requests.entries.indices.contains(index) else { return nil }
            let entry = state.requests.entries[index]
            if status >= 400, entry.origin == .api, !entry.target.hasPrefix("/_simulator") {
                state.world.refused[status, default: 0] += 1
            }
            return entry
        }
        if let entry { configuration.onExchange?(entry) }
    }

    func noteDownload(path: String, bytes: Int, isComplete: Bool) {
        withState { $0.world.noteDownload(path: path, bytes: bytes, isComplete: isComplete) }
    }

    var requests: [RecordedRequest] { withState { $0.requests.entries } }

    var connections: [RecordedConnection] {
        withState { state in
            for connection in state.open.values {
                state.connections.update(connection.number - 1) { $0.count(connection) }
            }
            return state.connections.entries
        }
    }
}

extension RecordedConnection {
    fileprivate mutating func count(_ connection: Connection) {
        let snapshot = connection.snapshot
        (bytesReceived, bytesSent, wasCut) = (snapshot.received, snapshot.sent, snapshot.wasCut)
        requests = snapshot.requests
    }
}
