import Foundation
import Glibc
import Logging
import ZoetropeCore
import ZoetropeServer
import ZoetropeWorkflow

/// What operators see of a process.
extension Engine {
    /// What the service cannot do without.
    static func checks(_ store: any RunStore, _ objects: any ObjectStore) -> [HealthCheck] {
        var checks = [HealthCheck("database") { _ = try await store.nextWake() }]
        // Nothing is there: asks the store without writing to it, and sees that a bucket is missing.
        checks.append(HealthCheck("storage") { _ = try await objects.list(prefix: "health/", after: nil, limit: 1) })
        return checks
    }

    /// Tells operators what is not there, until the task is cancelled.
    func watchHealth() async {
        let folder =
            switch settings.storage {
            case .folder(let folder): folder
            case .bucket: settings.dataFolder
            }
        await HealthWatch(environment, checks: checks, freeSpace: { Self.freeShare(of: folder) }).run()
    }

    /// The free share of a folder's disk, 0...1.
    private static func freeShare(of folder: String) -> Double? {
        var facts = statvfs()
        guard statvfs(folder, &facts) == 0, facts.f_blocks > 0 else { return nil }
        return Double(facts.f_bavail) / Double(facts.f_blocks)
    }

    /// Health and metrics of a worker alone.
    func operationsServer(port: Int, onRunning: @escaping @Sendable (_ port: Int) async -> Void) -> OperationsServer {
        OperationsServer(
            store: store,
            checks: checks,
            metrics: metrics,
            port: port,
            isPublic: settings.metricsArePublic,
            logger: environment.logger,
            onRunning: onRunning
        )
    }
}
