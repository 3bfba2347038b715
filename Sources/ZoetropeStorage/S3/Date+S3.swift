import Foundation
import Glibc

// By position and not by regular expressions, which are slow and asked for each object of a list.
extension Date {
    /// Reads a time as S3 and those who give credentials write it: `2026-11-22T01:20:31.569Z`.
    init?(s3 text: String) {
        let bytes = Array(text.utf8)
        guard (20...30).contains(bytes.count), bytes.last == UInt8(ascii: "Z"),
            zip([4, 7, 10, 13, 16], "--T::".utf8).allSatisfy({ bytes[$0] == $1 }),
            let year = Self.number(bytes[0..<4]), let month = Self.number(bytes[5..<7]),
            let day = Self.number(bytes[8..<10])
        else { return nil }
        let rest = bytes[19..<(bytes.count - 1)]
        // A point and up to nine digits, or nothing.
        guard rest.isEmpty || rest.first == UInt8(ascii: "."), rest.isEmpty || Self.number(rest.dropFirst()) != nil
        else { return nil }
        let fraction = rest.isEmpty ? 0 : Double("0" + String(decoding: rest, as: UTF8.self)) ?? 0
        self.init(year: year, month: month, day: day, time: bytes[11..<19], fraction: fraction)
    }

    /// Reads a header's time: `Sun, 22 Nov 2026 01:22:00 GMT`.
    init?(httpText text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count == 29, bytes[3] == UInt8(ascii: ","), bytes[25...].elementsEqual(" GMT".utf8),
            [4, 7, 11, 16].allSatisfy({ bytes[$0] == UInt8(ascii: " ") }),
            [19, 22].allSatisfy({ bytes[$0] == UInt8(ascii: ":") }),
            let month = Self.months.firstIndex(of: String(decoding: bytes[8..<11], as: UTF8.self)),
            let year = Self.number(bytes[12..<16]), let day = Self.number(bytes[5..<7])
        else { return nil }
        self.init(year: year, month: month + 1, day: day, time: bytes[17..<25], fraction: 0)
    }

    /// The value of one to nine digits; nil for anything else.
    private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
        guard (1...9).contains(digits.count),
            digits.allSatisfy((UInt8(ascii: "0")...UInt8(ascii: "9")).contains)
        else { return nil }
        return digits.reduce(0) { 10 * $0 + Int($1 - UInt8(ascii: "0")) }
    }

    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// `time` is of the form `01:20:31`.
    private init?(year: Int, month: Int, day: Int, time: ArraySlice<UInt8>, fraction: Double) {
        let clock = time.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false).map(Self.number)
        guard clock.count == 3, let hour = clock[0], let minute = clock[1], let second = clock[2],
            (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second <= 60
        else { return nil }
        var parts = tm()
        (parts.tm_year, parts.tm_mon, parts.tm_mday) = (Int32(year - 1_900), Int32(month - 1), Int32(day))
        (parts.tm_hour, parts.tm_min, parts.tm_sec) = (Int32(hour), Int32(minute), Int32(second))
        self.init(timeIntervalSince1970: Double(timegm(&parts)) + fraction)
    }
}
