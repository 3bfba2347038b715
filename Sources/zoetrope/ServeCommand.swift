import ArgumentParser
import Foundation
import Logging
import ZoetropeProviders
import ZoetropeServer
import ZoetropeWorkflow

/// The command `zoetrope serve`.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Serves the HTTP API, and runs animations.",
        discussion: """
            Without settings it keeps everything in ./zoetrope-data and answers on this
            machine only, without login.

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

    @Option(help: "Address to listen on; this version has no login, so only loopback addresses are allowed.")
    var host = "127.0.0.1"

    @Option(help: "Port to listen on; 0 takes any free one.")
    var port = 8080

    @Option(help: "all: HTTP and a worker; api: HTTP only, with workers elsewhere.")
    var role = Role.all

    @OptionGroup(title: "Running") var running: EngineOptions
    @OptionGroup(title: "Settings") var options: SettingsOptions

    func validate() throws {
        guard (0...65_535).contains(port) else { throw ValidationError("--port must be 0 to 65535, got \(port)") }
        guard ServerSettings.isLoopback(host) else {
            throw ValidationError(
                "--host \"\(host)\" is not a loopback address; use 127.0.0.1, or a proxy with a login before it"
            )
        }
    }

    func run() async throws {
        let logger = running.logger()
        let engine = try await Engine(options.load(), logger: logger, migrates: !running.noMigrate)
        let host = host.trimmingCharacters(in: ["[", "]"])
        let server = ZoetropeServer(
            service: engine.service,
            checkReadiness: { _ = try await engine.environment.store.nextWake() },
            settings: ServerSettings(host: host, port: port, auth: .local),
            verifyWebhook: engine.verifyWebhook,
            logger: logger,
            onRunning: { port in
                Console.error("Zoetrope is at http://\(host.contains(":") ? "[\(host)]" : host):\(port)")
            }
        )
        do {
            // Whichever ends first, by a failure or by a signal, takes the other with it.
            try await withThrowingTaskGroup { group in
                group.addTask { try await server.run() }
                if role == .all { group.addTask { await engine.worker().run() } }
                defer { group.cancelAll() }
                try await group.next()
            }
        } catch let failure as CommandFailure {
            throw failure
        } catch  where !Task.isCancelled {
            await engine.close()
            throw CommandFailure.failed("cannot serve on \(host):\(port): \(error)")
        } catch {}
        await engine.close()
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
