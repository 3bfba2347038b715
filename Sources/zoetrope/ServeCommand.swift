import ArgumentParser
import Foundation
import Logging
import ZoetropeOutbound
import ZoetropeProviders
import ZoetropeServer
import ZoetropeTokens
import ZoetropeWorkflow

/// The command `zoetrope serve`.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Serves the HTTP API, and runs animations.",
        discussion: """
            Without settings it keeps everything in ./zoetrope-data and answers on this
            machine only, without login. On any other address callers need access tokens.

            Try it:
              zoetrope serve &
              curl -F image=@photo.jpg http://127.0.0.1:8080/api/v1/jobs
              curl --json '{}' http://127.0.0.1:8080/api/v1/jobs/JOB/animations

            SIGTERM and Ctrl-C end it within seconds; runs go on when it is started again.
            """
    )

    enum Role: String, CaseIterable, ExpressibleByArgument {
        case all
        case api
    }

    @Option(help: "Address to listen on; any but a loopback address needs access tokens, see zoetrope token.")
    var host = "127.0.0.1"

    @Option(help: "Port to listen on; 0 takes any free one.")
    var port = 8080

    @Option(help: "all: HTTP and a worker; api: HTTP only, with workers elsewhere.")
    var role = Role.all

    @OptionGroup(title: "Running") var running: EngineOptions
    @OptionGroup(title: "Settings") var options: SettingsOptions

    func validate() throws {
        guard (0...65_535).contains(port) else { throw ValidationError("--port must be 0 to 65535, got \(port)") }
    }

    func run() async throws {
        let logger = running.logger()
        let engine = try await Engine(options.load(), logger: logger, migrates: !running.noMigrate)
        let host = host.trimmingCharacters(in: ["[", "]"])
        do {
            let server = try await engine.server(
                host: host,
                port: port,
                auth: try await auth(engine),
                onRunning: { port in
                    Console.error("Zoetrope is at http://\(host.contains(":") ? "[\(host)]" : host):\(port)")
                }
            )
            // Whichever ends first, by a failure or by a signal, takes the other with it.
            try await withThrowingTaskGroup { group in
                group.addTask { try await server.run() }
                if role == .all {
                    group.addTask { await engine.worker().run() }
                    group.addTask { try await engine.runErrands() }
                }
                group.addTask { await engine.watchHealth() }
                if let alerts = engine.alerts { group.addTask { await alerts.run() } }
                defer { group.cancelAll() }
                try await group.next()
            }
        } catch let failure as CommandFailure {
            await engine.close()
            throw failure
        } catch  where !Task.isCancelled {
            await engine.close()
            throw CommandFailure.failed("cannot serve on \(host):\(port): \(error)")
        } catch {}
        await engine.close()
    }

    /// How callers are known: without login only where nobody else can reach us.
    private func auth(_ engine: Engine) async throws -> ServerSettings.Auth {
        let isLoopback = ServerSettings.isLoopback(host)
        switch engine.settings.auth ?? (isLoopback ? .local : .token) {
        case .local:
            guard isLoopback else {
                throw CommandFailure.usage(
                    "ZOETROPE_AUTH=local has no login, so --host must be a loopback address; got \"\(host)\""
                )
            }
            return .local
        case .token:
            let verifier = try await engine.tokenVerifier()
            return .token { token throws(AccessError) in try await verifier.caller(of: token) }
        }
    }
}

extension Engine {
    /// Checks a webhook's signature; without a token there is nobody who could have sent one.
    var verifyWebhook: @Sendable (_ headers: [String: String], _ body: [UInt8]) async -> WebhookVerdict {
        { [webhooks] headers, body in
            guard let webhooks else { return .rejected("no provider is configured") }
            let verdict = await webhooks.verify(headers: headers, body: body, now: Date())
            switch verdict {
            case .genuine(let id, _): return .genuine(id: id)
            case .rejected(let reason): return .rejected(reason)
            }
        }
    }
}
