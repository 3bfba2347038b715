import Foundation
import ZoetropeCore
import ZoetropeWorkflow

// Types of ours that are one value in a column.

extension StoredID {
    package var sqlValue: SQLValue { .uuid(uuid) }
    package init?(sqlValue: SQLValue) {
        guard let id = UUID(sqlValue: sqlValue) else { return nil }
        self.init(id)
    }
}

extension JobID: SQLConvertible {}
extension RestoreID: SQLConvertible {}
extension AnimationID: SQLConvertible {}

extension ObjectKey: SQLConvertible {
    package var sqlValue: SQLValue { .text(description) }
    package init?(sqlValue: SQLValue) {
        guard let text = String(sqlValue: sqlValue) else { return nil }
        self.init(text)
    }
}

extension MicroUSD: SQLConvertible {
    package var sqlValue: SQLValue { .integer(microDollars) }
    package init?(sqlValue: SQLValue) {
        guard let amount = Int64(sqlValue: sqlValue) else { return nil }
        self.init(amount)
    }
}

extension ImageOrientation: SQLConvertible {
    package var sqlValue: SQLValue { .integer(Int64(rawValue)) }
    package init?(sqlValue: SQLValue) {
        guard let number = Int(sqlValue: sqlValue) else { return nil }
        self.init(rawValue: number)
    }
}

extension SQLConvertible where Self: RawRepresentable, RawValue == String {
    package var sqlValue: SQLValue { .text(rawValue) }
    package init?(sqlValue: SQLValue) {
        guard let text = String(sqlValue: sqlValue) else { return nil }
        self.init(rawValue: text)
    }
}

extension JobKind: SQLConvertible {}
extension FailurePolicy: SQLConvertible {}
extension FailureCode: SQLConvertible {}
extension RunState: SQLConvertible {}
extension RunOutcome: SQLConvertible {}
extension IntentState: SQLConvertible {}
extension UndoState: SQLConvertible {}
extension LedgerEntry.Kind: SQLConvertible {}
extension VideoModel.Provider: SQLConvertible {}
