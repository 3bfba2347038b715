import CLibPQ
import Foundation
import ZoetropeCore

/// The answer to a statement, valid until it is cleared.
struct PostgresResult {
    private let result: OpaquePointer

    init(_ result: OpaquePointer) { self.result = result }

    /// Rows that were inserted, changed or deleted; 0 for other statements.
    var changes: Int { Int(String(cString: PQcmdTuples(result))) ?? 0 }

    func rows() throws(DatabaseError) -> [SQLRow] {
        let width = PQnfields(result)
        let columns = (0..<width).map { String(cString: PQfname(result, $0)) }
        let types = (0..<width).map { PQftype(result, $0) }
        var rows: [SQLRow] = []
        rows.reserveCapacity(Int(PQntuples(result)))
        for row in 0..<PQntuples(result) {
            var values: [SQLValue] = []
            values.reserveCapacity(Int(width))
            for column in 0..<width {
                guard let value = value(row, column, types[Int(column)]) else {
                    throw .internal("column \"\(columns[Int(column)])\" holds a value that has no place here")
                }
                values.append(value)
            }
            rows.append(SQLRow(columns: columns, values: values))
        }
        return rows
    }

    /// Nil when the value is out of our range, such as an infinite time.
    private func value(_ row: Int32, _ column: Int32, _ type: Oid) -> SQLValue? {
        if PQgetisnull(result, row, column) == 1 { return .null }
        guard let start = PQgetvalue(result, row, column) else { return .null }
        let bytes = UnsafeRawBufferPointer(start: start, count: Int(PQgetlength(result, row, column)))
        if type == 2950 { return UUID(text: bytes).map(SQLValue.uuid) }
        let text = String(decoding: bytes, as: UTF8.self)
        // The numbers are those of pg_type, which never change.
        return switch type {
        case 16: .boolean(text == "t")
        case 17: Self.bytes(hexadecimal: bytes).map(SQLValue.blob)
        case 20, 21, 23, 26: Int64(text).map(SQLValue.integer)
        case 700, 701: Double(text).flatMap { $0.isFinite ? .real($0) : nil }
        // A sum of bigint is numeric.
        case 1700: Int64(text).map(SQLValue.integer) ?? Double(text).flatMap { $0.isFinite ? .real($0) : nil }
        case 1184: SQLTimestamp.date(text).map(SQLValue.timestamp)
        case 114, 3802: .json(text)
        // The answer of a function that returns nothing.
        case 2278: .null
        default: .text(text)
        }
    }

    /// Reads `\x00ff`.
    private static func bytes(hexadecimal text: UnsafeRawBufferPointer) -> [UInt8]? {
        guard text.starts(with: [UInt8(ascii: "\\"), UInt8(ascii: "x")]), text.count.isMultiple(of: 2) else {
            return nil
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 2)
        var index = 2
        while index < text.count {
            guard let high = digit(text[index]), let low = digit(text[index + 1]) else { return nil }
            bytes.append(high << 4 | low)
            index += 2
        }
        return bytes
    }

    private static func digit(_ character: UInt8) -> UInt8? {
        switch character {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): character - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}

extension SQLValue {
    /// As libpq's text parameter; the server takes the type from the parameter's place.
    var postgresText: String? {
        switch self {
        case .null: nil
        case .integer(let number): String(number)
        case .real(let number): String(number)
        case .text(let text), .json(let text): text
        case .blob(let bytes): Self.hexadecimal(bytes)
        case .timestamp(let date): SQLTimestamp.text(date)
        case .uuid(let id): id.text
        case .boolean(let flag): flag ? "true" : "false"
        }
    }

    private static func hexadecimal(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        var text = Array("\\x".utf8)
        text.reserveCapacity(2 + bytes.count * 2)
        for byte in bytes {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }
}
