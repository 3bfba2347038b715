/// A row of an answer.
package struct SQLRow: Sendable {
    /// The columns' names, in the order of the statement.
    package let columns: [String]
    package let values: [SQLValue]

    /// The value of a column as it came; null when there is no such column.
    subscript(column: String) -> SQLValue { columns.firstIndex(of: column).map { values[$0] } ?? .null }

    /// The value of a column.
    ///
    /// Throws ``DatabaseError`` when there is no such column, or its value is null or of another kind.
    package func get<Value: SQLConvertible>(_ column: String, as _: Value.Type = Value.self) throws(DatabaseError)
        -> Value
    {
        guard let value: Value = try find(column) else {
            throw .internal("column \"\(column)\" must not be null")
        }
        return value
    }

    /// The value of a column that may be null.
    ///
    /// Throws ``DatabaseError`` when there is no such column, or its value is of another kind.
    package func find<Value: SQLConvertible>(_ column: String, as _: Value.Type = Value.self) throws(DatabaseError)
        -> Value?
    {
        guard let index = columns.firstIndex(of: column) else {
            throw .internal("there is no column \"\(column)\"")
        }
        return try find(at: index)
    }

    /// The value of a column by its place, from 0; nil when it is null.
    package func find<Value: SQLConvertible>(at index: Int, as _: Value.Type = Value.self) throws(DatabaseError)
        -> Value?
    {
        guard values.indices.contains(index) else {
            throw .internal("there is no column \(index), only \(values.count)")
        }
        if values[index] == .null { return nil }
        guard let value = Value(sqlValue: values[index]) else {
            throw .internal("column \"\(columns[index])\" must be \(Value.self), got \(values[index].kind)")
        }
        return value
    }

    /// The value of a column by its place, from 0.
    package func get<Value: SQLConvertible>(at index: Int, as _: Value.Type = Value.self) throws(DatabaseError) -> Value
    {
        guard let value: Value = try find(at: index) else { throw .internal("column \(index) must not be null") }
        return value
    }
}

extension SQLValue {
    /// What it is, without what it holds.
    var kind: String {
        switch self {
        case .null: "null"
        case .integer: "integer"
        case .real: "real"
        case .text: "text"
        case .blob: "blob"
        case .timestamp: "timestamp"
        case .uuid: "uuid"
        case .json: "json"
        case .boolean: "boolean"
        }
    }
}
