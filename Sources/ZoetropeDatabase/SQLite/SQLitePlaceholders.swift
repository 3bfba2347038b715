import Synchronization

/// Turns `$1` into SQLite's `?1`, because SQLite numbers `$1` by its first place in the text.
enum SQLitePlaceholders {
    /// Statements whose text is remembered; more than a program has.
    private static let limit = 1_024
    private static let known = Mutex<[String: String]>([:])

    static func rewritten(_ sql: String) -> String {
        if let text = known.withLock({ $0[sql] }) { return text }
        let text = rewrite(sql)
        known.withLock {
            if $0.count >= limit { $0.removeAll() }
            $0[sql] = text
        }
        return text
    }

    /// Leaves quoted texts and names alone; our SQL has no comments.
    private static func rewrite(_ sql: String) -> String {
        let bytes = Array(sql.utf8)
        var result = bytes
        var quote: UInt8?
        for (index, byte) in bytes.enumerated() {
            if let open = quote {
                if byte == open { quote = nil }
            } else if byte == UInt8(ascii: "'") || byte == UInt8(ascii: "\"") {
                quote = byte
            } else if byte == UInt8(ascii: "$"), index + 1 < bytes.count,
                (UInt8(ascii: "1")...UInt8(ascii: "9")).contains(bytes[index + 1])
            {
                result[index] = UInt8(ascii: "?")
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}
