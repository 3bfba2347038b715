internal import GRDB

/// Finds the name of a unique index that was violated, for which SQLite names only the columns.
enum SQLiteUniqueIndex {
    /// The name of the index; as PostgreSQL would name it, `table_column_key`, when `UNIQUE` stands in `CREATE TABLE`.
    static func name(_ error: GRDB.DatabaseError, _ database: Database) -> String? {
        let columns = subject(of: error).split(separator: ", ").map { $0.split(separator: ".") }
        guard let table = columns.first?.first.map(String.init), columns.allSatisfy({ $0.count == 2 }) else {
            return nil
        }
        let names = columns.map { String($0[1]) }
        let indexes = try? Row.fetchAll(
            database,
            sql: "SELECT name, origin FROM pragma_index_list(?) WHERE \"unique\" ORDER BY origin, name",
            arguments: [table]
        )
        for index in indexes ?? [] {
            let name: String = index["name"]
            let indexed = try? String.fetchAll(
                database,
                sql: "SELECT coalesce(name, '') FROM pragma_index_info(?) ORDER BY seqno",
                arguments: [name]
            )
            if indexed == names {
                return index["origin"] == "c" ? name : "\(table)_\(names.joined(separator: "_"))_key"
            }
        }
        return nil
    }

    /// What follows the colon in SQLite's message.
    static func subject(of error: GRDB.DatabaseError) -> String {
        let text = error.message ?? ""
        guard let colon = text.firstRange(of: ": ") else { return text }
        return String(text[colon.upperBound...])
    }
}
