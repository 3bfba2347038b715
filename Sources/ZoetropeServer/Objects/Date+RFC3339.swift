import Foundation

extension Date {
    /// RFC 3339 in UTC, rounded to milliseconds: `2026-01-01T00:00:00.000Z`.
    var rfc3339: String {
        // A binary fraction may lie just below its millisecond; a little more is right whether it is then cut or rounded.
        let milliseconds = (timeIntervalSince1970 * 1_000).rounded() + 0.25
        return Date(timeIntervalSince1970: milliseconds / 1_000)
            .formatted(
                .iso8601.year().month().day().time(includingFractionalSeconds: true).timeZone(separator: .omitted)
            )
    }
}
