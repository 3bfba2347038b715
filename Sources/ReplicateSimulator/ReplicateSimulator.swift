package import FoundationEssentials

/// Replicate's HTTP API as a real server, with a ledger of everything that would have cost money.
///
/// Three origins: the API, the host of the outputs and, if asked for, a self-hosted Cog server. ``withRunning(_:_:)`` is
/// for tests; ``run(_:onStart:)`` is for a program.
package final class ReplicateSimulator: Sendable {
    private let core: Core
    /// Of the API, without `/v1`: `http://127.0.0.1:41234`.
    package let baseURL: String
    /// Of the host of the outputs.
    package let outputURL: String
    /// Of the Cog server; nil when it is off.
    package let cogURL: String?

    init(core: Core, ports: [Origin: Int]) {
        self.core = core
        let host = core.configuration.shownHost
        baseURL = "http://\(host):\(ports[.api] ?? 0)"
        outputURL = "http://\(host):\(ports[.output] ?? 0)"
        cogURL = ports[.cog].map { "http://\(host):\($0)" }
    }

    /// The API token that is accepted.
    package var token: String { core.configuration.token }

    /// The token of a second account, for things that belong to somebody else.
    package var otherToken: String { core.configuration.otherToken }

    package var webhookSecret: String { core.configuration.webhookSecret }

    /// Adds rules behind those that are there.
    package func add(_ rules: Rule...) { add(rules) }

    package func add(_ rules: [Rule]) { core.withState { _ = $0.world.add(rules) } }

    /// The behaviours of the whole server; may be changed at any time.
    package var switches: Switches {
        get { core.withState { $0.world.switches } }
        set { core.withWorld { world, now in world.set(newValue, now: now) } }
    }

    /// Forgets everything, rules and switches too.
    package func reset() { core.reset() }

    /// What was created, charged and delivered until now.
    package var ledger: Ledger { core.ledger }

    /// Every HTTP exchange on any origin, the newest 50,000 at least.
    package var requests: [RecordedRequest] { core.requests }

    /// Every TCP connection, the newest 50,000 at least.
    package var connections: [RecordedConnection] { core.connections }

    /// Moves a manual clock; returns after everything that fell due was delivered or given up.
    ///
    /// A scaled clock moves by itself; then this waits that long. One caller at a time.
    package func advance(by duration: Duration) async { await core.advance(by: duration) }

    /// The virtual time.
    package var now: Date { core.clock.now.date }
}

extension ReplicateSimulator {
    /// What a simulator is started with.
    package struct Configuration: Sendable {
        /// The address that is listened on.
        package var host = "127.0.0.1"
        /// Of the API; 0 takes any that is free.
        package var port = 0
        /// Of the host of the outputs; 0 takes any that is free.
        package var outputPort = 0
        /// Of the Cog server; 0 takes any that is free, nil turns it off.
        package var cogPort: Int?
        package var clock = SimulatorClock.Mode.scaled(1)
        /// Where virtual time begins; nil is the real time at the start.
        package var startTime: Date?
        /// The API token, 40 characters.
        package var token = "r8_simulator0123456789abcdefghijklmnopqr"
        /// The token of a second account.
        package var otherToken = "r8_somebodyelse0123456789abcdefghijklmno"
        /// Of ids, URLs and everything else that is made up.
        package var seed: UInt64 = 1
        /// `whsec_` and base64.
        package var webhookSecret = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"
        /// Where the files lie that a plan's `video.file` names.
        package var videoFolder: String?
        package var switches = Switches()
        package var rules: [Rule] = []
        /// Told of every exchange when it is answered.
        package var onExchange: (@Sendable (RecordedRequest) -> Void)?

        package init(
            host: String = "127.0.0.1",
            port: Int = 0,
            outputPort: Int = 0,
            cogPort: Int? = nil,
            clock: SimulatorClock.Mode = .scaled(1),
            startTime: Date? = nil,
            seed: UInt64 = 1,
            videoFolder: String? = nil,
            switches: Switches = .init(),
            rules: [Rule] = []
        ) {
            self.host = host
            self.port = port
            self.outputPort = outputPort
            self.cogPort = cogPort
            self.clock = clock
            self.startTime = startTime
            self.seed = seed
            self.videoFolder = videoFolder
            self.switches = switches
            self.rules = rules
        }
    }
}

extension ReplicateSimulator.Configuration {
    /// The host by which programs on this machine reach it.
    var shownHost: String {
        switch host {
        case "0.0.0.0", "::", "": "127.0.0.1"
        default: host.contains(":") ? "[\(host)]" : host
        }
    }

    func world(now: Moment) -> World {
        var world = World(
            token: token,
            otherToken: otherToken,
            webhookSecret: webhookSecret,
            seed: seed,
            switches: switches,
            now: now
        )
        world.add(rules)
        return world
    }
}
