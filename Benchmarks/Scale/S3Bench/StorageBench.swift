import ArgumentParser
import Foundation
import Glibc
import Logging
import ZoetropeCore
import ZoetropeStorage
import ZoetropeWorkflow

/// Our client of S3 as a load, for comparison with others: `scripts/bench-scale.sh` starts it.
@main
struct StorageBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "zoetrope-s3-bench",
        abstract: "Puts, gets or deletes objects; prints one line of JSON.",
        subcommands: [Put.self, Get.self, Delete.self]
    )
}

/// What every load has.
struct Bucket: ParsableArguments {
    @Option(help: "s3://BUCKET…; keys from the environment.")
    var storage: String

    @Option(help: "Begins every key.")
    var prefix: String

    func open() throws -> S3ObjectStore {
        var logger = Logger(label: "s3-bench")
        logger.logLevel = .warning
        let environment = ProcessInfo.processInfo.environment
        let location = try S3Location(parsing: storage, environment: environment)
        return S3ObjectStore(location, environment: environment, logger: logger)
    }

    func key(_ name: String) throws -> ObjectKey {
        guard let key = ObjectKey("\(prefix)/\(name)") else { throw ValidationError("\"\(name)\" is no key") }
        return key
    }
}

struct Put: AsyncParsableCommand {
    @OptionGroup var bucket: Bucket

    @Option(help: "Files at a time.")
    var atOnce = 10

    @Argument(help: "The folder whose files are put.")
    var folder: String

    func run() async throws {
        let store = try bucket.open()
        let names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
        let measure = Measure()
        try await each(names, atOnce: atOnce) { name in
            let outcome = try await store.put(
                "\(folder)/\(name)",
                at: bucket.key(name),
                contentType: "application/octet-stream"
            )
            guard case .stored = outcome else { throw ValidationError("\(name) was there already") }
        }
        measure.report(names.count)
    }
}

struct Get: AsyncParsableCommand {
    @OptionGroup var bucket: Bucket

    @Argument(help: "The object, without the prefix.")
    var name: String

    @Argument(help: "The file that is made.")
    var file: String

    func run() async throws {
        let store = try bucket.open()
        let measure = Measure()
        _ = try await store.get(bucket.key(name), to: file)
        measure.report(1)
    }
}

struct Delete: AsyncParsableCommand {
    @OptionGroup var bucket: Bucket

    func run() async throws {
        let store = try bucket.open()
        let keys = try await store.keys(withPrefix: bucket.prefix + "/")
        let measure = Measure()
        for start in stride(from: 0, to: keys.count, by: 1_000) {
            let failures = try await store.delete(Array(keys[start..<min(start + 1_000, keys.count)]))
            guard failures.isEmpty else { throw ValidationError("\(failures.count) objects cannot be deleted") }
        }
        measure.report(keys.count)
    }
}

/// Does it for all, so many at a time.
private func each(
    _ names: [String],
    atOnce: Int,
    _ body: @escaping @Sendable (String) async throws -> Void
) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
        for (index, name) in names.enumerated() {
            if index >= atOnce { try await group.next() }
            group.addTask { try await body(name) }
        }
        try await group.waitForAll()
    }
}

/// Time, processor and memory from now on.
private struct Measure {
    private let start = ContinuousClock.now
    private let before = usage()
    private let idleMiB = residentMiB()

    func report(_ count: Int) {
        let after = Self.usage()
        let seconds = start.duration(to: .now) / .seconds(1)
        print(
            """
            {"count": \(count), "seconds": \(seconds), "cpu_seconds": \(after.cpu - before.cpu), \
            "idle_mib": \(idleMiB), "peak_mib": \(after.peakMiB)}
            """
        )
    }

    private static func usage() -> (cpu: Double, peakMiB: Double) {
        var usage = rusage()
        getrusage(Int32(RUSAGE_SELF.rawValue), &usage)
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
        return (seconds(usage.ru_utime) + seconds(usage.ru_stime), Double(usage.ru_maxrss) / 1_024)
    }

    private static func residentMiB() -> Double {
        let text = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
        let pages = text.split(separator: " ").dropFirst().first.flatMap { Double($0) } ?? 0
        return pages * Double(getpagesize()) / 1_048_576
    }
}
