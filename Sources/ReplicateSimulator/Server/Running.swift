import AsyncHTTPClient
import Dispatch
import Glibc
import HummingbirdCore
import Logging
import NIOCore
import NIOPosix

extension ReplicateSimulator {
    /// Starts a simulator, lets a body use it and stops it; the ports are free afterwards.
    ///
    /// - Throws: ``SimulatorError`` when a port is taken; what the body throws.
    package static func withRunning<Result: Sendable>(
        _ configuration: Configuration = .init(),
        _ body: (ReplicateSimulator) async throws -> Result
    ) async throws -> Result {
        var settings = HTTPClient.Configuration()
        settings.redirectConfiguration = .disallow
        settings.timeout.connect = .seconds(5)
        // A receiver that is not there is known at once; the schedule of deliveries is the retry.
        settings.connectionPool.retryConnectionEstablishment = false
        let http = HTTPClient(eventLoopGroupProvider: .singleton, configuration: settings)
        do {
            let result = try await serve(Core(configuration, http: http), body)
            try await http.shutdown()
            return result
        } catch {
            try? await http.shutdown()
            throw error
        }
    }

    /// Runs a simulator until the process gets SIGINT or SIGTERM.
    ///
    /// - Returns: The ledger at the end.
    package static func run(
        _ configuration: Configuration = .init(),
        onStart: (ReplicateSimulator) -> Void
    ) async throws -> Ledger {
        let (signals, arrived) = AsyncStream<Void>.makeStream()
        let sources = [SIGINT, SIGTERM]
            .map { number in
                // The default action must be off for the source to see the signal.
                signal(number, SIG_IGN)
                let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
                source.setEventHandler { arrived.yield() }
                source.resume()
                return source
            }
        defer { for source in sources { source.cancel() } }
        return try await withRunning(configuration) { simulator in
            onStart(simulator)
            for await _ in signals { break }
            return simulator.ledger
        }
    }

    // Faults are the purpose here: nothing of what breaks is worth a line.
    private static let quiet = Logger(label: "replicate-simulator") { _ in SwiftLogNoOpLogHandler() }

    private static func serve<Result: Sendable>(
        _ core: Core,
        _ body: (ReplicateSimulator) async throws -> Result
    ) async throws -> Result {
        let (started, starting) = AsyncThrowingStream<(Origin, Int), any Error>.makeStream()
        var origins: [(Origin, Int)] = [(.api, core.configuration.port), (.output, core.configuration.outputPort)]
        if let port = core.configuration.cogPort { origins.append((.cog, port)) }

        return try await withThrowingTaskGroup(of: Void.self) { group in
            for (origin, port) in origins {
                group.addTask { await listen(origin, port, core, starting) }
            }
            group.addTask { await core.drive() }
            defer { group.cancelAll() }

            var ports: [Origin: Int] = [:]
            for try await (origin, port) in started {
                ports[origin] = port
                if ports.count == origins.count { break }
            }
            try Task.checkCancellation()
            core.withState { $0.world.outputPort = ports[.output] ?? 0 }
            return try await body(ReplicateSimulator(core: core, ports: ports))
        }
    }

    /// Serves one origin until the task is cancelled.
    private static func listen(
        _ origin: Origin,
        _ port: Int,
        _ core: Core,
        _ starting: AsyncThrowingStream<(Origin, Int), any Error>.Continuation
    ) async {
        let server = Server(
            childChannelSetup: SimulatorChannel(origin: origin, core: core),
            configuration: ServerConfiguration(address: .hostname(core.configuration.host, port: port), backlog: 1024),
            onServerRunning: { channel in starting.yield((origin, channel.localAddress?.port ?? port)) },
            eventLoopGroup: MultiThreadedEventLoopGroup.singleton,
            logger: quiet
        )
        do {
            try await server.run()
        } catch {
            starting.finish(throwing: SimulatorError(reason(error, origin, port, core.configuration.host)))
        }
    }

    private static func reason(_ error: any Error, _ origin: Origin, _ port: Int, _ host: String) -> String {
        let flag =
            switch origin {
            case .api: "--port"
            case .output: "--output-port"
            case .cog: "--cog-port"
            }
        guard let error = error as? IOError else { return "\(flag) \(port): could not listen on \(host): \(error)" }
        return switch error.errnoCode {
        case EADDRINUSE: "port \(port) is in use; choose another with \(flag)"
        case EACCES: "port \(port) needs more rights; choose one above 1023 with \(flag)"
        case EADDRNOTAVAIL: "\(host) is not an address of this machine; choose another with --host"
        default: "\(flag) \(port): could not listen on \(host): \(error)"
        }
    }
}
