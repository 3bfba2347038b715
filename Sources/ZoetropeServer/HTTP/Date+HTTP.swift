import Foundation
import Glibc

extension Date {
    private static let httpFormat = "%a, %d %b %Y %H:%M:%S GMT"

    /// As headers have it: `Thu, 01 Jan 2026 00:00:00 GMT`; a part of a second is left out.
    package var httpDate: String {
        var seconds = time_t(timeIntervalSince1970.rounded(.down))
        var parts = tm()
        gmtime_r(&seconds, &parts)
        // The service never sets a locale, so the names are English.
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { text in
            guard let start = text.baseAddress, strftime(start, text.count, Self.httpFormat, &parts) > 0
            else {
                return ""
            }
            return String(cString: start)
        }
    }

    /// Reads a date as ``httpDate`` writes it; nil for any other, also for the obsolete forms, which nobody sends who
    /// repeats a date that we gave.
    package init?(httpDate text: String) {
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let form = /[A-Z][a-z]{2}, (\d\d) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT/
        guard let match = text.wholeMatch(of: form),
            let month = months.firstIndex(of: String(match.2)), let day = Int32(match.1), let year = Int32(match.3),
            let hour = Int32(match.4), let minute = Int32(match.5), let second = Int32(match.6)
        else { return nil }
        var parts = tm()
        (parts.tm_mday, parts.tm_mon, parts.tm_year) = (day, Int32(month), year - 1_900)
        (parts.tm_hour, parts.tm_min, parts.tm_sec) = (hour, minute, second)
        self.init(timeIntervalSince1970: TimeInterval(timegm(&parts)))
        // A day that is not in its month, or a weekday that is not the day's, was made up.
        guard httpDate == text else { return nil }
    }
}
