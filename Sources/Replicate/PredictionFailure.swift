import Foundation

/// Why a prediction ended without a result, sorted by what to do about it.
///
/// Replicate puts a short code in brackets at the end of the error text, `… (E005) (aBc123)` or `… (code: PA)`; texts of a vendor
/// and of Python may come without one. Source: Replicate's *Error codes* page and reports of users.
public struct PredictionFailure: Error, Sendable, Hashable, CustomStringConvertible {
    /// What kind of failure it is.
    public enum Reason: String, Sendable, Hashable, CaseIterable {
        /// The input or the output was flagged by moderation (E005). The same input will be refused again.
        case contentRejected
        /// The input is not usable as it is: not an image, too large for the model (E1001), a value that the vendor refuses.
        case inputUnusable
        /// The address of an input could not be read. Upload it once more; if that fails, too, it is the input.
        case inputUnreachable
        /// The vendor's account behind the model is empty (E001): minutes to hours.
        case providerOutOfCredit
        /// The model is gone or its vendor refuses Replicate (E002). Use another model.
        case modelUnavailable
        /// The vendor is overloaded or for the moment out of order (E003, E004).
        case overloaded
        /// Replicate lost the run: worker taken away (PA), not started in time (E6716), stopped (E8367), unhealthy (E8765) and the like.
        case interrupted
        /// The run was longer than the platform allows, 30 minutes.
        case timedOut
        /// Reported as succeeded, with no output.
        case missingOutput
        /// Stopped by a cancel call or, while it ran, by its deadline; charged for what ran.
        case canceled
        /// Reached its deadline before it started; not charged.
        case aborted
        /// An internal webhook address was empty (E4875).
        case webhookMissing
        /// A text that is in no table.
        case unknown
    }

    /// What kind of failure it is.
    public let reason: Reason
    /// The code in the text, for example `E005` or `PA`; the number of a vendor; `nil` when there is none.
    public let code: String?
    /// The error text as it came.
    public let text: String
    /// How many new predictions are worth a try; 0 when none is.
    public let retries: Int
    /// How long to wait before the first of them.
    ///
    /// Double it for each further one.
    public let retryDelay: Duration

    /// Whether a new prediction with the same input is worth a try.
    public var isTransient: Bool { retries > 0 }

    /// The same for people.
    public var description: String {
        text.isEmpty ? reason.rawValue : "\(reason.rawValue): \(text)"
    }

    static let missingOutput = PredictionFailure(rule: Rule(.missingOutput, retries: 1, seconds: 5))
    static let canceled = PredictionFailure(rule: Rule(.canceled, retries: 0, seconds: 0))
    static let aborted = PredictionFailure(rule: Rule(.aborted, retries: 0, seconds: 0))

    /// Sorts the error text of a failed prediction.
    public init(error text: String) {
        let code = Self.code(in: text) ?? Self.vendorCode(in: text)
        if let code, let rule = Self.byCode[code] {
            self.init(rule: rule, code: code, text: text)
            return
        }
        let lowercase = text.lowercased()
        let rule = Self.byText.first { lowercase.contains($0.fragment) }?.rule
        // Unknown: one more try, then it is permanent.
        self.init(rule: rule ?? Rule(.unknown, retries: 1, seconds: 15), code: code, text: text)
    }

    private init(rule: Rule, code: String? = nil, text: String = "") {
        self.reason = rule.reason
        self.code = code
        self.text = text
        self.retries = rule.retries
        self.retryDelay = rule.delay
    }

    /// Replicate's code: `(E005)` or `(code: PA)`.
    ///
    /// The first one that the table knows, else the first.
    private static func code(in text: String) -> String? {
        let codes = text.matches(of: /\((?:(E\d{3,4})|code:\s*([A-Z0-9]{1,12}))\)/.ignoresCase())
            .map {
                ($0.1 ?? $0.2 ?? "").uppercased()
            }
        return codes.first { byCode[$0] != nil } ?? codes.first
    }

    /// MiniMax's own number, where its text leaks through: `status_code: 1026`.
    private static func vendorCode(in text: String) -> String? {
        text.firstMatch(of: /(?:code|error)[^0-9A-Za-z]{1,4}(1000|1001|1002|1008|1013|1026|1027|2013)\b/.ignoresCase())
            .map { String($0.1) }
    }
}

// MARK: - The table

extension PredictionFailure {
    /// What a code means.
    package struct Rule: Sendable {
        let reason: Reason
        package let retries: Int
        package let delay: Duration

        init(_ reason: Reason, retries: Int, seconds: Int) {
            self.reason = reason
            self.retries = retries
            self.delay = .seconds(seconds)
        }
    }

    /// Replicate's codes and the numbers of MiniMax's API.
    package static let byCode: [String: Rule] = [
        "E001": Rule(.providerOutOfCredit, retries: 1, seconds: 600),
        "E002": Rule(.modelUnavailable, retries: 0, seconds: 0),
        "E003": Rule(.overloaded, retries: 3, seconds: 30),
        "E004": Rule(.overloaded, retries: 3, seconds: 15),
        "E005": Rule(.contentRejected, retries: 0, seconds: 0),
        "PA": Rule(.interrupted, retries: 2, seconds: 5),
        "E1000": Rule(.interrupted, retries: 2, seconds: 5),
        "E1001": Rule(.inputUnusable, retries: 0, seconds: 0),
        "E4875": Rule(.webhookMissing, retries: 1, seconds: 5),
        "E6716": Rule(.interrupted, retries: 3, seconds: 5),
        "E8367": Rule(.interrupted, retries: 2, seconds: 5),
        "E8765": Rule(.interrupted, retries: 2, seconds: 60),
        "E9243": Rule(.interrupted, retries: 1, seconds: 5),
        "E9825": Rule(.interrupted, retries: 2, seconds: 5),
        "E9828": Rule(.interrupted, retries: 2, seconds: 5),
        "1000": Rule(.interrupted, retries: 2, seconds: 15),
        "1001": Rule(.interrupted, retries: 2, seconds: 15),
        "1002": Rule(.overloaded, retries: 3, seconds: 30),
        "1008": Rule(.providerOutOfCredit, retries: 1, seconds: 600),
        "1013": Rule(.interrupted, retries: 2, seconds: 15),
        "1026": Rule(.contentRejected, retries: 0, seconds: 0),
        "1027": Rule(.contentRejected, retries: 0, seconds: 0),
        "2013": Rule(.inputUnusable, retries: 0, seconds: 0),
    ]

    /// Texts without a code, lower-case; the first that is found counts.
    static let byText: [(fragment: String, rule: Rule)] = [
        ("flagged as sensitive", Rule(.contentRejected, retries: 0, seconds: 0)),
        ("nsfw", Rule(.contentRejected, retries: 0, seconds: 0)),
        ("prediction timed out", Rule(.timedOut, retries: 1, seconds: 5)),
        ("prediction interrupted", Rule(.interrupted, retries: 2, seconds: 5)),
        ("high demand", Rule(.overloaded, retries: 3, seconds: 30)),
        ("temporarily unavailable", Rule(.overloaded, retries: 3, seconds: 15)),
        ("out of memory", Rule(.inputUnusable, retries: 0, seconds: 0)),
        ("cannot identify image file", Rule(.inputUnusable, retries: 0, seconds: 0)),
        ("invalid image", Rule(.inputUnusable, retries: 0, seconds: 0)),
        ("403 client error", Rule(.inputUnreachable, retries: 1, seconds: 0)),
        ("404 client error", Rule(.inputUnreachable, retries: 1, seconds: 0)),
        ("410 client error", Rule(.inputUnreachable, retries: 1, seconds: 0)),
    ]
}
