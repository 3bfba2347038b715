import Logging
import ZoetropeCore

/// Deletes the objects of what callers have deleted, until each is gone.
package struct ObjectSweeper: Sendable {
    private let store: any ServiceStore
    private let environment: WorkerEnvironment

    /// Objects that are deleted at a time.
    private static let most = 100
    /// Longer than deleting them may take.
    private static let lease = Duration.seconds(60)
    /// Between two looks when nothing is due.
    private static let idle = Duration.seconds(2)
    /// Tries after which the operators are told.
    private static let mostSilentTries = 5

    package init(_ environment: WorkerEnvironment, store: any ServiceStore) {
        self.environment = environment
        self.store = store
    }

    /// Works until the task is cancelled.
    package func run() async {
        while !Task.isCancelled {
            if await round() < Self.most { try? await environment.time.sleep(Self.idle) }
        }
    }

    /// Deletes what is due; returns how many objects were tried.
    package func round() async -> Int {
        do throws(RunStoreError) {
            let deletions = try await store.claimDeletions(Self.most, lease: Self.lease)
            var gone: [ObjectKey] = []
            for deletion in deletions {
                do throws(StorageError) {
                    try await environment.objects.delete(deletion.key)
                    gone.append(deletion.key)
                    if deletion.tries > Self.mostSilentTries {
                        await environment.resolve("deletion_refused", "\(deletion.key) was deleted")
                    }
                } catch {
                    try await postpone(deletion, because: error)
                }
            }
            try await store.finishDeletions(gone)
            environment.metrics?.deleted(gone.count)
            return deletions.count
        } catch {
            environment.logger.warning("deleted objects cannot be looked up", metadata: .of(error))
            return 0
        }
    }

    private func postpone(_ deletion: ObjectDeletion, because error: StorageError) async throws(RunStoreError) {
        let wait = min(Duration.seconds(5) * (1 << min(deletion.tries, 10)), .seconds(3_600))
        try await store.postponeDeletion(deletion.key, by: wait, because: error.description)
        guard deletion.tries == Self.mostSilentTries else { return }
        await environment.alert(
            Alert(.critical, "deletion_refused", "\(deletion.key) cannot be deleted: \(error)", nil)
        )
    }
}
