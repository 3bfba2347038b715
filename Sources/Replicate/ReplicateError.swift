/// A call that did not succeed, with all that a caller decides by.
///
/// ``kind`` tells what to do; the rest tells why. No text in it holds the API token.
public struct ReplicateError: Error, Sendable, Hashable {
    /// What a caller may conclude and do.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// The provider answered no: nothing was created, nothing is charged, and the same request will be refused again.
        case refused
        /// Too many requests (429), or a model server that is full: nothing was created; send it again after ``ReplicateError/retryAfter``.
        case throttled
        /// The request went out and no whole answer came back: it **may have been accepted**.
        ///
        /// Never send a create again after this. Look for its prediction with ``ReplicateClient/predictions(createdAfter:createdBefore:)``.
        case ambiguous
        /// Nothing was done, or doing it again does no harm, and another try may succeed: no connection, or a read that failed after all its retries.
        case transient
        /// Another try cannot help: a wrong argument, an answer that is not Replicate's, a file that is too large or cannot be written.
        case permanent
    }

    /// One input that Replicate refused, as in `invalid_fields` of a 422.
    public struct InvalidField: Sendable, Hashable {
        /// What is wrong, for example `enum`, `required` or `number_lte`.
        public let type: String?
        /// Where, for example `input.duration`; for a missing input its parent, `input`.
        public let field: String?
        /// What would be right, for people.
        public let description: String?

        /// Creates one, for a double of the client.
        public init(type: String?, field: String?, description: String?) {
            (self.type, self.field, self.description) = (type, field, description)
        }
    }

    /// What to do about it.
    public let kind: Kind
    /// The call that failed, for example `create prediction`.
    public let operation: String
    /// What happened, in one sentence.
    public let message: String
    /// The HTTP status of the answer; `nil` when none came.
    public let status: Int?
    /// The title of the answer, for example `Insufficient credit`.
    public let title: String?
    /// The detail of the answer: its `detail` text, the lines of its `detail` list, or `error` of a model server.
    public let detail: String?
    /// The inputs that were refused.
    public let invalidFields: [InvalidField]
    /// How long to wait, at most an hour, when the answer said so: the largest of the header
    /// `Retry-After`, the member `retry_after` and the seconds in the text.
    public let retryAfter: Duration?

    /// Creates an error, for a double of the client.
    public init(
        _ kind: Kind,
        _ operation: String,
        _ message: String,
        status: Int? = nil,
        title: String? = nil,
        detail: String? = nil,
        invalidFields: [InvalidField] = [],
        retryAfter: Duration? = nil
    ) {
        self.kind = kind
        self.operation = operation
        self.message = message
        self.status = status
        self.title = title
        self.detail = detail
        self.invalidFields = invalidFields
        self.retryAfter = retryAfter
    }
}

extension ReplicateError: CustomStringConvertible {
    /// The same for people.
    public var description: String {
        var text = "\(operation): \(message)"
        if let title { text += ": \(title.split(whereSeparator: \.isNewline).joined(separator: " "))" }
        if let detail { text += ": \(detail.split(whereSeparator: \.isNewline).joined(separator: "; "))" }
        if let retryAfter { text += " (try again in \(retryAfter.components.seconds) s)" }
        return text
    }
}
