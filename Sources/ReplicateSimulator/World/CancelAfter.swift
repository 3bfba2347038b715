/// The `Cancel-After` header.
package enum CancelAfter {
    /// Reads `90`, `20m`, `1h30m45s` into seconds; nil for nonsense.
    ///
    /// Units come in the order h, m, s, each at most once; a bare number is seconds.
    package static func seconds(_ text: String) -> Int? {
        var rest = text.filter { $0 != " " }[...]
        guard !rest.isEmpty, rest.utf8.count <= 20 else { return nil }
        if let bare = Int(rest), rest.utf8.allSatisfy({ $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") }) {
            return bare
        }
        var total = 0
        for (unit, factor) in [("h", 3600), ("m", 60), ("s", 1)] as [(Character, Int)] {
            guard let end = rest.firstIndex(of: unit) else { continue }
            let digits = rest[..<end]
            guard !digits.isEmpty, digits.allSatisfy({ $0.isASCII && $0.isNumber }), let count = Int(digits),
                count <= 1_000_000
            else { return nil }
            total += count * factor
            rest = rest[rest.index(after: end)...]
        }
        return rest.isEmpty ? total : nil
    }

    /// The shortest life that the service takes.
    package static let minimum = 5
}
