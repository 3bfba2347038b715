package import Foundation

/// Times as the databases keep them: UTC, whole milliseconds, `2026-11-21T15:04:05.123Z`.
///
/// The text has a fixed width, so that it sorts as the times do.
package enum SQLTimestamp {
    /// Nil when the year is not 1 to 9999.
    package static func text(_ date: Date) -> String? {
        guard let total = milliseconds(of: date) else { return nil }
        let (days, inDay) = total.flooredDivision(by: 86_400_000)
        let civil = civil(days)
        var text: [UInt8] = []
        text.reserveCapacity(24)
        text.append(civil.year, digits: 4)
        text.append(UInt8(ascii: "-"))
        text.append(civil.month, digits: 2)
        text.append(UInt8(ascii: "-"))
        text.append(civil.day, digits: 2)
        text.append(UInt8(ascii: "T"))
        text.append(inDay / 3_600_000, digits: 2)
        text.append(UInt8(ascii: ":"))
        text.append(inDay / 60_000 % 60, digits: 2)
        text.append(UInt8(ascii: ":"))
        text.append(inDay / 1_000 % 60, digits: 2)
        text.append(UInt8(ascii: "."))
        text.append(inDay % 1_000, digits: 3)
        text.append(UInt8(ascii: "Z"))
        return String(decoding: text, as: UTF8.self)
    }

    /// The time that a text of ours, or PostgreSQL's `2026-11-21 15:04:05.123456+00`, names; nil when it is neither.
    package static func date(_ text: String) -> Date? {
        var digits = Digits(bytes: Array(text.utf8))
        guard let year = digits.take(4), digits.skip("-"), let month = digits.take(2), digits.skip("-"),
            let day = digits.take(2), digits.skip("T") || digits.skip(" "), let hour = digits.take(2), digits.skip(":"),
            let minute = digits.take(2), digits.skip(":"), let second = digits.take(2),
            (1...9_999).contains(year), (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60,
            second < 60
        else { return nil }
        var microseconds = 0
        if digits.skip(".") {
            var unit = 100_000
            while let digit = digits.take(1) {
                microseconds += digit * unit
                unit /= 10
            }
        }
        guard digits.skip("Z") || (digits.skip("+") && digits.take(2) == 0), digits.isAtEnd else { return nil }
        let seconds = self.days(year: year, month: month, day: day) * 86_400 + hour * 3_600 + minute * 60 + second
        return date(milliseconds: seconds * 1_000 + (microseconds + 500) / 1_000)
    }

    static func date(milliseconds: Int) -> Date { Date(timeIntervalSince1970: Double(milliseconds) / 1_000) }

    /// Whole milliseconds since 1970; nil when the year is not 1 to 9999.
    static func milliseconds(of date: Date) -> Int? {
        let total = (date.timeIntervalSince1970 * 1_000).rounded()
        guard total >= -62_135_596_800_000, total <= 253_402_300_799_999 else { return nil }
        return Int(total)
    }

    /// Days since 1970 to a date in the proleptic Gregorian calendar, with years that begin in March.
    private static func civil(_ days: Int) -> (year: Int, month: Int, day: Int) {
        let (era, dayOfEra) = (days + 719_468).flooredDivision(by: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * shifted + 2) / 5 + 1)
    }

    private static func days(year: Int, month: Int, day: Int) -> Int {
        let (era, yearOfEra) = (month <= 2 ? year - 1 : year).flooredDivision(by: 400)
        let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}

extension Date {
    /// The time that both databases give back for this one; itself when they refuse it.
    package var roundedToMilliseconds: Date {
        SQLTimestamp.milliseconds(of: self).map(SQLTimestamp.date(milliseconds:)) ?? self
    }
}

private struct Digits {
    let bytes: [UInt8]
    var position = 0

    var isAtEnd: Bool { position == bytes.count }

    mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    mutating func take(_ count: Int) -> Int? {
        guard position + count <= bytes.count else { return nil }
        var value = 0
        for byte in bytes[position..<position + count] {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
            value = value * 10 + Int(byte - UInt8(ascii: "0"))
        }
        position += count
        return value
    }
}

extension [UInt8] {
    fileprivate mutating func append(_ number: Int, digits: Int) {
        var unit = 1
        for _ in 1..<digits { unit *= 10 }
        while unit > 0 {
            append(UInt8(ascii: "0") + UInt8(number / unit % 10))
            unit /= 10
        }
    }
}

extension Int {
    /// The remainder is not negative.
    fileprivate func flooredDivision(by divisor: Int) -> (quotient: Int, remainder: Int) {
        let remainder = self % divisor
        return remainder < 0 ? (self / divisor - 1, remainder + divisor) : (self / divisor, remainder)
    }
}
