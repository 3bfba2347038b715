import Crypto
import Foundation
import Logging
import ZoetropeCore
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
    ) async throws -> ZoetropeServer {
        let urls = try await urls()
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

    /// What a process with a worker does beside the runs: callbacks, objects that were deleted, and the daily clean-up.
    ///
    /// Returns when the task is cancelled. Throws ``CommandFailure``.
    func runErrands() async throws {
        let writer = writer(try await urls())
        let courier = CallbackCourier(
            environment,
            store: store,
            send: try outbound().send,
            secret: try callbackSecret(),
            body: { writer.body(of: $0, $1) },
            now: { Date() }
        )
        let sweeper = ObjectSweeper(environment, store: store)
        let daily = CleanupService(cleanup(), environment, store: store)
        await withDiscardingTaskGroup { group in
            group.addTask { await courier.run() }
            group.addTask { await sweeper.run() }
            group.addTask { await daily.run() }
        }
    }

    /// The clean-up, as this process does it.
    func cleanup() -> Cleanup {
        Cleanup(environment, store: store, retention: Retention(days: settings.retentionDays), owner: Self.owner)
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

    private func urls() async throws -> ObjectURLs {
        guard let bucket else { return URLSigner(keys: try secrets("urls")).objectURLs }
        do {
            return try await bucket.objectURLs()
        } catch {
            throw CommandFailure.usage("\(Setting.storageURL.environment): \(error.detail)")
        }
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
