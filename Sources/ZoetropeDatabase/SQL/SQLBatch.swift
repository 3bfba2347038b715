import Foundation
import ZoetropeCore

/// Many rows as one parameter, so that a batch of any size is one statement with one text.
///
/// The rows travel as JSON; ``source(_:)`` makes a table of them again.
struct SQLBatch: Sendable {
    struct Column: Sendable {
        let name: String
        let type: SQLDialect.ColumnType
    }

    let columns: [Column]

    /// Columns must not be blobs.
    init(_ columns: [(String, SQLDialect.ColumnType)]) {
        self.columns = columns.map { Column(name: $0.0, type: $0.1) }
    }

    var names: String { columns.map(\.name).joined(separator: ", ") }

    /// Inserts the rows, or, where the `id` is there already, changes these columns.
    func upsert(into table: String, changing: [(String, SQLDialect.ColumnType)], _ dialect: SQLDialect) -> String {
        let changes = changing.map { "\($0.0) = excluded.\($0.0)" }.joined(separator: ", ")
        return """
            INSERT INTO \(table) (\(names)) SELECT \(names) FROM \(source(dialect)) WHERE true
            ON CONFLICT (id) DO UPDATE SET \(changes)
            """
    }

    /// A table for a `FROM` clause, called `batch`, made of a parameter, `$1` if not said, in the order of the rows.
    func source(_ dialect: SQLDialect, parameter: Int = 1) -> String {
        switch dialect {
        case .sqlite:
            let values = columns.map { "json_extract(value, '$.\($0.name)') AS \($0.name)" }
            return "(SELECT \(values.joined(separator: ", ")) FROM json_each($\(parameter))) AS batch"
        case .postgres:
            let types = columns.map { "\($0.name) \(dialect.type($0.type))" }
            return "json_to_recordset(CAST($\(parameter) AS json)) AS batch(\(types.joined(separator: ", ")))"
        }
    }

    /// The parameter that holds the rows.
    ///
    /// Values that are null are left out, which reads as null again and is half of most rows. A `json` value must not be a
    /// single text or null.
    func parameter(_ rows: [[SQLValue]]) throws(DatabaseError) -> SQLValue {
        var text = "["
        for (index, row) in rows.enumerated() {
            precondition(row.count == columns.count, "a row has \(row.count) values for \(columns.count) columns")
            text += index == 0 ? "{" : ",{"
            var isFirst = true
            for (place, value) in row.enumerated() where value != .null {
                try value.check()
                if !isFirst { text += "," }
                isFirst = false
                text += "\"\(columns[place].name)\":"
                value.appendJSON(to: &text)
            }
            text += "}"
        }
        return .json(text + "]")
    }
}

extension SQLValue {
    fileprivate func appendJSON(to text: inout String) {
        switch self {
        case .null: text += "null"
        case .integer(let number): text += String(number)
        case .real(let number): text += String(number)
        case .text(let string): Self.append(string, to: &text)
        case .timestamp(let date): text += "\"\(SQLTimestamp.text(date) ?? "")\""
        case .uuid(let id): text += "\"\(id.text)\""
        case .json(let json): text += json
        case .boolean(let flag): text += flag ? "true" : "false"
        case .blob: preconditionFailure("a batch holds no blobs")
        }
    }

    private static func append(_ string: String, to text: inout String) {
        text += "\""
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\u{0}"..<" ":
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }
}
