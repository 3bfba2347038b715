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

    /// Deletes many objects, as many with one call as the store can; those that are not there count as deleted.
    ///
    /// Returns what is wrong with each that could not be deleted. Throws when nothing is known of any.
    func delete(_ keys: [ObjectKey]) async throws(StorageError) -> [ObjectKey: StorageError]

    /// A page of what is stored: at most `limit` objects whose keys begin with a prefix, behind `after`, in the order of
    /// their keys' bytes.
    ///
    /// Fewer than `limit` only at the end. What has a name that is no key is left out.
    func list(prefix: String, after: ObjectKey?, limit: Int) async throws(StorageError) -> [StoredObject]

    /// Removes what puts that were begun before a time have left half stored; returns how many.
    func removeUnfinished(before: Date) async throws(StorageError) -> Int
}

extension ObjectStore {
    /// One after the other, for stores that know nothing better.
    package func delete(_ keys: [ObjectKey]) async throws(StorageError) -> [ObjectKey: StorageError] {
        var failures: [ObjectKey: StorageError] = [:]
        for key in keys {
            do throws(StorageError) {
                try await delete(key)
            } catch {
                failures[key] = error
            }
        }
        return failures
    }

    /// All keys that begin with a prefix, in order, for tests and small audits.
    package func keys(withPrefix prefix: String) async throws(StorageError) -> [ObjectKey] {
        var keys: [ObjectKey] = []
        var page: [StoredObject]
        repeat {
            page = try await list(prefix: prefix, after: keys.last, limit: 1_000)
            keys += page.map(\.key)
        } while page.count == 1_000
        return keys
    }
}

/// An object in a list.
package struct StoredObject: Sendable, Equatable {
    package let key: ObjectKey
    package let byteCount: Int64
    /// By the store's clock.
    package let modifiedAt: Date

    package init(key: ObjectKey, byteCount: Int64, modifiedAt: Date) {
        self.key = key
        self.byteCount = byteCount
        self.modifiedAt = modifiedAt
    }
}

extension ObjectKey {
    /// Whether this key stands before another in lists: by bytes, as S3 orders them.
    package func precedes(_ other: ObjectKey) -> Bool {
        description.utf8.lexicographicallyPrecedes(other.description.utf8)
    }
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

/// An object that is being read.
///
/// When it is deleted or replaced meanwhile, what is not read yet comes all the same or is `missing`, as the store can; never
/// another object's bytes.
package protocol ObjectReader: Sendable {
    var byteCount: Int64 { get }
    /// Changes whenever the bytes do; without quotes.
    var entityTag: String { get }
    var contentType: String { get }
    var modifiedAt: Date { get }

    /// The bytes from `offset` on, at most `count`; fewer only at the end, none beyond it.
    func bytes(at offset: Int64, count: Int) async throws(StorageError) -> [UInt8]
}
