import ArgumentParser
import Dispatch
import Foundation
import Logging
import Replicate
import SystemPackage
import ZoetropeCore
import ZoetropeDatabase
import ZoetropeMedia
import ZoetropeProviders
import ZoetropeStorage
import ZoetropeWorkflow

/// One worker of ours: the real engine, store and provider adapter, put together as in `zoetrope worker`.
struct WorkCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "work",
        abstract: "Works until so many animations are done, or for a time while they wait; prints one line of JSON."
    )

    @Option(help: "The database's URL; its schema is brought up to date.")
    var database: String

    @Option(help: "The provider's address.")
    var provider: String

    @Option(help: "How many animations there will be.")
    var jobs = 1_000

    @Option(help: "Seconds between two looks at a prediction.")
    var poll = 1.0

    @Option(help: "Measure so many seconds while all wait for the provider, and stop then.")
    var steady: Double?

    @Flag(help: "Look at each prediction by a call of its own, and never at the list.")
    var singly = false

    @Option(help: "Runs that are claimed at a time.")
    var batch = 200

    @Option(help: "Sweeps of the provider's list at a time.")
    var looks = 1

    @Option(help: "Where objects go: file:FOLDER or s3://BUCKET…; nowhere unless told.")
    var storage: String?

    @Option(help: "Bytes of each video that is published.")
    var videoBytes: Int64 = 2_048

    @Option(help: "Videos that are finished at a time.")
    var heavy = 64

    @Flag(help: "Work until SIGTERM, with others, instead of until all are done.")
    var untilStopped = false

    @Option(help: "The file for a line of each: its id, and when its end was in the database.")
    var times: String

    func run() async throws {
        var logger = Logger(label: "race.work")
        logger.logLevel = .warning
        let database = try await SQLRunStore.postgres(url: self.database, logger: logger)
        let finish = FinishLine(database, waitingFor: jobs)
        var configuration = ReplicateClient.Configuration()
        configuration.outputOrigins = [provider]
        let client = try ReplicateClient(token: "race", baseURL: provider, configuration: configuration)
        let scratch = "\(FileManager.default.fileExists(atPath: "/dev/shm") ? "/dev/shm" : "/tmp")/race-\(getpid())"
        defer { try? FileManager.default.removeItem(atPath: scratch) }
        let environment = WorkerEnvironment(
            store: finish,
            objects: try objects(logger),
            media: TwoFiles(videoBytes: videoBytes),
            scratch: LocalScratch(root: FilePath(scratch)),
            providers: [RaceProvider(client, singly: singly)],
            logger: logger
        )
        var policy = RunPolicy()
        policy.pollWaits = .seconds(poll)...(.seconds(poll))
        // The peers wait a second, not about a second.
        policy.pollSpread = 0
        policy.pollBeat = .seconds(poll / 10)
        var settings = WorkerSettings(owner: "race \(getpid())")
        settings.light = 256
        settings.batch = batch
        settings.looks = looks
        // There is no media work in a race that would need a processor.
        settings.heavy = heavy
        let worker = Worker(environment, settings: settings, policy: policy)
        let work = Task { await worker.run() }
        print("ready")
        fflushStandardOutput()
        if untilStopped {
            await Self.terminationSignal()
            try finish.writeTimes(to: times)
            report(Usage.now, [:])
        } else if let steady {
            await finish.whenAllWait()
            // By then every run was looked at once; nothing to measure is nothing to wait for.
            if steady > 0 { try await Task.sleep(for: .seconds(poll)) }
            let (before, start) = (Usage.now, ContinuousClock.now)
            let polls = finish.polls
            try await Task.sleep(for: .seconds(steady))
            let (after, seconds) = (Usage.now, start.duration(to: .now) / .seconds(1))
            var figures = ["rss_mib": try Self.residentMiB()]
            if steady > 0 {
                figures["core_share"] = (after.cpuSeconds - before.cpuSeconds) / seconds
                figures["polls_per_s"] = Double(finish.polls - polls) / seconds
            }
            report(after, figures)
        } else {
            await finish.whenAllAreDone()
            try finish.writeTimes(to: times)
            report(Usage.now, ["polls": Double(finish.polls)])
        }
        work.cancel()
        await work.value
        await database.close()
    }

    private func objects(_ logger: Logger) throws -> any ObjectStore {
        guard let storage else { return NoObjects() }
        if storage.hasPrefix("file:") { return try LocalObjectStore(folder: String(storage.dropFirst(5))) }
        let environment = ProcessInfo.processInfo.environment
        let location = try S3Location(parsing: storage, environment: environment)
        return S3ObjectStore(location, environment: environment, logger: logger)
    }

    private static func terminationSignal() async {
        signal(SIGTERM, SIG_IGN)
        let signals = DispatchSource.makeSignalSource(signal: SIGTERM)
        await withCheckedContinuation { continuation in
            signals.setEventHandler {
                signals.cancel()
                continuation.resume()
            }
            signals.resume()
        }
    }

    private func report(_ usage: Usage, _ more: [String: Double]) {
        var figures = more
        figures["cpu_seconds"] = usage.cpuSeconds
        figures["peak_mib"] = usage.peakMiB
        let members = figures.sorted { $0.key < $1.key }.map { #""\#($0)": \#($1)"# }
        print("{\(members.joined(separator: ", "))}")
        fflushStandardOutput()
    }

    private static func residentMiB() throws -> Double {
        let text = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
        let pages = text.split(separator: " ").dropFirst().first.flatMap { Double($0) } ?? 0
        return pages * Double(getpagesize()) / 1_048_576
    }
}
