import Logging
import ZoetropeCore

/// Deletes the objects of what is gone, until each is acknowledged by the store.
///
/// Any number of sweepers share a store: what two of them delete is deleted.
package struct ObjectSweeper: Sendable {
    private let store: any ServiceStore
    private let environment: WorkerEnvironment

    /// Objects that are deleted at a time: as many as one call to S3 takes.
    package static let most = 1_000
    /// Longer than deleting them may take.
    private static let lease = Duration.seconds(120)
    /// Between two looks when nothing is due.
    private static let idle = Duration.seconds(2)
    /// Tries after which the operators are told.
    private static let mostSilentTries = 5

    /// What came of a round.
    package struct Round: Sendable, Equatable {
        package var tried = 0
        package var gone = 0
    }

    package init(_ environment: WorkerEnvironment, store: any ServiceStore) {
        self.environment = environment
        self.store = store
    }

    /// Works until the task is cancelled.
    package func run() async {
        while !Task.isCancelled {
            do {
                if try await round().tried == Self.most { continue }
            } catch {
                environment.logger.warning("objects were not deleted", metadata: .of(error))
            }
            try? await environment.time.sleep(Self.idle)
        }
    }

    /// Deletes what is due, at most ``most`` objects.
    package func round() async throws -> Round {
        let deletions = try await store.claimDeletions(Self.most, lease: Self.lease)
        guard !deletions.isEmpty else { return Round() }
        var failures: [ObjectKey: StorageError] = [:]
        do throws(StorageError) {
            failures = try await environment.objects.delete(deletions.map(\.key))
        } catch {
            // What an interrupted call says is not what the store says; all are due again when the lease is over.
            try Task.checkCancellation()
            for deletion in deletions { failures[deletion.key] = error }
        }
        let gone = deletions.filter { failures[$0.key] == nil }
        try await environment.reached(.objectGone)
        try await store.finishDeletions(gone.map(\.key))
        environment.metrics?.cleanedUp("object", gone.count)
        if let late = gone.first(where: { $0.tries > Self.mostSilentTries }) {
            await environment.resolve("deletion_refused", "\(late.key) was deleted")
        }
        for deletion in deletions {
            if let failure = failures[deletion.key] { try await postpone(deletion, because: failure) }
        }
        await tell(deletions.filter { $0.tries == Self.mostSilentTries && failures[$0.key] != nil }, failures)
        return Round(tried: deletions.count, gone: gone.count)
    }

    private func postpone(_ deletion: ObjectDeletion, because error: StorageError) async throws(RunStoreError) {
        let wait = min(Duration.seconds(5) * (1 << min(deletion.tries, 10)), .seconds(3_600))
        try await store.postponeDeletion(deletion.key, by: wait, because: error.description)
    }

    private func tell(_ refused: [ObjectDeletion], _ failures: [ObjectKey: StorageError]) async {
        guard let first = refused.first, let error = failures[first.key] else { return }
        let others = refused.count > 1 ? " and \(refused.count - 1) more" : ""
        await environment.alert(
            Alert(.critical, "deletion_refused", "\(first.key)\(others) cannot be deleted: \(error)", nil)
        )
    }
}
