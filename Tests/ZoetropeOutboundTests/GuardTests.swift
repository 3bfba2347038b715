import Foundation
import Synchronization
import Testing
import ZoetropeOutbound
import ZoetropeWorkflow

/// Every way that we know of to name an address that is not public, on one port where this machine listens everywhere.
private func forbiddenForms(port: Int) throws -> [String] {
    let hosts = [
        // Plain.
        "127.0.0.1", "127.0.0.2", "127.255.255.254", "127.9.8.7", "localhost", "localhost.", "LOCALHOST", "0.0.0.0",
        "0.1.2.3",
        "[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[0000::0001]", "10.0.0.1", "172.16.0.1", "172.31.255.254", "192.168.0.1",
        "169.254.169.254", "169.254.0.1", "100.64.0.1", "100.100.100.200", "198.18.0.1", "192.0.0.1", "192.0.0.192",
        "192.0.2.1",
        "192.88.99.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255",
        "168.63.129.16",
        "[fd00::1]", "[fd00:ec2::254]", "[fc00::1]", "[fe80::1]", "[fe80::1%25eth0]", "[fe80::1%eth0]", "[fe80::1%lo]",
        "[fec0::1]",
        "[ff02::1]", "[100::1]", "[2001:db8::1]", "[5f00::1]", "127.0.0.1.", "[::1%lo]",
        // Number spellings.
        "2130706433", "0x7f000001", "0X7F000001", "0177.0.0.1", "0x7f.0.0.1", "0x7f.1", "127.1", "127.0.1",
        "017700000001", "0",
        "00.0.0.0", "127.0.0.01", "127.0.0.0x1", "0000127.0.0.1", "4294967295", "%31%32%37.0.0.1", "%3127.0.0.1",
        "127.0.0.1%00",
        "１２７.0.0.1", "127。0。0。1", "127．0．0．1", "①②⑦.0.0.1", "127.0.0.1\u{200B}", "⑴27.0.0.1",
        // IPv4 in IPv6.
        "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::FFFF:127.0.0.1]", "[0:0:0:0:0:ffff:127.0.0.1]", "[::127.0.0.1]",
        "[::7f00:1]", "[::ffff:0:127.0.0.1]", "[::ffff:10.0.0.1]", "[::ffff:169.254.169.254]", "[::ffff:0.0.0.0]",
        "[2002:7f00:1::]", "[2002:a00:1::1]", "[2002:a9fe:a9fe::]", "[64:ff9b::7f00:1]", "[64:ff9b::127.0.0.1]",
        "[64:ff9b::10.0.0.1]", "[64:ff9b::a9fe:a9fe]", "[64:ff9b:1::7f00:1]", "[64:ff9b:1::1]", "[2001::1]",
        "[2001:0:4136:e378:8000:63bf:80ff:fffe]", "[2606:4700::5efe:7f00:1]", "[2606:4700::200:5efe:127.0.0.1]",
        "[fe80::5efe:127.0.0.1]", "[127.0.0.1]", "[::1].example.com", "[[::1]]",
        // Parser splits.
        "good.example@127.0.0.1", "user:word@127.0.0.1", "@127.0.0.1", "127.0.0.1\\@good.example",
        "good.example\\@127.0.0.1",
        "good.example%00.127.0.0.1", "good.example%2F@127.0.0.1", "127.0.0.1\t", "127.0.\t0.1", "127.0.0.1\n",
        "127.\r\n0.0.1",
        " 127.0.0.1", "127.0.0.1 ", "127.0.0.1,good.example", "127.0.0.1;good.example", "127.0.0.1\u{0}.good.example",
        "good.example:80@127.0.0.1", "127.0.0.1&good.example", "loc\u{212A}al.127.0.0.1", "127.0.0.1..",
        // Names, see the table of the test.
        "loopback.example", "LoopBack.Example", "loopback.example.", "private.example", "metadata.example",
        "six.example",
        "mapped.example", "mixed.example", "mixed-six.example", "many.example", "own.example", "zero.example",
        "nat64.example",
    ]
    let own = try IPAddress.ofThisMachine()
        .map { address in
            let text = address.bytes.map { String($0, radix: 16) }
            let pairs = stride(from: 0, to: text.count, by: 2)
                .map { text[$0] + String(repeating: "0", count: 2 - text[$0 + 1].count) + text[$0 + 1] }
            return address.bytes.count == 4
                ? address.bytes.map(String.init).joined(separator: ".") : "[\(pairs.joined(separator: ":"))]"
        }
    let wholes = [
        "http:/127.0.0.1:\(port)/", "http:127.0.0.1:\(port)/", "http:\\\\127.0.0.1:\(port)/",
        "http:///127.0.0.1:\(port)/",
        "//127.0.0.1:\(port)/", "127.0.0.1:\(port)", "http://127.0.0.1:\(port)#@good.example/",
        "http://127.0.0.1:\(port)?@good.example/",
        "http://127.0.0.1:\(port)/@good.example", "http://127.0.0.1:0\(port)/", "http://127.0.0.1:\(port + 65_536)/",
        "http://good.example:@127.0.0.1:\(port)/", "http://127.0.0.1:\(port):80/", "http://127.0.0.1:+\(port)/",
        "ftp://127.0.0.1:\(port)/",
        "gopher://127.0.0.1:\(port)/_GET", "dict://127.0.0.1:\(port)/", "FILE:///etc/passwd",
        "file://127.0.0.1/etc/passwd",
        "data:image/png;base64,AAAA", "concat:http://127.0.0.1:\(port)/|x",
        "subfile,,start,0,end,1,,:http://127.0.0.1:\(port)/",
        "unix:/run/x.sock", "jar:http://127.0.0.1:\(port)/!/x", "http+unix://%2Frun%2Fx.sock/",
        "tcp://127.0.0.1:\(port)",
        " http://127.0.0.1:\(port)/", "\thttp://127.0.0.1:\(port)/", "url:http://127.0.0.1:\(port)/",
        "http://127.0.0.1:22/",
        "http://127.0.0.1:25/", "http://127.0.0.1:6379/", "http://127.0.0.1:0/", "http://127.0.0.1:65536/", "",
        "http://",
    ]
    return (hosts + own).flatMap { ["http://\($0):\(port)/image.png", "HTTPS://\($0):\(port)/"] } + wholes
}

/// What the names of the tests lead to.
private let names: [String: [String]] = [
    "loopback.example": ["127.0.0.1"], "private.example": ["10.1.2.3"], "metadata.example": ["169.254.169.254"],
    "six.example": ["::1"], "mapped.example": ["::ffff:127.0.0.1"], "mixed.example": ["8.8.8.8", "127.0.0.1"],
    "mixed-six.example": ["8.8.8.8", "2606:4700::1111", "fd00::1"], "zero.example": ["0.0.0.0"],
    "many.example": (0..<999).map { "8.8.\($0 / 250).\($0 % 250)" } + ["127.0.0.1"], "own.example": ["93.184.215.14"],
    "nat64.example": ["64:ff9b::127.0.0.1"],
]

@Suite(.timeLimit(.minutes(2)))
struct GuardTests {
    @Test func `no form of a forbidden address makes a connection`() async throws {
        let listeners = try await Listeners()
        let forms = try forbiddenForms(port: listeners.port)
        #expect(forms.count > 300)
        var rules = GuardedClient.Rules.lenient(listeners.port, names: names)
        // The real rule, of a machine that also has this public address.
        let own = try IPAddress.ofThisMachine().union(["93.184.215.14"].compactMap(IPAddress.init))
        rules.isPublic = { $0.isPublic(own: own) }
        let client = try GuardedClient(rules: rules, now: { Date() })
        for form in forms {
            let code = try await code(form, by: client)
            #expect(code == .invalidURL || code == .forbiddenAddress, "\(form): \(String(describing: code))")
            await #expect(throws: OutboundError.self, "\(form)") { try await client.checkCallback(form) }
            let callback = OutgoingCallback(id: "msg_1", url: form, body: [], secret: [1], at: Date())
            guard case .failed(nil, _, nil) = await client.send(callback) else {
                Issue.record("sent to \(form)")
                continue
            }
        }
        #expect(listeners.reached == [])
        // The listeners do count, on every address of this machine.
        for host in ["127.0.0.1", "127.9.8.7", "::1"] {
            try await listeners.knock(at: host)
        }
        #expect(listeners.reached.count == 3)
        try await listeners.close()
    }

    @Test func `the program's own rules refuse this machine and odd ports`() async throws {
        let listeners = try await Listeners()
        let rules = GuardedClient.Rules()
        for (url, expected) in [
            ("http://127.0.0.1/", OutboundError.Code.forbiddenAddress), ("https://[::1]/", .forbiddenAddress),
            ("http://127.0.0.1:\(listeners.port)/", .invalidURL), ("http://8.8.8.8:\(listeners.port)/", .invalidURL),
            ("http://169.254.169.254/latest/meta-data/", .forbiddenAddress), ("http://localhost/", .forbiddenAddress),
        ] {
            #expect(try await code(url, by: rules) == expected, "\(url)")
        }
        try await listeners.knock(at: "127.0.0.1")
        #expect(listeners.reached.count == 1)
        try await listeners.close()
    }

    @Test func `the composed port is the guarded client`() async throws {
        let outbound = try Outbound.guarded()
        await #expect(throws: OutboundError.self) { try await outbound.checkCallback("http://127.0.0.1/") }
        await #expect(throws: OutboundError.self) { try await outbound.fetchImage("http://[::1]/", "/nowhere/x") }
        let callback = OutgoingCallback(id: "msg_1", url: "http://10.0.0.1/", body: [], secret: [1], at: Date())
        guard case .failed(nil, let detail, nil) = await outbound.send(callback) else { return #expect(Bool(false)) }
        #expect(detail.contains("public"))
    }

    @Test func `the address that was judged is the one that is dialled`() async throws {
        let listeners = try await Listeners()
        try await Origin.run(answer: { _ in .ok("image") }) { origin, port async throws in
            // A name that turns to the loopback address after its first answer.
            let asked = Mutex(0)
            var rules = GuardedClient.Rules.lenient(port, listeners.port)
            rules.resolve = { _ in
                let first = asked.withLock { asked in
                    asked += 1
                    return asked == 1
                }
                return [first ? "127.0.0.77" : "127.0.0.1"].compactMap(IPAddress.init)
            }
            #expect(try await fetched("http://rebinding.example:\(port)/", by: rules).get() == Array("image".utf8))
            #expect(asked.withLock { $0 } == 1)
            #expect(origin.requests.count == 1)
            #expect(origin.requests[0].contains("host: rebinding.example:\(port)\r\n"))
            // The next call looks the name up again.
            #expect(try await code("http://rebinding.example:\(port)/", by: rules) == .forbiddenAddress)
        }
        try await listeners.knock(at: "127.0.0.1")
        #expect(listeners.reached.count == 1)
        try await listeners.close()
    }

    @Test(arguments: [301, 302, 303, 307, 308])
    func `each hop of a redirect is judged from the start`(status: Int) async throws {
        let listeners = try await Listeners()
        let target = Mutex("")
        try await Origin.run(answer: { request in
            if request.hasPrefix("GET /twice") { return .status(status, "Location: /once") }
            return .status(status, "Location: \(target.withLock { $0 })")
        }) { origin, port async throws in
            let client = try GuardedClient(rules: .lenient(port, listeners.port, names: names), now: { Date() })
            let forms = try forbiddenForms(port: listeners.port)
                .filter { !$0.contains { $0.isNewline || $0 == "\0" || $0 == "\t" } && !$0.contains("own.example") }
                .filter { !$0.isEmpty && $0.contains("://") && $0.trimmingPrefix(" ") == $0 }
            #expect(forms.count > 250)
            for (number, form) in forms.enumerated() {
                target.withLock { $0 = form }
                let path = number % 2 == 0 ? "once" : "twice"
                let code = try await code("http://127.0.0.77:\(port)/\(path)", by: client)
                #expect(code == .invalidURL || code == .forbiddenAddress, "\(form): \(String(describing: code))")
            }
            #expect(origin.requests.count == forms.count + forms.count / 2)
        }
        try await listeners.knock(at: "127.0.0.1")
        #expect(listeners.reached.count == 1)
        try await listeners.close()
    }

    @Test func `three redirects are followed, a fourth and a loop are not`() async throws {
        try await Origin.run(answer: { request in
            guard let number = request.firstMatch(of: #/^GET /(\d+)/#).flatMap({ Int($0.1) }) else {
                return .status(302, "Location: /loop")
            }
            return number == 0 ? .ok("image") : .status(302, "Location: /\(number - 1)")
        }) { origin, port async throws in
            let rules = GuardedClient.Rules.lenient(port)
            #expect(try await fetched("http://127.0.0.77:\(port)/3", by: rules).get() == Array("image".utf8))
            #expect(origin.requests.count == 4)
            #expect(try await code("http://127.0.0.77:\(port)/4", by: rules) == .badAnswer)
            #expect(origin.requests.count == 8)
            #expect(try await code("http://127.0.0.77:\(port)/20", by: rules) == .badAnswer)
            #expect(try await code("http://127.0.0.77:\(port)/loop", by: rules) == .badAnswer)
            #expect(origin.requests.count == 16)
        }
        try await Origin.run(answer: { _ in .status(302) }) { _, port async throws in
            #expect(try await code("http://127.0.0.77:\(port)/", by: .lenient(port)) == .badAnswer)
        }
    }

    @Test func `callers never learn where a name leads`() async throws {
        let rules = GuardedClient.Rules.lenient(names: names)
        for name in names.keys where name != "own.example" {
            guard case .failure(let error) = try await fetched("http://\(name)/", by: rules) else { continue }
            #expect(error.code == .forbiddenAddress && error.message.contains(name))
            for address in names[name, default: []] { #expect(!error.message.contains(address)) }
            #expect(!error.detail.contains("127.0.0.1"))
        }
        #expect(try await code("http://unknown.example/", by: rules) == .unreachable)
    }

    @Test func `the system's resolver answers for a name that cannot be`() async throws {
        var rules = GuardedClient.Rules()
        rules.image.total = .seconds(30)
        #expect(try await code("http://no-such-name.invalid/", by: rules) == .unreachable)
    }

    @Test func `a resolver that never answers does not hold a call up`() async throws {
        var rules = GuardedClient.Rules()
        rules.image.total = .milliseconds(100)
        rules.resolve = { _ in
            try await Task.sleep(for: .seconds(3_600))
            return []
        }
        #expect(try await code("http://slow.example/", by: rules) == .unreachable)
    }
}
