/// The part of an object that a request wants, by RFC 9110, section 14.
package enum ByteRange: Sendable, Equatable {
    case whole
    /// Not empty.
    case part(Range<Int64>)
    /// It begins behind the end.
    case unsatisfiable

    /// Reads a `Range` header.
    ///
    /// Several ranges, other units and what is malformed ask for the whole, as the RFC allows and demands.
    package init(_ field: String?, of byteCount: Int64) {
        self = .whole
        guard let field, let equals = field.firstIndex(of: "="),
            field[..<equals].lowercased() == "bytes"
        else { return }
        let ends = field[equals...].dropFirst().split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2 else { return }
        switch (Self.number(ends[0]), Self.number(ends[1])) {
        case (let first?, let last?) where first <= last:
            self = Self.from(first, through: last, of: byteCount)
        case (let first?, nil) where ends[1].isEmpty:
            self = Self.from(first, through: .max, of: byteCount)
        case (nil, let suffix?) where ends[0].isEmpty:
            if suffix == 0 {
                self = .unsatisfiable
            } else if byteCount > 0 {
                self = .part(max(0, byteCount - suffix)..<byteCount)
            }
        default: break
        }
    }

    private static func from(_ first: Int64, through last: Int64, of byteCount: Int64) -> ByteRange {
        first < byteCount ? .part(first..<min(last, byteCount - 1) + 1) : .unsatisfiable
    }

    /// Digits of any number; those beyond what an object can have are as good as the greatest.
    private static func number(_ text: Substring) -> Int64? {
        guard !text.isEmpty, text.utf8.allSatisfy((UInt8(ascii: "0")...UInt8(ascii: "9")).contains)
        else { return nil }
        return Int64(text) ?? .max
    }
}
