package import Foundation
package import ZoetropeCore

/// The durable run of one animation: a row that says where it is and when it next wants attention.
///
/// A run that waits is this row and nothing else: no task, no timer, no memory. Its identifier is the animation's.
package struct Run: Sendable, Equatable, Identifiable {
    package let id: AnimationID
    package let jobID: JobID
    /// What the caller asked for, with the model's row as it was then.
    package let request: AnimationRequest
    /// The image that is animated: the job's, or a restored version of it.
    package let source: SourceImage
    /// What becomes of the job when this animation fails for good.
    package let onFailure: FailurePolicy
    package let createdAt: Date

    package var state: RunState
    /// Nil until it is decided; then the same for ever, unless the published files are withdrawn by their check.
    package var outcome: RunOutcome?
    package var failure: RunFailure?
    /// The generation under way, from 0; more than one when the model makes shorter clips than asked for.
    package var part: Int
    /// Generations of this part that came to nothing and were begun anew, from 0.
    package var regenerations: Int
    /// Failures of the present step in a row.
    package var tries: Int
    /// Looks at the prediction under way.
    package var polls: Int
    /// When the run wants attention; nil when it never does again.
    package var wakeAt: Date?
    /// When the published files are to be checked; nil unless the run is ``RunState/checking``.
    package var checkAt: Date?
    /// Which try at the published files this is, from 1; grows when files that were published are withdrawn.
    package var edition: Int
    /// Grows by one with every change.
    package var version: Int
    /// Who works on it; `epoch` outlives the lease.
    package var lease: Lease
    /// When the provider had finished the last part.
    package var providerDoneAt: Date?
    /// When the video could be played.
    package var playableAt: Date?
    /// What was published.
    package var video: PublishedVideo?
    /// Parts that are done and kept while later ones are made.
    package var parts: [KeptPart]
    /// Every paid intent of this run, oldest first.
    package var intents: [PaidIntent]
    /// What must still be undone, oldest first; undos that are done or void are not loaded.
    package var undos: [UndoRecord]

    package init(
        id: AnimationID,
        jobID: JobID,
        request: AnimationRequest,
        source: SourceImage,
        onFailure: FailurePolicy,
        createdAt: Date
    ) {
        self.id = id
        self.jobID = jobID
        self.request = request
        self.source = source
        self.onFailure = onFailure
        self.createdAt = createdAt
        state = .queued
        part = 0
        regenerations = 0
        tries = 0
        polls = 0
        wakeAt = createdAt
        edition = 1
        version = 0
        parts = []
        lease = Lease(epoch: 0)
        intents = []
        undos = []
    }

    /// The one intent that may have been paid and is not yet at its end.
    package var openIntent: PaidIntent? { intents.first { $0.state.isOpen } }

    /// What the run has cost so far.
    package var cost: MicroUSD { intents.reduce(.zero) { $0 + ($1.cost ?? .zero) } }
}

/// A part of a clip that is longer than what its model makes.
package struct KeptPart: Sendable, Equatable {
    /// The provider's file.
    package let clip: ObjectKey
    /// Its last frame, from which the next part starts.
    package let lastFrame: SourceImage

    package init(clip: ObjectKey, lastFrame: SourceImage) {
        self.clip = clip
        self.lastFrame = lastFrame
    }
}

/// Where a run is.
///
/// Stored: never rename a raw value. Drawn in `docs/state-machine.md`.
package enum RunState: String, Sendable, CaseIterable {
    /// Accepted; nothing was done yet.
    case queued
    /// A generation is being ordered, or it is being found out whether it was.
    case submitting
    /// The provider works.
    case generating
    /// The result is fetched, made into the published files, and stored.
    case finishing
    /// Published, and ready for every caller; every frame of what was published is being decoded.
    case checking
    /// It failed, and what was done is being undone.
    case compensating
    /// At its end; what is left to tidy up still wakes it.
    case done
}

/// How a run ended.
///
/// `ready` is taken back when the published files turn out to be damaged; anything else stays.
///
/// Stored: never rename a raw value. A cancelled run failed with ``FailureCode/canceled``.
package enum RunOutcome: String, Sendable, CaseIterable {
    case ready
    case failed
}

/// Why a run failed.
package struct RunFailure: Sendable, Equatable {
    package let code: FailureCode
    /// For operators.
    ///
    /// No secrets; at most 2,000 characters; never shown to callers.
    package let detail: String

    package init(_ code: FailureCode, _ detail: String = "") {
        self.code = code
        self.detail = detail.asDetail
    }
}

/// The right to work on a run.
///
/// Every write of a step says `AND lease_epoch = :mine`. Whoever finds no row changed has lost the run.
package struct Lease: Sendable, Equatable {
    /// Grows by one with each claim and each cancellation.
    package var epoch: Int64
    /// Who holds it; nil when nobody does.
    package var owner: String?
    /// When others may take over, by the database's clock.
    package var expiresAt: Date?

    package init(epoch: Int64, owner: String? = nil, expiresAt: Date? = nil) {
        self.epoch = epoch
        self.owner = owner
        self.expiresAt = expiresAt
    }
}

/// The published files of a finished animation.
package struct PublishedVideo: Sendable, Equatable {
    package var previewKey: ObjectKey
    /// The HD result, when it differs from the preview.
    package var result: StoredResult?
    package var posterKey: ObjectKey
    package var size: FrameSize
    /// Length in seconds.
    package var seconds: Int
    package var framesPerSecond: Int
    package var byteCount: Int64
    /// Of the preview, 64 hexadecimal digits.
    package var sha256: String
    package var posterByteCount: Int64
    package var posterSHA256: String

    package init(
        previewKey: ObjectKey,
        result: StoredResult? = nil,
        posterKey: ObjectKey,
        size: FrameSize,
        seconds: Int,
        framesPerSecond: Int,
        byteCount: Int64,
        sha256: String,
        posterByteCount: Int64,
        posterSHA256: String
    ) {
        self.previewKey = previewKey
        self.result = result
        self.posterKey = posterKey
        self.size = size
        self.seconds = seconds
        self.framesPerSecond = framesPerSecond
        self.byteCount = byteCount
        self.sha256 = sha256
        self.posterByteCount = posterByteCount
        self.posterSHA256 = posterSHA256
    }
}

/// A stored HD result.
package struct StoredResult: Sendable, Equatable {
    package var key: ObjectKey
    package var size: FrameSize
    package var byteCount: Int64
    /// 64 hexadecimal digits.
    package var sha256: String

    package init(key: ObjectKey, size: FrameSize, byteCount: Int64, sha256: String) {
        self.key = key
        self.size = size
        self.byteCount = byteCount
        self.sha256 = sha256
    }
}

extension PublishedVideo {
    /// Every object that it is made of.
    package var keys: [ObjectKey] { [previewKey, result?.key, posterKey].compactMap(\.self) }
}
