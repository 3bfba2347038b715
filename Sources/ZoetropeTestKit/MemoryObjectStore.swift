import Crypto
package import Foundation
import Synchronization
package import ZoetropeCore
package import ZoetropeWorkflow

/// An object store in memory, with a record of what changed it.
package final class MemoryObjectStore: ObjectStore {
    /// A put that stored something, or a delete that removed something.
    package enum Change: Sendable, Equatable {
        case put(ObjectKey, ObjectFacts)
        case delete(ObjectKey)
    }

    private struct State {
        var objects: [ObjectKey: (facts: ObjectFacts, bytes: Data, storedAt: Date)] = [:]
        var changes: [Change] = []
    }

    private let state = Mutex(State())
    private let readFile: @Sendable (String) throws -> Data
    private let writeFile: @Sendable (String, Data) throws -> Void
    private let now: @Sendable () -> Date

    /// Makes an empty store over the real file system, or over one that a simulation brings.
    ///
    /// - Parameters:
    ///   - readFile: The bytes of the file at a path.
    ///   - writeFile: Makes a new file; throws when there is one already.
    ///   - now: What is told as the time at which an object was stored.
    package init(
        readFile: @escaping @Sendable (String) throws -> Data = { try Data(contentsOf: URL(filePath: $0)) },
        writeFile: @escaping @Sendable (String, Data) throws -> Void = {
            try $1.write(to: URL(filePath: $0), options: .withoutOverwriting)
        },
        now: @escaping @Sendable () -> Date = { Date() }
    ) {
        self.readFile = readFile
        self.writeFile = writeFile
        self.now = now
    }

    /// In the order in which they happened.
    package var changes: [Change] { state.withLock { $0.changes } }

    /// What there is now.
    package var objects: [ObjectKey: ObjectFacts] { state.withLock { $0.objects.mapValues(\.facts) } }

    package func put(_ file: String, at key: ObjectKey, contentType: String) async throws(StorageError) -> PutOutcome {
        let bytes = try attempt("put \(key)") { try readFile(file) }
        let hash = SHA256.hash(data: bytes).map { String(format: "%02x", $0) }.joined()
        let facts = ObjectFacts(byteCount: Int64(bytes.count), sha256: hash, contentType: contentType)
        let storedAt = now()
        return state.withLock { state in
            if let existing = state.objects[key] { return .exists(existing.facts) }
            state.objects[key] = (facts, bytes, storedAt)
            state.changes.append(.put(key, facts))
            return .stored(facts)
        }
    }

    package func facts(of key: ObjectKey) async throws(StorageError) -> ObjectFacts? {
        state.withLock { $0.objects[key]?.facts }
    }

    package func get(_ key: ObjectKey, to file: String) async throws(StorageError) -> ObjectFacts {
        guard let (facts, bytes, _) = state.withLock({ $0.objects[key] }) else {
            throw StorageError(.missing, "get \(key): there is no such object")
        }
        try attempt("get \(key)") { try writeFile(file, bytes) }
        return facts
    }

    package func open(_ key: ObjectKey) async throws(StorageError) -> (any ObjectReader)? {
        state.withLock { $0.objects[key] }
            .map { MemoryObjectReader(facts: $0.facts, content: $0.bytes, modifiedAt: $0.storedAt) }
    }

    package func delete(_ key: ObjectKey) async throws(StorageError) {
        state.withLock { state in
            if state.objects.removeValue(forKey: key) != nil { state.changes.append(.delete(key)) }
        }
    }

    package func list(prefix: String, after: ObjectKey?, limit: Int) async throws(StorageError) -> [StoredObject] {
        let found = state.withLock { state in
            state.objects
                .filter { key, _ in key.description.utf8.starts(with: prefix.utf8) && after?.precedes(key) ?? true }
                .map { StoredObject(key: $0, byteCount: $1.facts.byteCount, modifiedAt: $1.storedAt) }
        }
        return Array(found.sorted { $0.key.precedes($1.key) }.prefix(limit))
    }

    package func removeUnfinished(before: Date) async throws(StorageError) -> Int { 0 }

    private func attempt<Value>(_ what: String, _ body: () throws -> Value) throws(StorageError) -> Value {
        do {
            return try body()
        } catch let error as StorageError {
            throw error
        } catch {
            throw StorageError(.unavailable, "\(what): \(error)")
        }
    }
}

private struct MemoryObjectReader: ObjectReader {
    let facts: ObjectFacts
    let content: Data
    let modifiedAt: Date

    var byteCount: Int64 { facts.byteCount }
    var entityTag: String { facts.sha256 }
    var contentType: String { facts.contentType }

    func bytes(at offset: Int64, count: Int) async throws(StorageError) -> [UInt8] {
        Array(content.dropFirst(Int(offset)).prefix(count))
    }
}
