package import Foundation

extension Date {
    /// RFC 3339 in UTC, rounded to milliseconds: `2026-01-01T00:00:00.000Z`.
    ///
    /// Written by hand, because every answer has several and the system's formatter took a tenth of a status read.
    package var rfc3339: String {
        // The years 0 to 9999, which have four digits.
        let seconds = min(max(timeIntervalSince1970, -62_167_219_200), 253_402_300_799)
        let milliseconds = Int64((seconds * 1_000).rounded())
        let (second, fraction) = (milliseconds / 1_000, milliseconds % 1_000)
        var time = time_t(fraction < 0 ? second - 1 : second)
        var parts = tm()
        gmtime_r(&time, &parts)
        return String(unsafeUninitializedCapacity: 24) { text in
            var place = 0
            func write(_ number: Int, digits: Int, then end: Character) {
                var rest = number
                for digit in (place..<place + digits).reversed() {
                    text[digit] = UInt8(ascii: "0") + UInt8(rest % 10)
                    rest /= 10
                }
                text[place + digits] = end.asciiValue ?? 0
                place += digits + 1
            }
            write(Int(parts.tm_year) + 1_900, digits: 4, then: "-")
            write(Int(parts.tm_mon) + 1, digits: 2, then: "-")
            write(Int(parts.tm_mday), digits: 2, then: "T")
            write(Int(parts.tm_hour), digits: 2, then: ":")
            write(Int(parts.tm_min), digits: 2, then: ":")
            write(Int(parts.tm_sec), digits: 2, then: ".")
            write(Int(fraction < 0 ? fraction + 1_000 : fraction), digits: 3, then: "Z")
            return place
        }
    }
}
