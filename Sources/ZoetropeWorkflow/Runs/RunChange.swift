package import Foundation
package import StrictJSON
import ZoetropeCore

/// All that one decision writes, in one transaction: nothing of it lands unless all of it does.
package struct RunChange: Sendable, Equatable {
    /// The run after the change.
    ///
    /// Its `intents` and `undos` hold everything; only what ``intents`` and ``undos`` name has changed.
    package var run: Run
    /// The epoch that must still be the row's.
    package let epoch: Int64
    /// Whether the lease ends with this change, so that anybody may claim the run when it is due.
    package var releasesLease: Bool
    /// Intents that are new or changed, by identifier.
    package var intents: [PaidIntent] = []
    /// Undo records that are new or changed, by identifier.
    package var undos: [UndoRecord] = []
    package var ledger: [LedgerEntry] = []
    /// What callers see of it; nil when that does not change.
    package var attempt: AttemptChange?
    /// Takes back what the run's callback was to tell or has told: it waits for the next end, under this identifier.
    package var recall: UUID?

    package init(run: Run, epoch: Int64, releasesLease: Bool) {
        self.run = run
        self.epoch = epoch
        self.releasesLease = releasesLease
    }
}

/// A change of the row that callers know.
package struct AttemptChange: Sendable, Equatable {
    package var previewS3Key: String
    package var resultS3Key: String?
    package var thumbS3Key: String?
    /// Members that the engine adds to `params`; see ``AnimationParams``.
    package var params: [String: JSONValue]

    package init(
        previewS3Key: String,
        resultS3Key: String? = nil,
        thumbS3Key: String? = nil,
        params: [String: JSONValue] = [:]
    ) {
        self.previewS3Key = previewS3Key
        self.resultS3Key = resultS3Key
        self.thumbS3Key = thumbS3Key
        self.params = params
    }
}
