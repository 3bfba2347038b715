/// What goes back to a client.
package struct Answer: Sendable {
    package var status: Int
    package var headers: [Header]
    package var body: Body

    /// The bytes of an answer and how they are sent.
    package enum Body: Sendable {
        /// With their `Content-Length`.
        case bytes([UInt8])
        /// A clip of the video store, or a part of it.
        case video(VideoRecipe, VideoDelivery)
        /// JSON in which `simulator-video:<recipe>` still has to become a data URI.
        case json(JSONValue, endsWithNewline: Bool)
    }

    package init(status: Int, headers: [Header] = [], body: Body = .bytes([])) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// A JSON answer.
    package static func json(
        _ value: JSONValue,
        status: Int = 200,
        contentType: String = "application/json",
        headers: [Header] = [],
        endsWithNewline: Bool = false
    ) -> Answer {
        Answer(
            status: status,
            headers: [Header("Content-Type", contentType)] + headers,
            body: .json(value, endsWithNewline: endsWithNewline)
        )
    }

    package static func text(_ text: String, status: Int, contentType: String) -> Answer {
        Answer(status: status, headers: [Header("Content-Type", contentType)], body: .bytes(Array(text.utf8)))
    }

    /// Its JSON, if it is JSON.
    package var json: JSONValue? { if case .json(let value, _) = body { value } else { nil } }
}

/// How a clip goes over the wire.
package struct VideoDelivery: Sendable, Hashable {
    /// The `Range` header of the request.
    var range: String?
    var ifRange: String?
    var ifNoneMatch: String?
    var isHead = false
    /// What goes wrong.
    var fault: Fault?
    /// The number of the download, for faults that change from one to the next.
    var number = 0
    /// The ledger's key.
    var path = ""
    var lastModified = Moment(nanoseconds: 0)
}
