package import Foundation
import ZoetropeCore

/// A value that is bound to a statement or comes back in a row.
///
/// On SQLite, timestamps, identifiers and JSON come back as `text` and truth values as `integer`; ``SQLRow`` hides that.
package enum SQLValue: Sendable, Hashable {
    case null
    case integer(Int64)
    /// Finite.
    case real(Double)
    /// Without NUL.
    case text(String)
    case blob([UInt8])
    /// Rounded to milliseconds; from the year 1 to the year 9999.
    case timestamp(Date)
    case uuid(UUID)
    /// A JSON text, not looked at; without NUL.
    case json(String)
    case boolean(Bool)
}

/// A type of ours that a column can hold.
package protocol SQLConvertible: Sendable {
    var sqlValue: SQLValue { get }
    /// Nil when the value is of another kind or not in range.
    init?(sqlValue: SQLValue)
}

extension SQLValue {
    /// A value, or `null` for nil.
    package init(_ value: (some SQLConvertible)?) {
        self = value?.sqlValue ?? .null
    }

    /// What both drivers refuse to bind.
    func check() throws(DatabaseError) {
        switch self {
        case .text(let text), .json(let text):
            if text.utf8.contains(0) { throw .internal("a text must not contain NUL") }
        case .real(let number):
            if !number.isFinite { throw .internal("a number must be finite, got \(number)") }
        case .timestamp(let date):
            guard SQLTimestamp.milliseconds(of: date) != nil else {
                throw .internal("a timestamp must be in the years 1 to 9999")
            }
        case .null, .integer, .blob, .uuid, .boolean: break
        }
    }
}

extension String: SQLConvertible {
    package var sqlValue: SQLValue { .text(self) }
    package init?(sqlValue: SQLValue) {
        switch sqlValue {
        case .text(let text), .json(let text): self = text
        default: return nil
        }
    }
}

extension Int64: SQLConvertible {
    package var sqlValue: SQLValue { .integer(self) }
    package init?(sqlValue: SQLValue) {
        guard case .integer(let number) = sqlValue else { return nil }
        self = number
    }
}

extension Int: SQLConvertible {
    package var sqlValue: SQLValue { .integer(Int64(self)) }
    package init?(sqlValue: SQLValue) {
        guard case .integer(let number) = sqlValue else { return nil }
        self.init(exactly: number)
    }
}

extension Double: SQLConvertible {
    package var sqlValue: SQLValue { .real(self) }
    package init?(sqlValue: SQLValue) {
        switch sqlValue {
        case .real(let number): self = number
        case .integer(let number): self.init(exactly: number)
        default: return nil
        }
    }
}

extension Bool: SQLConvertible {
    package var sqlValue: SQLValue { .boolean(self) }
    package init?(sqlValue: SQLValue) {
        switch sqlValue {
        case .boolean(let flag): self = flag
        case .integer(0): self = false
        case .integer(1): self = true
        default: return nil
        }
    }
}

extension Date: SQLConvertible {
    package var sqlValue: SQLValue { .timestamp(self) }
    package init?(sqlValue: SQLValue) {
        switch sqlValue {
        case .timestamp(let date): self = date
        case .text(let text):
            guard let date = SQLTimestamp.date(text) else { return nil }
            self = date
        default: return nil
        }
    }
}

extension UUID: SQLConvertible {
    package var sqlValue: SQLValue { .uuid(self) }
    package init?(sqlValue: SQLValue) {
        switch sqlValue {
        case .uuid(let id): self = id
        case .text(let text): self.init(text: text)
        default: return nil
        }
    }
}

extension [UInt8]: SQLConvertible {
    package var sqlValue: SQLValue { .blob(self) }
    package init?(sqlValue: SQLValue) {
        guard case .blob(let bytes) = sqlValue else { return nil }
        self = bytes
    }
}
