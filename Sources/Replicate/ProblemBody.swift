import Foundation

/// The body of an error answer: Replicate's problem details, a model server's `error`, or nothing that can be read.
///
/// Every member is optional and `detail` is a text or a list, as old answers and Cog write it.
package struct ProblemBody: Sendable, Hashable {
    var title: String?
    package var detail: String?
    var invalidFields: [ReplicateError.InvalidField] = []
    /// Seconds.
    var retryAfter: Double?
    /// Whether the body is a JSON object with a word about what is wrong, so that it comes from the API itself and not from
    /// something in between.
    var isFromTheAPI = false

    /// Longest text that is kept of an answer, in characters.
    private static let longestText = 4_000
    /// Most inputs that are told.
    private static let mostFields = 50

    package init() {}

    /// Reads a body; `secret` does not get into its texts, whatever the server repeats.
    package init(parsing body: [UInt8], hiding secret: String = "") {
        guard let members = (try? JSONValue(parsing: body))?.object else { return }
        func clean(_ text: String?) -> String? { text.map { Self.clean($0, hiding: secret) } }
        title = clean(members["title"]?.string)
        switch members["detail"] {
        case .string(let text): detail = clean(text)
        case .array(let items):
            let (text, fields) = Self.read(items)
            detail = clean(text)
            invalidFields = fields
        default: detail = clean(members["error"]?.string)
        }
        for case .object(let field) in members["invalid_fields"]?.array ?? [] {
            invalidFields.append(
                ReplicateError.InvalidField(
                    type: field["type"]?.string,
                    field: field["field"]?.string,
                    description: field["description"]?.string
                )
            )
        }
        invalidFields = invalidFields.prefix(Self.mostFields)
            .map {
                ReplicateError.InvalidField(
                    type: clean($0.type),
                    field: clean($0.field),
                    description: clean($0.description)
                )
            }
        retryAfter = members["retry_after"]?.number
        isFromTheAPI = title != nil || detail != nil
    }

    /// Reads a `detail` list: texts, or Cog's `{"loc": ["body", "input", "x"], "msg": "…", "type": "…"}`.
    private static func read(_ items: [JSONValue]) -> (String, [ReplicateError.InvalidField]) {
        var lines: [String] = []
        var fields: [ReplicateError.InvalidField] = []
        for item in items {
            switch item {
            case .string(let text):
                lines.append(text)
            case .object(let members):
                let path = (members["loc"]?.array ?? []).compactMap { $0.string ?? $0.integer.map(String.init) }
                let field = path.drop { $0 == "body" }.joined(separator: ".")
                let message = members["msg"]?.string
                lines.append([field, message ?? ""].filter { !$0.isEmpty }.joined(separator: ": "))
                fields.append(
                    ReplicateError.InvalidField(type: members["type"]?.string, field: field, description: message)
                )
            default:
                continue
            }
        }
        return (lines.joined(separator: "\n"), fields)
    }

    /// Hides the secret, byte by byte and before anything is cut, and takes control characters but the line feed out.
    private static func clean(_ text: String, hiding secret: String) -> String {
        var bytes = Array(text.utf8.prefix(longestText * 4 + secret.utf8.count))
        if !secret.isEmpty {
            while let range = bytes.firstRange(of: secret.utf8) {
                bytes.replaceSubrange(range, with: "[redacted]".utf8)
            }
        }
        for index in bytes.indices
        where bytes[index] != UInt8(ascii: "\n") && (bytes[index] < 0x20 || bytes[index] == 0x7f) {
            bytes[index] = UInt8(ascii: " ")
        }
        return String(String(decoding: bytes, as: UTF8.self).prefix(longestText))
    }
}

/// How long a 429 asks a client to wait.
enum RetryAfter {
    /// No answer can make a client wait longer.
    static let longest = Duration.seconds(3_600)

    /// The largest wait named by the header `Retry-After` (seconds or a date), the member `retry_after` and the text of
    /// `detail`, at most ``longest``; `nil` when none names one.
    ///
    /// Texts seen: `Your rate limit resets in ~30s.` and `Expected available in 1 second.`
    static func wait(header: String?, problem: ProblemBody, now: Date) -> Duration? {
        let seconds = [
            header.flatMap { inHeader($0, now: now) },
            problem.retryAfter,
            problem.detail.flatMap(inText),
        ]
        .compactMap(\.self).filter { $0.isFinite && $0 >= 0 }
        return seconds.max().map { min(.seconds($0.clamped(to: 0...3_600)), longest) }
    }

    private static func inHeader(_ text: String, now: Date) -> Double? {
        let trimmed = text.trimmingCharacters(in: .whitespaces)
        if let seconds = Double(trimmed) { return seconds }
        let format = DateFormatter()
        format.locale = Locale(identifier: "en_US_POSIX")
        format.timeZone = TimeZone(secondsFromGMT: 0)
        format.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
        guard let date = format.date(from: trimmed) else { return nil }
        return max(0, date.timeIntervalSince(now).rounded(.up))
    }

    private static func inText(_ text: String) -> Double? {
        let pattern = /(?:resets|available) in ~?(\d{1,9}(?:\.\d{1,9})?) ?s/.ignoresCase()
        return text.firstMatch(of: pattern).flatMap { Double($0.1) }
    }
}

extension Double {
    fileprivate func clamped(to range: ClosedRange<Double>) -> Double {
        Swift.min(Swift.max(self, range.lowerBound), range.upperBound)
    }
}
