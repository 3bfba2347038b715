package import Foundation

/// Calls to addresses that callers name.
///
/// An implementation never connects to anything but public addresses, checks the address it connects to and not the
/// name, follows few redirects and each from the start, and carries no credentials of ours.
package struct Outbound: Sendable {
    /// Fetches an image to a new file.
    ///
    /// Nothing is left of the file when it throws.
    package var fetchImage: @Sendable (_ url: String, _ file: String) async throws(OutboundError) -> Void
    /// Says whether an address may be called, as far as that can be told without a connection.
    ///
    /// What its name resolves to may change: it is checked again at each call.
    package var checkCallback: @Sendable (_ url: String) async throws(OutboundError) -> Void
    /// Sends a signed callback once.
    package var send: @Sendable (OutgoingCallback) async -> CallbackAnswer

    package init(
        fetchImage: @escaping @Sendable (_ url: String, _ file: String) async throws(OutboundError) -> Void,
        checkCallback: @escaping @Sendable (_ url: String) async throws(OutboundError) -> Void,
        send: @escaping @Sendable (OutgoingCallback) async -> CallbackAnswer
    ) {
        self.fetchImage = fetchImage
        self.checkCallback = checkCallback
        self.send = send
    }
}

/// A webhook to a caller, as Standard Webhooks has it.
package struct OutgoingCallback: Sendable, Equatable {
    /// `webhook-id`: the same on each try.
    package let id: String
    package let url: String
    package let body: [UInt8]
    /// The key of the HMAC; as text `whsec_` and its base64.
    package let secret: [UInt8]
    /// `webhook-timestamp`: when this try is made.
    package let at: Date

    package init(id: String, url: String, body: [UInt8], secret: [UInt8], at: Date) {
        self.id = id
        self.url = url
        self.body = body
        self.secret = secret
        self.at = at
    }
}

/// What the receiver of a callback said.
package enum CallbackAnswer: Sendable, Equatable {
    /// Any 2xx.
    case delivered(status: Int)
    /// 410: it wants no more of them.
    case gone
    /// Anything else; `status` is nil without an answer. `detail` is for operators and holds no secrets.
    case failed(status: Int?, detail: String, retryAfter: Duration?)
}

/// An address from outside that cannot or must not be called.
package struct OutboundError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Shown to callers.
    package enum Code: String, Sendable, CaseIterable {
        /// No `http` or `https` address that is called.
        case invalidURL = "invalid_url"
        /// It leads to an address that is not public.
        case forbiddenAddress = "forbidden_address"
        /// No such name, no connection, no trusted certificate, or no answer in time.
        case unreachable
        /// An answer that is not what was asked for: its status, a broken body, too many redirects.
        case badAnswer = "bad_answer"
        case tooLarge = "too_large"
        /// Our own disk; not the caller's fault.
        case storage
    }

    package let code: Code
    /// A sentence for callers: what is wrong and what would be right; no address that a name led to.
    package let message: String
    /// For operators; no secrets.
    package let detail: String

    package init(_ code: Code, _ message: String, detail: String = "") {
        self.code = code
        self.message = message
        self.detail = detail.asDetail
    }

    package var description: String { message }
}
