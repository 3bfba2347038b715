import Foundation
import ZoetropeCore
import ZoetropeWorkflow

/// What lies in the object store, whoever put it there.
final class ObjectLedger: @unchecked Sendable {
    // Only the thread of the simulation's executor touches what is in here.
    struct Stored {
        let content: UInt64
        let facts: ObjectFacts
        let putBy: SimulatedProcess
        /// It came after whoever put it had given it up.
        let isLate: Bool
    }

    private(set) var objects: [ObjectKey: Stored] = [:]

    static func facts(_ content: UInt64, _ contentType: String) -> ObjectFacts {
        let half = String(content, radix: 16)
        let digits = String(repeating: "0", count: 16 - half.count) + half
        return ObjectFacts(
            byteCount: Int64(content % 1_000_000) + 1,
            sha256: digits + digits + digits + digits,
            contentType: contentType
        )
    }

    func put(
        _ content: UInt64,
        at key: ObjectKey,
        contentType: String,
        by process: SimulatedProcess,
        isLate: Bool = false
    ) -> ObjectFacts {
        let facts = Self.facts(content, contentType)
        objects[key] = Stored(content: content, facts: facts, putBy: process, isLate: isLate)
        return facts
    }

    func delete(_ key: ObjectKey) { objects[key] = nil }

    var keys: [ObjectKey] {
        objects.keys.sorted { $0.description < $1.description }
    }
}

/// The object store as one process sees it.
struct SimulatedObjectStore: ObjectStore {
    let world: World
    let process: SimulatedProcess

    private func enter(_ site: CallSite) async throws(StorageError) -> World.Verdict {
        let verdict = await world.enter(site, process, isBroken: true)
        if verdict == .failsBefore {
            if site == .put { world.cover(.putFails) }
            if site == .delete { world.cover(.undoDeleteFails) }
            let isFull = site == .put && world.dice.chance(0.2)
            throw StorageError(isFull ? .full : .unavailable, "simulated")
        }
        return verdict
    }

    private func leave(_ site: CallSite, _ verdict: World.Verdict) async throws(StorageError) {
        await world.leave(site, process)
        if verdict == .losesAnswer || world.isOver {
            throw StorageError(.unavailable, "simulated: the answer was lost")
        }
    }

    func put(_ file: String, at key: ObjectKey, contentType: String) async throws(StorageError) -> PutOutcome {
        let verdict = try await enter(.put)
        guard let content = world.files.read(file) else { throw StorageError(.unavailable, "no file at \(file)") }
        let isSource = key.description.hasPrefix("uploads/") || key.description.hasPrefix("restores/")
        if verdict != .passes { world.cover(isSource ? .sourceLost : verdict == .landsLate ? .putLate : .putLost) }
        if verdict == .landsLate {
            let wait = Int64.seconds(world.dice.skewed(1...4_000))
            world.time.at(world.time.nanoseconds + wait) { [self] in
                guard !world.isOver else { return }
                _ = land(content, at: key, contentType, isLate: true)
            }
            throw StorageError(.unavailable, "simulated: no answer")
        }
        let outcome: PutOutcome
        if world.mutant == .pretendsPut, world.dice.chance(0.3) {
            outcome = .stored(ObjectLedger.facts(content, contentType))
        } else if world.mutant == .publishesFirst, !isSource {
            outcome = .stored(ObjectLedger.facts(content, contentType))
            world.time.at(world.time.nanoseconds + .seconds(20)) { [self] in
                if !world.isOver { _ = land(content, at: key, contentType, isLate: false) }
            }
        } else {
            outcome = land(content, at: key, contentType, isLate: false)
        }
        try await leave(.put, verdict)
        return outcome
    }

    private func land(_ content: UInt64, at key: ObjectKey, _ contentType: String, isLate: Bool) -> PutOutcome {
        let outcome: PutOutcome
        if let there = world.objects.objects[key], world.mutant != .overwrites {
            world.cover(.putThere)
            outcome = .exists(there.facts)
        } else {
            outcome = .stored(
                world.objects.put(content, at: key, contentType: contentType, by: process, isLate: isLate)
            )
        }
        world.note(1_400, "  put \(key): \(outcome.facts.sha256.prefix(6))")
        world.judge.objectsChanged(key)
        return outcome
    }

    func facts(of key: ObjectKey) async throws(StorageError) -> ObjectFacts? {
        let verdict = try await enter(.get)
        let facts = world.objects.objects[key]?.facts
        try await leave(.get, verdict)
        return facts
    }

    func get(_ key: ObjectKey, to file: String) async throws(StorageError) -> ObjectFacts {
        let verdict = try await enter(.get)
        guard let stored = world.objects.objects[key] else { throw StorageError(.missing, "no object at \(key)") }
        world.files.write(stored.content, to: file)
        try await leave(.get, verdict)
        return stored.facts
    }

    func open(_ key: ObjectKey) async throws(StorageError) -> (any ObjectReader)? {
        let verdict = try await enter(.get)
        let stored = world.objects.objects[key]
        try await leave(.get, verdict)
        return stored.map(SimulatedObjectReader.init)
    }

    func delete(_ key: ObjectKey) async throws(StorageError) {
        let verdict = try await enter(.delete)
        world.note(1_401, "  delete \(key)")
        if world.mutant != .forgetsUndo { world.objects.delete(key) }
        world.judge.objectsChanged(key)
        try await leave(.delete, verdict)
    }

    func list(prefix: String, after: ObjectKey?, limit: Int) async throws(StorageError) -> [StoredObject] {
        let verdict = try await enter(.get)
        let found = world.objects.objects
            .filter { key, _ in key.description.hasPrefix(prefix) && after?.precedes(key) ?? true }
            .map { StoredObject(key: $0, byteCount: $1.facts.byteCount, modifiedAt: Date(timeIntervalSince1970: 0)) }
        try await leave(.get, verdict)
        return Array(found.sorted { $0.key.precedes($1.key) }.prefix(limit))
    }

    func removeUnfinished(before: Date) async throws(StorageError) -> Int { 0 }
}

/// Bytes that repeat an object's content, which is one number.
private struct SimulatedObjectReader: ObjectReader {
    let stored: ObjectLedger.Stored

    var byteCount: Int64 { stored.facts.byteCount }
    var entityTag: String { stored.facts.sha256 }
    var contentType: String { stored.facts.contentType }
    var modifiedAt: Date { Date(timeIntervalSince1970: 0) }

    func bytes(at offset: Int64, count: Int) async throws(StorageError) -> [UInt8] {
        (offset..<max(offset, min(byteCount, offset + Int64(count))))
            .map { position in
                UInt8(truncatingIfNeeded: stored.content >> (position % 8 * 8))
            }
    }
}
