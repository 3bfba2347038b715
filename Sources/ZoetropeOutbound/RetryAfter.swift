import Foundation

/// The `Retry-After` header of an answer (RFC 9110, 10.2.3).
enum RetryAfter {
    /// No longer wait is granted.
    static let longest = Duration.seconds(10 * 3_600)

    /// How long the other side wants us to wait, at most ``longest``; nil without a header that can be read.
    static func wait(_ header: String?, now: Date) -> Duration? {
        guard let text = header?.trimmingCharacters(in: .whitespaces), (1...64).contains(text.utf8.count) else {
            return nil
        }
        if text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) {
            return min(.seconds(Int64(text) ?? .max >> 1), longest)
        }
        let format = DateFormatter()
        format.locale = Locale(identifier: "en_US_POSIX")
        format.timeZone = TimeZone(secondsFromGMT: 0)
        format.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
        guard let date = format.date(from: text) else { return nil }
        return min(.seconds(max(0, date.timeIntervalSince(now).rounded(.up))), longest)
    }
}
