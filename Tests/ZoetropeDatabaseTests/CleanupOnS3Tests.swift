import Foundation
import Synchronization
import Testing
import ZoetropeCore
import ZoetropeDatabase
import ZoetropeStorage
import ZoetropeTestKit
import ZoetropeWorkflow

/// The clean-up of a bucket of a real server.
@Suite(.enabled(if: TestS3.isInstalled, "scripts/setup.sh test installs radosgw"), .timeLimit(.minutes(10)))
struct CleanupOnS3Tests {
    private struct Death: Error {}

    @Test func `two thousand objects of a bucket are told apart, although the clean-up is killed`() async throws {
        let server = try await TestS3.shared()
        let environment = server.environment
        let bucket = S3ObjectStore(
            try S3Location(parsing: server.url(server.freshPrefix()), environment: environment),
            environment: environment,
            logger: .silent
        )
        let world = try await CleanupWorld(.file)
        var past = Past(animations: 660, now: world.now, seed: 31, strays: 0)
        past.strays = []
        try await past.make(in: world)
        let keys = world.objects.keys
        #expect(keys.count >= 2_000)
        try await store(keys, in: bucket)

        try await world.liftCap()
        let killsLeft = Mutex(5)
        var environmentOfRun = world.environment { point in
            let dies = killsLeft.withLock { left in
                guard left > 0, Bool.random() else { return false }
                left -= 1
                return true
            }
            if dies { throw Death() }
        }
        environmentOfRun.objects = bucket
        let cleanup = Cleanup(environmentOfRun, store: world.store, retention: world.retention, owner: "a")
        var report: CleanupReport?
        let start = ContinuousClock.now
        while report == nil {
            do {
                if case .done(let done) = try await cleanup.run() { report = done }
            } catch is Death {
                try await world.lapse()
            }
        }
        let took = ContinuousClock.now - start
        // Every object is from today: what failed animations left is no orphan yet.
        var expected = past.left(world.retention).objects
        for scene in past.scenes {
            for animation in scene.animations
            where animation.kind == .failedWithObjects && animation.age < 30 * Past.day {
                expected.formUnion(past.objects(of: animation, in: scene))
            }
        }
        let there = Set(try await bucket.keys(withPrefix: ""))
        #expect(there.subtracting(expected).isEmpty, "left over: \(there.subtracting(expected).prefix(5))")
        #expect(expected.subtracting(there).isEmpty, "wrongly deleted: \(expected.subtracting(there).prefix(5))")
        #expect(report?.missing == 0 && report?.orphans == 0 && report?.pending == 0)
        print("clean-up on S3: \(keys.count) objects, \(keys.count - there.count) deleted in \(took), killed 5 times")
        await world.close()
    }

    /// Puts a small object at every key, some at a time.
    private func store(_ keys: Set<ObjectKey>, in bucket: S3ObjectStore) async throws {
        let folder = try TemporaryFolder()
        let file = folder.path("object")
        try Data("an object".utf8).write(to: URL(filePath: file))
        let sorted = Array(keys)
        try await withThrowingTaskGroup { group in
            for lane in 0..<16 {
                group.addTask {
                    for place in stride(from: lane, to: sorted.count, by: 16) {
                        _ = try await bucket.put(file, at: sorted[place], contentType: "video/mp4")
                    }
                }
            }
            try await group.waitForAll()
        }
        withExtendedLifetime(folder) {}
    }
}
