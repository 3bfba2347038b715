import Foundation
import Logging
import Testing
import ZoetropeDatabase
import ZoetropeTestKit
import ZoetropeWorkflow

@Suite(.timeLimit(.minutes(1)))
struct MemoryRunStoreTests {
    @Test(arguments: RunStoreRule.allCases)
    func keeps(rule: RunStoreRule) async throws {
        try await rule.check(MemoryRunStore { Date().roundedToMilliseconds })
    }
}

@Suite(.timeLimit(.minutes(1)))
struct SQLiteRunStoreTests {
    @Test(arguments: RunStoreRule.allCases)
    func keeps(rule: RunStoreRule) async throws {
        let folder = try TemporaryFolder()
        let store = try await SQLRunStore.sqlite(path: folder.path("zoetrope.sqlite")) { Date() }
        try await rule.check(store)
        await store.close()
    }

    @Test(arguments: RunStoreRule.allCases)
    func `keeps in memory`(rule: RunStoreRule) async throws {
        let store = try await SQLRunStore.inMemory { Date() }
        try await rule.check(store)
        await store.close()
    }
}

@Suite(.timeLimit(.minutes(1)))
struct PostgresRunStoreTests {
    @Test(arguments: RunStoreRule.allCases)
    func keeps(rule: RunStoreRule) async throws {
        let store = try await SQLRunStore.scratch()
        try await rule.check(store)
        await store.close()
    }
}

extension SQLRunStore {
    /// A store on a new database of the shared server.
    static func scratch() async throws -> SQLRunStore {
        try await SQLRunStore.postgres(
            url: try await TestPostgres.shared().makeDatabase(),
            connections: 4,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
    }
}
