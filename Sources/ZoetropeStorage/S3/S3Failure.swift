import AsyncHTTPClient
import Foundation
import NIOCore
import ZoetropeWorkflow

/// A call to S3 that brought nothing.
struct S3Failure: Error {
    /// Of the answer; nil when none came whole.
    var status: UInt?
    /// S3's word for it, such as `NoSuchKey`; empty when the answer has none.
    var code = ""
    /// What it is to our callers.
    let meaning: StorageError.Code
    /// For operators: no secrets, no signed addresses.
    let detail: String
    var isRetryable = false
    /// Whether the server may have done all the same what it was asked.
    var mayHaveHappened = false
    /// Whether that holds for an earlier try of the same call.
    var followsDoubt = false
    var isTimeout = false
    /// How long the server wants to be left alone.
    var retryAfter: Duration?
    /// The server's clock.
    var serverTime: Date?

    init(_ meaning: StorageError.Code, _ detail: String) {
        self.meaning = meaning
        self.detail = detail
    }

    /// No whole answer.
    init(_ error: any Error) {
        let text: String
        var isTimeout = false
        switch error {
        case let failure as S3Failure:
            self = failure
            return
        case let error as CredentialsError:
            self.init(error.isPassing ? .unavailable : .denied, error.description)
            return
        case is CancellationError:
            self.init(.unavailable, "cancelled")
            return
        case let error as HTTPClientError:
            if error == .cancelled {
                self.init(.unavailable, "cancelled")
                return
            }
            isTimeout = [
                .readTimeout, .writeTimeout, .connectTimeout, .deadlineExceeded,
                .getConnectionFromPoolTimeout,
            ]
            .contains(error)
            text =
                isTimeout
                ? "no answer in time (\(error.shortDescription))"
                : "no whole answer: \(error.shortDescription)"
        default:
            // Errors of the network name its ends, and nothing that was sent.
            text = "no connection, or it broke: \(String(describing: error).prefix(200))"
        }
        self.init(.unavailable, text)
        isRetryable = true
        mayHaveHappened = true
        self.isTimeout = isTimeout
    }

    /// An answer that is no success, or a success that holds an error.
    ///
    /// `fields` gives the answer's header fields by their lower-case names.
    init(status: UInt, body: [UInt8], bucket: String, now: Date, fields: (_ name: String) -> String?) {
        let error = S3XML(parsing: body).flatMap { $0.name == "Error" ? $0 : $0["Error"] }
        let code = error?["Code"]?.text ?? ""
        let isTransient = status >= 500 || status == 429 || Self.transientCodes.contains(code)
        let meaning: StorageError.Code =
            switch (status, code) {
            case (_, "NoSuchBucket"): .denied
            case (507, _), (_, "QuotaExceeded"): .full
            case (_, "BadDigest"), (_, "XAmzContentSHA256Mismatch"): .corrupt
            case (404, _): .missing
            case (501, _): .denied
            case _ where isTransient: .unavailable
            default: .denied
            }
        var detail = "HTTP \(status)"
        if !code.isEmpty { detail += " \(code.prefix(64))" }
        switch code {
        case "NoSuchBucket":
            detail += ": there is no bucket \"\(bucket)\"; make it, or correct the storage URL"
        case "SignatureDoesNotMatch": detail += ": check AWS_SECRET_ACCESS_KEY"
        case "InvalidAccessKeyId": detail += ": check AWS_ACCESS_KEY_ID"
        default: break
        }
        if let region = fields("x-amz-bucket-region") ?? error?["Region"]?.text, meaning == .denied {
            detail += "; the bucket is in region \(region.prefix(64))"
        } else if (300..<400).contains(status) {
            detail += ", a redirect; check endpoint and region of the storage URL"
        }
        if let id = fields("x-amz-request-id") ?? error?["RequestId"]?.text {
            detail += " (request \(id.prefix(128)))"
        }
        self.init(meaning, detail)
        self.status = status
        self.code = code
        isRetryable = meaning == .corrupt || (isTransient && status != 501 && status != 507)
        // A refusal comes before anything is done; an error of the server may come after.
        mayHaveHappened = isTransient && status != 429
        retryAfter = fields("retry-after").flatMap { Self.wait($0, now: now) }
        serverTime = fields("date").flatMap(Date.init(httpText:))
    }

    /// Codes that mean "again, a little later" whatever the status.
    private static let transientCodes: Set = [
        "InternalError", "ServiceUnavailable", "SlowDown", "RequestTimeout", "ThrottlingException",
        "Throttling",
        "RequestLimitExceeded", "BandwidthLimitExceeded", "OperationAborted",
        "ConditionalRequestConflict",
    ]

    /// No longer wait is granted.
    private static let longestWait = Duration.seconds(20)

    private static func wait(_ text: String, now: Date) -> Duration? {
        let seconds = Double(text) ?? Date(httpText: text)?.timeIntervalSince(now)
        guard let seconds, seconds >= 0 else { return nil }
        return seconds < 20 ? .seconds(seconds) : longestWait
    }
}

extension StorageError {
    /// What a failure is to the store's callers; `what` was to be done.
    init(_ error: any Error, _ what: String) {
        if let error = error as? StorageError {
            self = error
        } else {
            let failure = S3Failure(error)
            self.init(failure.meaning, "\(what): \(failure.detail)")
        }
    }
}
