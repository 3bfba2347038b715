import Foundation
import Testing
import ZoetropeCore
import ZoetropeTestKit
import ZoetropeWorkflow

@Suite(.timeLimit(.minutes(1)))
struct MemoryObjectStoreTests {
    @Test(arguments: ObjectStoreRule.allCases)
    func keeps(rule: ObjectStoreRule) async throws {
        try await rule.check(MemoryObjectStore())
    }

    @Test func `what changed it is on record, and what changed nothing is not`() async throws {
        let store = MemoryObjectStore(readFile: { Data($0.utf8) })
        let (first, second) = try (#require(ObjectKey("1.mp4")), #require(ObjectKey("2.mp4")))
        let facts = try await store.put("one", at: first, contentType: "video/mp4").facts
        _ = try await store.put("another", at: first, contentType: "video/mp4")
        try await store.delete(second)
        try await store.delete(first)
        try await store.delete(first)
        #expect(store.changes == [.put(first, facts), .delete(first)])
        #expect(store.objects.isEmpty)
    }
}
