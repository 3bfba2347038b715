import Crypto
import Foundation
import Logging
import ZoetropeDatabase
import ZoetropeMedia
import ZoetropeOutbound
import ZoetropeServer
import ZoetropeStorage
import ZoetropeTokens
import ZoetropeWorkflow

/// What stands around the engine when it serves callers.
extension Engine {
    /// The server, not yet listening.
    ///
    /// `auth` is how callers are known on the address `host`. Throws ``CommandFailure``.
    func server(
        host: String,
        port: Int,
        auth: ServerSettings.Auth,
        onRunning: @escaping @Sendable (_ port: Int) async -> Void
    ) throws -> ZoetropeServer {
        let urls = try urls()
        var server = ServerSettings(host: host, port: port, auth: auth)
        server.limits = settings.limits
        server.dailyBudget = settings.dailyBudget
        server.metricsArePublic = settings.metricsArePublic
        server.mostConnections = settings.mostConnections
        return ZoetropeServer(
            ZoetropeServer.Parts(
                service: service,
                store: store,
                objects: environment.objects,
                urls: urls,
                writer: writer(urls),
                outbound: try outbound(),
                callbackSecret: try callbackSecret(),
                verifyWebhook: verifyWebhook,
                spritesheet: { [sheets] in try await sheets.make(of: $0, seconds: $1, to: $2) },
                checks: checks,
                metrics: metrics,
                logger: environment.logger
            ),
            settings: server,
            onRunning: onRunning
        )
    }

    /// What a process with a worker does beside the runs: callbacks, and objects that were deleted.
    ///
    /// Returns when the task is cancelled. Throws ``CommandFailure``.
    func runErrands() async throws {
        let writer = writer(try urls())
        let courier = CallbackCourier(
            environment,
            store: store,
            send: try outbound().send,
            secret: try callbackSecret(),
            body: { writer.body(of: $0, $1) },
            now: { Date() }
        )
        let sweeper = ObjectSweeper(environment, store: store)
        await withDiscardingTaskGroup { group in
            group.addTask { await courier.run() }
            group.addTask { await sweeper.run() }
        }
    }

    private func writer(_ urls: ObjectURLs) -> ObjectWriter {
        ObjectWriter(
            urls: urls,
            urlLifetime: settings.urlLifetime,
            retentionDays: settings.retentionDays,
            publicURL: settings.publicURL,
            now: { Date() }
        )
    }

    private func urls() throws -> ObjectURLs {
        URLSigner(keys: try secrets("urls")).objectURLs
    }

    private func outbound() throws -> Outbound {
        do {
            return try Outbound.guarded(trusting: settings.trustedHosts)
        } catch {
            throw CommandFailure.failed("the system's trusted certificates cannot be read: \(error)")
        }
    }

    /// Each user has a key of its own, made from the one in the data folder: no user can sign for another.
    func callbackSecret() throws -> @Sendable (_ userID: String) -> [UInt8] {
        let master = SymmetricKey(data: try secrets("callbacks")[0])
        return { userID in
            Array(HMAC<SHA256>.authenticationCode(for: Array("callbacks of \(userID)".utf8), using: master))
        }
    }

    /// The keys for a purpose: made from the set secret, the same in every process, or kept in the data folder.
    private func secrets(_ name: String) throws -> [[UInt8]] {
        guard settings.signingSecrets.isEmpty else {
            return settings.signingSecrets.map { secret in
                let key = SymmetricKey(data: Array(secret.utf8))
                return Array(HMAC<SHA256>.authenticationCode(for: Array("zoetrope \(name)".utf8), using: key))
            }
        }
        do throws(SecretError) {
            return try SecretFile.loadOrMake(path: "\(settings.dataFolder)/secrets/\(name)")
        } catch {
            throw CommandFailure.usage(error.description)
        }
    }
}

extension Engine {
    /// Finds out who calls from access tokens, as the settings say.
    func tokenVerifier() async throws -> TokenVerifier {
        try await settings.tokenVerifier(logger: environment.logger)
    }
}
