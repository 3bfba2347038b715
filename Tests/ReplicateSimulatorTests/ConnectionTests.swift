import ReplicateSimulator
import Testing

/// Connections that are cut below HTTP.
@Suite(.timeLimit(.minutes(5)))
struct ConnectionTests {
    /// The bytes of a create.
    private func request(_ simulator: ReplicateSimulator, tag: String = "t1") -> [UInt8] {
        let body: JSONValue = ["input": .object(Caller.live), "webhook": .string("https://e.com/h?attempt=\(tag)")]
        let head =
            "POST /v1/models/minimax/video-01-live/predictions HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            + "Authorization: Bearer \(simulator.token)\r\nContent-Length: \(body.bytes.count)\r\n\r\n"
        return Array(head.utf8) + body.bytes
    }

    private func host(_ simulator: ReplicateSimulator) -> String { String(simulator.baseURL.dropFirst(7)) }

    /// Bytes from the end of the request at which it is cut, and whether the create happens.
    @Test(arguments: [(-1000, false), (-50, false), (-1, false), (0, true)], [false, true])
    func `a request that is cut creates nothing until its last byte has come`(
        place: (Int, Bool),
        reset: Bool
    ) async throws {
        try await withManualSimulator { simulator, _ in
            let bytes = request(simulator)
            let count = max(0, bytes.count + place.0)
            simulator.add(.fault(.connection, .cut(Cut(.received(count), reset: reset))))
            let answer = try await Wire.exchange(host: host(simulator), bytes)
            #expect(answer.status == 0)
            try await eventually { simulator.connections.first?.isClosed == true }
            // What arrived whole is done soon, not at once.
            try await eventually { !place.1 || simulator.ledger.accepted > 0 }
            #expect(simulator.ledger.accepted == (place.1 ? 1 : 0))
            let connection = try #require(simulator.connections.first)
            #expect(connection.wasCut)
            #expect(connection.bytesReceived == count)
            #expect(connection.bytesSent == 0)
            #expect(connection.requests == (place.1 ? 1 : 0))
            #expect(connection.tag == (place.1 ? "t1" : nil))
        }
    }

    @Test(arguments: [0, 1, 20, 200, 600], [false, true])
    func `an answer that is cut has happened`(count: Int, reset: Bool) async throws {
        try await withManualSimulator { (simulator, _) async throws in
            simulator.add(.fault(.connection, .cut(Cut(.sent(count), reset: reset))))
            let answer = try await Wire.exchange(host: host(simulator), request(simulator))
            #expect(!answer.isWhole)
            try await eventually { simulator.connections.first?.isClosed == true }
            let connection = try #require(simulator.connections.first)
            #expect(connection.wasCut)
            #expect(connection.bytesSent == count)
            #expect(connection.tag == "t1")
            #expect(simulator.ledger.accepted == 1)
        }
    }

    @Test func `a client that leaves in the middle of a request has created nothing`() async throws {
        try await withManualSimulator { (simulator, caller) async throws in
            let bytes = request(simulator)
            _ = try await Wire.exchange(host: host(simulator), Array(bytes.dropLast()), leavesEarly: true)
            try await eventually { simulator.connections.first?.isClosed == true }
            #expect(simulator.ledger.accepted == 0)
            #expect(simulator.ledger.createsReceivedByTag.isEmpty)
            #expect(try await caller.call("GET", "/v1/account").status == 200)
        }
    }

    @Test func `a client that leaves after its request has created`() async throws {
        try await withManualSimulator { (simulator, _) async throws in
            _ = try await Wire.exchange(host: host(simulator), request(simulator), leavesEarly: true)
            try await eventually { simulator.ledger.accepted > 0 }
            #expect(simulator.ledger.accepted == 1)
        }
    }

    @Test func `the control surface is never cut`() async throws {
        try await withManualSimulator { (simulator, _) async throws in
            simulator.add(.fault(.connection, .cut(Cut(.sent(10))), times: nil))
            #expect(try await Wire.send(simulator.baseURL, "/_simulator/ledger").isWhole)
            #expect(try await Wire.send(simulator.baseURL, "/v1/account").isWhole == false)
        }
    }

    @Test func `the output host has rules of its own`() async throws {
        try await withManualSimulator { (simulator, caller) async throws in
            simulator.add(.fault(.connection, .cut(Cut(.sent(0))), origin: .output))
            #expect(try await caller.call("GET", "/v1/account").status == 200)
            #expect(try await Wire.send(simulator.outputURL, "/x").status == 0)
            #expect(try await Wire.send(simulator.outputURL, "/x").status == 404)
        }
    }

    @Test func `cuts at random places never create twice, and the record says what happened`() async throws {
        var switches = Switches()
        switches.rateLimits = false
        let cut = Cut(.random(seed: 5, probability: 0.9, receivedUpTo: 500, sentUpTo: 900))
        let rules: [Rule] = [.fault(.connection, .cut(cut), times: nil)]
        try await withManualSimulator(switches: switches, rules: rules) { simulator, _ in
            let count = 400
            try await withThrowingTaskGroup(of: Void.self) { group in
                for worker in 0..<8 {
                    group.addTask {
                        for number in stride(from: worker, to: count, by: 8) {
                            let bytes = request(simulator, tag: "n\(number)")
                            let answer = try await Wire.exchange(host: host(simulator), bytes)
                            if answer.status == 201 && answer.isWhole {
                                #expect(simulator.ledger.createsReceivedByTag["n\(number)"] == 1)
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
            try await eventually { simulator.connections.allSatisfy(\.isClosed) }
            let whole = simulator.connections.count { $0.requests == 1 }
            try await eventually { simulator.ledger.accepted >= whole }
            let ledger = simulator.ledger
            #expect(ledger.accepted == whole)
            #expect(ledger.createsReceivedByTag.values.allSatisfy { $0 == 1 })
            #expect(Set(ledger.creates.map(\.tag)).count == ledger.accepted)
            #expect(simulator.connections.count == count)
            // Both kinds were met.
            #expect(whole > 100 && whole < 390)
        }
    }
}
