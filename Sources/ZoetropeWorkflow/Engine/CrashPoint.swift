/// Places between two effects where a process may die; tests kill it at each of them.
///
/// Names are those of the failure model (`docs/proof.md`).
package enum CrashPoint: String, Sendable, CaseIterable {
    case validated = "K01"
    case committedUnanswered = "K02"
    case sceneStored = "K03"
    case claimed = "K04"
    case intended = "K05"
    case uploaded = "K06"
    case sent = "K07"
    case halfWritten = "K08"
    case acceptedUnread = "K09"
    case readUnbound = "K10"
    case bound = "K11"
    case polling = "K12"
    case webhookVerified = "K13"
    case inboxCommitted = "K14"
    case terminalSeen = "K16"
    case downloading = "K17"
    case downloaded = "K18"
    case transcoding = "K20"
    case verified = "K22"
    case midPut = "K24"
    case videoStored = "K25"
    case posterStored = "K26"
    case published = "K28"
    case beforeCancel = "K31"
    case canceledUnrecorded = "K32"
    case deletedUnrecorded = "K33"
    case undoneUnmarked = "K34"
    case cancelCommitted = "K35"
    case renewing = "K39"
    case draining = "K40"
    case checking = "K41"
    case checked = "K42"
    // Of the clean-up; at the end, because the simulation knows the others by their places.
    case tombstoned = "K36"
    case objectGone = "K37"
    case cleanupCursor = "K38"

    /// Those that runs pass.
    package static let ofRuns = allCases.filter { ![.tombstoned, .objectGone, .cleanupCursor].contains($0) }
}
