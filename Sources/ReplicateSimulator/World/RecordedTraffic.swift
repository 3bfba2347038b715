/// One HTTP exchange on any origin.
package struct RecordedRequest: Sendable, Hashable, Codable {
    package var number: Int
    package var origin: Origin
    package var method: String
    /// Path and query.
    package var target: String
    /// Names as received; the value of `Authorization` is only its scheme.
    package var headers: [[String]]
    package var bodySize: Int
    package var bodySHA256: String
    package var time: Moment
    package var connection: Int
    /// What was answered; nil while nothing was.
    package var status: Int?

    private enum CodingKeys: String, CodingKey {
        case number, origin, method, target, headers
        case bodySize = "body_size"
        case bodySHA256 = "body_sha256"
        case time, connection, status
    }

    /// The first value of a header.
    package func header(_ name: String) -> String? {
        headers.first { $0.first?.lowercased() == name.lowercased() }?.last
    }
}

/// One TCP connection.
package struct RecordedConnection: Sendable, Hashable, Codable {
    package var number: Int
    package var origin: Origin
    package var bytesReceived = 0
    package var bytesSent = 0
    /// The tag of the first whole create request on it that had one.
    package var tag: String?
    /// Whole requests.
    package var requests = 0
    /// A fault cut it.
    package var wasCut = false
    package var isClosed = false

    private enum CodingKeys: String, CodingKey {
        case number, origin
        case bytesReceived = "bytes_received"
        case bytesSent = "bytes_sent"
        case tag, requests
        case wasCut = "cut"
        case isClosed = "closed"
    }
}
