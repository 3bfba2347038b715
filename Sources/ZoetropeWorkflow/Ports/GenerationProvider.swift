package import Foundation
package import ZoetropeCore

/// Who makes the pictures: Replicate, a Cog server, or the local renderer.
///
/// No call is repeated inside ``submit(_:)``. All others may be, and an adapter retries them within reason before it says
/// that the provider is unavailable.
package protocol GenerationProvider: Sendable {
    var traits: ProviderTraits { get }

    /// Puts the image where the provider can read it, under a name that carries the tag; free, may be repeated.
    ///
    /// `image` is the path of an upright JPEG of at most 2,000 pixels a side, without metadata.
    func prepareInput(_ image: String, tag: String) async throws(ProviderError) -> ProviderInput

    /// Removes what ``prepareInput(_:tag:)`` made; what is not there counts as removed.
    ///
    /// Without a file id the file is looked up by its tag.
    func removeInput(tag: String, fileID: String?) async throws(ProviderError)

    /// Asks for one generation: the call that costs money.
    ///
    /// Sent at most once per call, on a fresh connection, whole within ``ProviderTraits/submitTimeout``; a cancelled task
    /// does not break it off.
    func submit(_ order: GenerationOrder) async -> SubmitOutcome

    /// Every prediction that carries the tag of an intent, as far as the provider shows it.
    func find(_ search: TagSearch) async throws(ProviderError) -> [Generation]

    /// Asks for many predictions at once; sweeps the provider's list where that takes fewer calls.
    ///
    /// Every id has an answer.
    func status(of ids: [String]) async -> [String: StatusOutcome]

    /// Calls that ``status(of:)`` will need for that many ids, to be taken from the shared rate budget first.
    func callsForStatus(of count: Int) -> Int

    /// Writes a result to a new file: allow-listed host, size cap, length checked; never a part of it.
    func fetch(_ output: String, of order: GenerationOrder, to path: String) async throws(ProviderError)

    /// Asks to cancel, and says what has become of it: cancelling may lag, and a finished one stays as it is.
    ///
    /// Unknown ids throw with ``ProviderError/Kind/missing``.
    func cancel(_ id: String) async throws(ProviderError) -> Generation

    /// Every prediction of the account since then, newest first, for the audit of the ledger.
    func generations(since: Date) async throws(ProviderError) -> [Generation]
}

/// What the engine must know of a provider.
package struct ProviderTraits: Sendable, Equatable {
    package var provider: VideoModel.Provider
    /// Whether a submit with a tag that is already running returns that one: then an unclear answer is asked again.
    package var isIdempotentByTag: Bool
    /// Whether ``GenerationProvider/prepareInput(_:tag:)`` must run before a submit.
    package var wantsInput: Bool
    /// A submit is over after this, whatever happens.
    package var submitTimeout: Duration
    /// Creates a minute that the account may make; nil without a limit.
    package var createsPerMinute: Int?
    /// Other calls a minute; nil without a limit.
    package var readsPerMinute: Int?

    package init(
        provider: VideoModel.Provider,
        isIdempotentByTag: Bool,
        wantsInput: Bool,
        submitTimeout: Duration,
        createsPerMinute: Int?,
        readsPerMinute: Int?
    ) {
        self.provider = provider
        self.isIdempotentByTag = isIdempotentByTag
        self.wantsInput = wantsInput
        self.submitTimeout = submitTimeout
        self.createsPerMinute = createsPerMinute
        self.readsPerMinute = readsPerMinute
    }
}

/// One generation to be made.
package struct GenerationOrder: Sendable, Equatable {
    package let animationID: AnimationID
    package let tag: String
    package let request: AnimationRequest
    package let source: SourceImage
    package let input: ProviderInput?
    /// The part of the clip, from 0.
    package let part: Int
    /// The provider itself gives up after this.
    package let cancelAfter: Duration

    package init(
        animationID: AnimationID,
        tag: String,
        request: AnimationRequest,
        source: SourceImage,
        input: ProviderInput?,
        part: Int,
        cancelAfter: Duration
    ) {
        self.animationID = animationID
        self.tag = tag
        self.request = request
        self.source = source
        self.input = input
        self.part = part
        self.cancelAfter = cancelAfter
    }
}

/// What came of the one call that costs money.
package enum SubmitOutcome: Sendable, Equatable {
    case accepted(Generation)
    /// Surely nothing was made of it.
    case refused(ProviderError)
    /// It may have been accepted: find out, do not ask again.
    case unknown(detail: String)
}

/// Where to look for the prediction of an intent.
package struct TagSearch: Sendable, Equatable {
    package let tag: String
    package let inputURL: String?
    package let model: String
    /// When the point of no return was passed; an adapter widens it by the clocks' possible difference.
    package let sentAt: Date
    /// The submit was over by then.
    package let overAt: Date

    package init(tag: String, inputURL: String?, model: String, sentAt: Date, overAt: Date) {
        self.tag = tag
        self.inputURL = inputURL
        self.model = model
        self.sentAt = sentAt
        self.overAt = overAt
    }
}

/// A prediction as its provider shows it.
package struct Generation: Sendable, Equatable, Identifiable {
    package enum State: Sendable, Equatable {
        /// Waiting or running; also any word that is not known.
        case running(hasStarted: Bool)
        case succeeded(output: String)
        case failed(GenerationFailure)
        /// Ended by us or by its deadline.
        case canceled(hasStarted: Bool)

        package var isTerminal: Bool {
            switch self {
            case .running: false
            case .succeeded, .failed, .canceled: true
            }
        }
    }

    package let id: String
    /// The tag it carries; nil when it carries none or does not show it.
    package let tag: String?
    package let model: String?
    package let state: State
    package let createdAt: Date?
    package let completedAt: Date?
    /// Texts of its input, among them the image's URL; only told by ``GenerationProvider/generations(since:)``.
    package var inputs: [String] = []

    package init(id: String, tag: String?, model: String?, state: State, createdAt: Date?, completedAt: Date?) {
        self.id = id
        self.tag = tag
        self.model = model
        self.state = state
        self.createdAt = createdAt
        self.completedAt = completedAt
    }
}

/// Why a prediction failed.
package struct GenerationFailure: Sendable, Equatable {
    package let code: FailureCode
    /// The provider's words, for operators; bounded.
    package let detail: String
    /// How often a new generation is worth its price; 0 is never.
    package let retries: Int
    /// How long to wait before.
    package let retryDelay: Duration

    package init(code: FailureCode, detail: String, retries: Int, retryDelay: Duration) {
        self.code = code
        self.detail = detail.asDetail
        self.retries = retries
        self.retryDelay = retryDelay
    }
}

/// What one look at a prediction brought.
package enum StatusOutcome: Sendable, Equatable {
    case found(Generation)
    /// The provider does not know it; within a minute of its creation that may be a lag.
    case missing
    case failed(ProviderError)
}

/// A call to a provider that did not bring what it should.
package struct ProviderError: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Kind: String, Sendable, CaseIterable {
        /// Too many calls; later, see ``ProviderError/retryAfter``.
        case throttled
        /// Not reached, or out of order; later.
        case unavailable
        /// The token is not accepted: pauses the provider, fails no run.
        case credentials
        /// The account's balance is used up: pauses the provider, fails no run.
        case credit
        /// The provider will never take this input.
        case rejected
        /// There is no such thing there.
        case missing
        /// The result is gone.
        case expired
        /// The result is not what was promised: wrong host, too large, cut short again and again.
        case invalidOutput
        /// The image cannot be used.
        case sourceUnreadable
        /// Our own disk is full or not writable; later.
        case storage
    }

    package let kind: Kind
    /// For operators; no secrets, at most 2,000 characters.
    package let detail: String
    package let retryAfter: Duration?

    package init(_ kind: Kind, _ detail: String, retryAfter: Duration? = nil) {
        self.kind = kind
        self.detail = detail.asDetail
        self.retryAfter = retryAfter
    }

    package var description: String { "\(kind.rawValue): \(detail)" }
}
