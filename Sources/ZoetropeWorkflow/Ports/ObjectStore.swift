package import Foundation
package import ZoetropeCore

/// Where files live: a local folder or a bucket.
package protocol ObjectStore: Sendable {
    /// Stores a file under a key that has none yet; the object is visible whole or not at all.
    ///
    /// - Returns: What is at the key now. ``PutOutcome/exists(_:)`` when there was something already, which stays untouched.
    func put(_ file: String, at key: ObjectKey, contentType: String) async throws(StorageError) -> PutOutcome

    /// Size and hash of an object; nil when there is none.
    func facts(of key: ObjectKey) async throws(StorageError) -> ObjectFacts?

    /// Copies an object to a new file and checks size and hash on the way.
    ///
    /// Throws ``StorageError`` with `missing` when there is none.
    func get(_ key: ObjectKey, to file: String) async throws(StorageError) -> ObjectFacts

    /// Opens an object to read parts of it; nil when there is none.
    func open(_ key: ObjectKey) async throws(StorageError) -> (any ObjectReader)?

    /// Deletes an object; one that is not there counts as deleted.
    func delete(_ key: ObjectKey) async throws(StorageError)

    /// Keys that begin with a prefix, in order, for audits.
    func keys(withPrefix prefix: String) async throws(StorageError) -> [ObjectKey]
}

package enum PutOutcome: Sendable, Equatable {
    case stored(ObjectFacts)
    case exists(ObjectFacts)

    package var facts: ObjectFacts {
        switch self {
        case .stored(let facts), .exists(let facts): facts
        }
    }
}

package struct ObjectFacts: Sendable, Equatable {
    package let byteCount: Int64
    /// 64 hexadecimal digits.
    package let sha256: String
    package let contentType: String

    package init(byteCount: Int64, sha256: String, contentType: String) {
        self.byteCount = byteCount
        self.sha256 = sha256
        self.contentType = contentType
    }
}

/// An object store that did not do what it should.
package struct StorageError: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Code: String, Sendable, CaseIterable {
        /// Not reached, or out of order; later.
        case unavailable
        /// No space left; later.
        case full
        case missing
        /// The object is not what was stored.
        case corrupt
        /// We may not.
        case denied
    }

    package let code: Code
    /// For operators; no secrets.
    package let detail: String

    package init(_ code: Code, _ detail: String) {
        self.code = code
        self.detail = detail.asDetail
    }

    package var description: String { "\(code.rawValue): \(detail)" }
}

/// An object that is being read; it stays whole although it is deleted meanwhile.
package protocol ObjectReader: Sendable {
    var byteCount: Int64 { get }
    /// Changes whenever the bytes do; without quotes.
    var entityTag: String { get }
    var contentType: String { get }
    var modifiedAt: Date { get }

    /// The bytes from `offset` on, at most `count`; fewer only at the end, none beyond it.
    func bytes(at offset: Int64, count: Int) async throws(StorageError) -> [UInt8]
}
