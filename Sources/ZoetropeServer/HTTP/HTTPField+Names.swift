import HTTPTypes

extension HTTPField.Name {
    static let requestID = named("X-Request-Id")
    static let idempotencyKey = named("Idempotency-Key")
    static let idempotencyReplayed = named("Idempotency-Replayed")
    static let pollAfterMilliseconds = named("openai-poll-after-ms")
    static let retryAfterMilliseconds = named("retry-after-ms")
    static let shouldRetry = named("x-should-retry")
    static let stainlessRetryCount = named("x-stainless-retry-count")
    static let lastEventID = named("Last-Event-ID")
    static let accelBuffering = named("X-Accel-Buffering")
    static let contentTypeOptions = named("X-Content-Type-Options")

    /// Headers by which a proxy tells for whom it asks.
    static let ofProxies = ["Forwarded", "Via", "X-Forwarded-For", "X-Real-IP"].map { named($0) }

    static func named(_ name: String) -> HTTPField.Name {
        guard let name = HTTPField.Name(name) else {
            preconditionFailure("a header name must be a token, got \"\(name)\"")
        }
        return name
    }
}

extension StringProtocol {
    /// Whether all of it is visible ASCII, `!` to `~`, and its length is in a range.
    func isVisibleASCII(_ length: ClosedRange<Int>) -> Bool {
        length.contains(utf8.count) && utf8.allSatisfy { (0x21...0x7E).contains($0) }
    }
}
