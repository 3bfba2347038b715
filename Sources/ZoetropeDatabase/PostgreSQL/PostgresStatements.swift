/// The names of a connection's prepared statements by their text, at most 256; the one used longest ago goes first.
struct PostgresStatements {
    private static let limit = 256
    private var entries: [String: Entry] = [:]
    private var uses = 0
    private var made = 0

    private struct Entry {
        let name: String
        var lastUse: Int
    }

    /// The name of the next statement to be added.
    var nextName: String { "s\(made + 1)" }

    mutating func find(_ sql: String) -> String? {
        uses += 1
        guard let index = entries.index(forKey: sql) else { return nil }
        entries.values[index].lastUse = uses
        return entries.values[index].name
    }

    mutating func add(_ sql: String) {
        entries[sql] = Entry(name: nextName, lastUse: uses)
        made += 1
    }

    /// Makes room for one more; returns the name of the statement that had to go.
    mutating func evict() -> String? {
        guard entries.count >= Self.limit, let oldest = entries.min(by: { $0.value.lastUse < $1.value.lastUse }) else {
            return nil
        }
        entries.removeValue(forKey: oldest.key)
        return oldest.value.name
    }
}
