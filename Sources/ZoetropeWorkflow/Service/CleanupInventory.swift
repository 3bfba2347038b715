import Foundation
import Logging
package import ZoetropeCore

/// What the store has beside what the database names: both are listed, in one order.
package struct CleanupInventory: Sendable, Equatable {
    package var listed = 0
    /// Listed objects that rows name.
    package var named = 0
    /// Objects without a name, the first ``most``.
    package var orphans: [ObjectKey] = []
    package var orphanCount = 0
    package var orphanByteCount: Int64 = 0
    /// Of the orphans.
    package var temporary = 0
    package var missing = 0
    package var foreign = 0

    /// Orphans that a run deletes at most.
    package static let most = 10_000
}

/// Takes the inventory, with a page of either list in memory at a time.
struct CleanupInventoryTaker {
    private let store: any CleanupStore
    private let environment: WorkerEnvironment
    /// Younger objects may be waiting for the row that names them.
    private let youngest: Date
    private let page: Int
    /// Called at each page; throws when the work must stop.
    private let goOn: () async throws -> Void
    private(set) var inventory = CleanupInventory()

    init(
        _ environment: WorkerEnvironment,
        store: any CleanupStore,
        now: Date,
        page: Int,
        goOn: @escaping () async throws -> Void
    ) {
        self.environment = environment
        self.store = store
        youngest = now + (.zero - CleanupGuard.orphanAge)
        self.page = page
        self.goOn = goOn
    }

    mutating func take() async throws {
        for shelf in ObjectShelf.allCases { try await compare(shelf) }
        try await lookAtTemporary()
    }

    // MARK: Shelves

    /// Goes along both lists at once; what is on one only is suspect.
    private mutating func compare(_ shelf: ObjectShelf) async throws {
        var stored = StoredList()
        var named = NamedList()
        var nameless: [StoredObject] = []
        var absent: [ObjectKey] = []
        while true {
            if stored.needsPage {
                try await goOn()
                stored.take(
                    try await environment.objects.list(prefix: shelf.prefix, after: stored.last, limit: page),
                    page
                )
                inventory.listed += stored.count
            }
            if named.needsPage { named.take(try await store.named(on: shelf, after: named.next, limit: page)) }
            // A page of rows may name nothing.
            if named.needsPage { continue }
            switch (stored.first, named.first) {
            case (nil, nil):
                try await judge(&nameless)
                try await look(for: &absent)
                return
            case (let object?, let name?) where object.key == name.key:
                inventory.named += 1
                stored.removeFirst()
                named.removeFirst()
            case (let object?, let name) where name.map({ object.key.precedes($0.key) }) ?? true:
                nameless.append(object)
                stored.removeFirst()
                if nameless.count >= page { try await judge(&nameless) }
            case (_, let name):
                if let name, name.mustExist { absent.append(name.key) }
                named.removeFirst()
                if absent.count >= page { try await look(for: &absent) }
            }
        }
    }

    /// Temporary objects belong to runs, and there are few.
    private mutating func lookAtTemporary() async throws {
        var stored = StoredList()
        repeat {
            try await goOn()
            let objects = try await environment.objects.list(
                prefix: ObjectKey.temporaryPrefix,
                after: stored.last,
                limit: page
            )
            stored.take(objects, page)
            inventory.listed += objects.count
            var nameless = objects
            let before = inventory.orphanCount
            try await judge(&nameless)
            inventory.temporary += inventory.orphanCount - before
        } while !stored.isLast
    }

    // MARK: Suspects

    /// Asks the database of objects that no row was seen to name.
    private mutating func judge(_ suspects: inout [StoredObject]) async throws {
        let old = suspects.filter { $0.modifiedAt <= youngest }
        suspects = []
        guard !old.isEmpty else { return }
        let standings = try await store.standing(of: old.map(\.key))
        for object in old {
            switch standings[object.key] {
            case .unnamed:
                inventory.orphanCount += 1
                inventory.orphanByteCount += object.byteCount
                if inventory.orphans.count < CleanupInventory.most { inventory.orphans.append(object.key) }
            case .foreign: inventory.foreign += 1
            case .required, .allowed: inventory.named += 1
            case .going, nil: break
            }
        }
    }

    /// Looks for objects that were not in the list: they may have come since, or their row may have gone.
    private mutating func look(for absent: inout [ObjectKey]) async throws {
        var missing: [ObjectKey] = []
        for key in absent {
            // With the wrong bucket all are missing; to know that, some are enough.
            if inventory.missing < Self.mostLookedFor, try await environment.objects.open(key) != nil { continue }
            missing.append(key)
        }
        absent = []
        guard !missing.isEmpty else { return }
        let standings = try await store.standing(of: missing)
        for key in missing where standings[key] == .required {
            inventory.missing += 1
            if inventory.missing <= Self.mostNamed {
                environment.logger.error(
                    "an object is missing that callers are told of",
                    metadata: Logger.Metadata([.detail: "\(key)"])
                )
            }
        }
    }

    /// Missing objects that are looked for one by one.
    private static let mostLookedFor = 1_000
    /// Missing objects that are named in the log.
    private static let mostNamed = 100
}

/// The store's list of a prefix, a page at a time.
private struct StoredList {
    private var page: ArraySlice<StoredObject> = []
    private(set) var last: ObjectKey?
    private(set) var isLast = false
    private(set) var count = 0

    var needsPage: Bool { page.isEmpty && !isLast }
    var first: StoredObject? { page.first }

    mutating func removeFirst() { page.removeFirst() }

    mutating func take(_ objects: [StoredObject], _ limit: Int) {
        page = objects[...]
        count = objects.count
        last = objects.last?.key ?? last
        isLast = objects.count < limit
    }
}

/// The database's list of a shelf, a page at a time.
private struct NamedList {
    private var page: ArraySlice<NamedPage.Object> = []
    private(set) var next: ShelfPlace?
    private var isLast = false

    var needsPage: Bool { page.isEmpty && !isLast }
    var first: NamedPage.Object? { page.first }

    mutating func removeFirst() { page.removeFirst() }

    mutating func take(_ named: NamedPage) {
        page = named.objects[...]
        next = named.next
        isLast = named.next == nil
    }
}
