package import FoundationEssentials

/// The id of something that is stored: a UUID, written in lower case everywhere.
package protocol StoredID: Sendable, Hashable, Comparable, CustomStringConvertible {
    var uuid: UUID { get }

    init(_ uuid: UUID)
}

extension StoredID {
    /// Reads an id as this service writes it.
    ///
    /// Nil for anything else, also for a UUID in upper case: two spellings of one id would be two idempotency keys.
    package init?(_ text: String) {
        guard let uuid = UUID(text: text) else { return nil }
        self.init(uuid)
        guard description == text else { return nil }
    }

    /// 36 lower-case characters.
    package var description: String { uuid.text }

    package static func < (left: Self, right: Self) -> Bool { left.uuid < right.uuid }
}
