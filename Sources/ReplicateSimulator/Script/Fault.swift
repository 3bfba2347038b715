/// Something that goes wrong with an exchange.
package enum Fault: Sendable, Hashable {
    // Any HTTP exchange.

    /// The connection is closed.
    case close(When = .after, at: ClosePoint = .noAnswer, reset: Bool = false)
    /// Everything happens this many virtual seconds late.
    case delay(Double, When = .after)
    /// No answer until the client leaves.
    case hang(When = .after)
    /// Another answer.
    case answer(CannedAnswer, When = .before)
    /// The answer with broken JSON.
    case malformedJSON
    /// The first half of the answer's JSON, with a `Content-Length` that fits the half.
    case truncatedJSON
    /// 429; nothing happens.
    case throttle(Throttle = .init())
    /// The answer with changed JSON.
    case rewrite(Rewrite)
    /// A redirect to a URL; nothing happens.
    case redirect(to: String, status: Int = 307)
    /// The answer under another `Content-Type`.
    case contentType(String)

    // Downloads from the output host.

    /// Closed after this many bytes of the body; nil means half of it.
    case shortRead(bytes: Int? = nil)
    /// Something else than a video, with a video's headers.
    case notVideo(NotVideo = .html)
    /// Real bytes per real second.
    case slow(bytesPerSecond: Int)
    /// Another `ETag` at every request.
    case changingETag
    /// The whole file whatever `Range` says.
    case ignoresRange
    /// Chunked, without a `Content-Length`.
    case noContentLength
    /// A body without an end.
    case endless

    // Deliveries of webhooks.

    /// Never sent.
    case drop
    /// Sent twice with the same `webhook-id`.
    case duplicate
    /// `start` is sent and answered before the create's answer is written.
    case early
    /// `start` follows `completed`.
    case reorder
    case wrongSignature
    /// Signed for a time this many seconds ago.
    case oldTimestamp(seconds: Int = 600)
    /// Two signatures, of which the second is right.
    case twoSignatures
    /// A `v1a` item before the right one.
    case extraSignature

    // Connections.

    /// The connection is cut below HTTP.
    case cut(Cut)

    /// Whether a fault comes before or after the request has had its effect.
    package enum When: String, Sendable, Hashable, CaseIterable {
        case before, after
    }

    /// How much of the answer is written before the connection is closed.
    package enum ClosePoint: String, Sendable, Hashable, CaseIterable {
        case noAnswer = "no_answer"
        case midHead = "mid_head"
        case midBody = "mid_body"
    }

    /// What comes instead of a video.
    package enum NotVideo: String, Sendable, Hashable, CaseIterable {
        case html, garbage, empty
    }
}

/// An answer that is made up.
package struct CannedAnswer: Sendable, Hashable {
    /// 100 is not allowed, 200–599 are.
    package var status: Int
    package var body: Body
    package var headers: [Header]

    /// What it says.
    package enum Body: Sendable, Hashable {
        /// The edge's own page for the status.
        case edge
        case html(String)
        case json(JSONValue)
        case text(String)
    }

    package init(_ status: Int, _ body: Body = .edge, headers: [Header] = []) {
        self.status = status
        self.body = body
        self.headers = headers
    }
}

/// A 429.
package struct Throttle: Sendable, Hashable {
    package var wording: Wording
    /// `retry_after` of the body, and the number in its text; nil leaves the key out.
    package var retryAfter: Int?
    package var header: RetryAfterHeader

    /// The bodies that were seen.
    package enum Wording: String, Sendable, Hashable, CaseIterable {
        /// `… reduced to 6 requests per minute … less than $5.0 in credit … resets in ~7s.`
        case lowCredit = "low_credit"
        /// `Request was throttled. Your rate limit resets in ~30s.`
        case plain
        /// `Request was throttled. Expected available in 1 second.`
        case old
        /// No wait in the text, either.
        case bare
    }

    /// The `Retry-After` header.
    package enum RetryAfterHeader: String, Sendable, Hashable, CaseIterable {
        case none, seconds, date
    }

    package init(_ wording: Wording = .lowCredit, retryAfter: Int? = 7, header: RetryAfterHeader = .none) {
        self.wording = wording
        self.retryAfter = retryAfter
        self.header = header
    }
}

/// Changes to the JSON of an answer.
package struct Rewrite: Sendable, Hashable {
    /// Keys to set, known or not.
    package var set: JSONObject
    package var remove: [String]
    /// Fraction digits of all times, 0–9.
    package var fractionDigits: Int?
    /// `"output": "…"` becomes `"output": ["…"]`.
    package var outputAsArray: Bool
    /// `"detail": "…"` becomes `"detail": ["…"]`.
    package var detailAsArray: Bool

    package init(
        set: JSONObject = .init(),
        remove: [String] = [],
        fractionDigits: Int? = nil,
        outputAsArray: Bool = false,
        detailAsArray: Bool = false
    ) {
        self.set = set
        self.remove = remove
        self.fractionDigits = fractionDigits
        self.outputAsArray = outputAsArray
        self.detailAsArray = detailAsArray
    }
}

/// Where a connection is cut.
package struct Cut: Sendable, Hashable {
    package var point: Point
    /// With a RST instead of a FIN.
    package var reset: Bool

    /// A number of bytes.
    package enum Point: Sendable, Hashable {
        /// From the client.
        case received(Int)
        /// To the client.
        case sent(Int)
        /// Some connections, anywhere up to these numbers.
        case random(seed: UInt64, probability: Double, receivedUpTo: Int, sentUpTo: Int)
    }

    package init(_ point: Point, reset: Bool = false) {
        self.point = point
        self.reset = reset
    }
}
