import ArgumentParser
import Foundation
import ZoetropeDatabase
import ZoetropeTestKit
import ZoetropeWorkflow

/// Runs the real engine in simulated worlds, as many as wanted; see `docs/proof.md`.
@main
struct Simulate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "zoetrope-simulate",
        abstract: "Run the real engine in simulated worlds that fail in every way.",
        discussion: """
            Each seed is a history of its own: services, workers, a provider and clients in virtual time, with kills, \
            freezes, lost answers and outages that the seed decides. A judge compares what clients were told with the \
            provider's books, the stored objects and the database.
            """,
        subcommands: [Seeds.self, Replay.self, Bugs.self, Crashes.self, Dropped.self],
        defaultSubcommand: Seeds.self
    )
}

/// What every command takes.
struct Common: ParsableArguments {
    @Option(help: "Keep everything in \"memory\" or in \"sqlite\".")
    var store = StoreKind.memory

    @Option(name: .shortAndLong, help: "Simulations at a time.")
    var jobs = 2

    func validate() throws {
        guard (1...64).contains(jobs) else { throw ValidationError("--jobs must be from 1 to 64, got \(jobs)") }
    }

    func simulation(_ seed: UInt64) -> Simulation {
        switch store {
        case .memory: Simulation(seed: seed)
        case .sqlite: Simulation(seed: seed) { try await SQLRunStore.inMemory(now: $0) }
        }
    }

    /// How to repeat a seed.
    func command(_ seed: UInt64) -> String {
        "scripts/simulate.sh replay \(seed)" + (store == .memory ? "" : " --store \(store.rawValue)")
    }
}

enum StoreKind: String, ExpressibleByArgument, CaseIterable {
    case memory, sqlite
}

struct Seeds: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Run many seeds and say what they amount to.")

    @OptionGroup var common: Common

    @Option(help: "How many seeds.")
    var seeds = 2_000

    @Option(help: "The first seed.")
    var first: UInt64 = 1

    @Flag(help: "Only print each seed's hash, to compare processes.")
    var hashes = false

    func validate() throws {
        guard seeds >= 1 else { throw ValidationError("--seeds must be at least 1, got \(seeds)") }
    }

    func run() async throws {
        let common = common
        let first = first
        if hashes {
            let simulations = (0..<UInt64(seeds)).map { common.simulation(first + $0) }
            for report in await Simulation.many(simulations, threads: common.jobs) {
                print(report.seed, String(report.hash, radix: 16))
            }
            return
        }
        let progress = Progress(seeds, "seeds")
        let total = await Simulation.total(seeds, threads: common.jobs) {
            common.simulation(first + UInt64($0))
        } progress: {
            progress.show($0.count, "\($0.failureCount) failed")
        }
        progress.end()
        print(Report.summary(total, seconds: progress.seconds, threads: common.jobs))
        print(Report.cells(total))
        for (seed, violation) in total.failures {
            print("seed \(seed) at commit \(Project.commit): \(violation); \(common.command(seed)) repeats it")
        }
        if let (seed, _) = total.failures.first, let shrunk = await common.simulation(seed).shrunkOnOwnThread() {
            print(Report.shrunk(seed, shrunk))
        }
        if total.failureCount > 0 { throw ExitCode.failure }
        let least = seeds >= 20_000 ? 100 : seeds >= 2_000 ? 1 : 0
        let rare = total.cells(below: least)
        guard rare.isEmpty else {
            print("hit less than \(least) times: \(rare.map(\.rawValue).joined(separator: "; "))")
            throw ExitCode.failure
        }
    }
}

struct Replay: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Repeat one seed, print everything that happens, and the fewest faults that still break it."
    )

    @OptionGroup var common: Common

    @Argument(help: "The seed.")
    var seed: UInt64

    @Option(help: "Plant a bug, by its name in the program, such as ignoresEpoch.")
    var bug: String?

    func run() async throws {
        var simulation = common.simulation(seed)
        simulation.mutant = Mutant.allCases.first { "\($0)" == bug }
        if let bug, simulation.mutant == nil {
            throw ValidationError("there is no bug \"\(bug)\"; known are \(Mutant.allCases.map { "\($0)" })")
        }
        simulation.isTraced = true
        let report = await Simulation.many([simulation], threads: 1)[0]
        print(report.trace.joined(separator: "\n"))
        simulation.isTraced = false
        guard !report.violations.isEmpty, let shrunk = await simulation.shrunkOnOwnThread() else {
            return print("seed \(seed): nothing is wrong, \(report.faults.count) faults")
        }
        for violation in report.violations { print(violation) }
        print(Report.shrunk(seed, shrunk))
        throw ExitCode.failure
    }
}

struct Bugs: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Plant each known bug and say which invariant and which seed found it."
    )

    @OptionGroup var common: Common

    @Option(help: "Seeds that each bug is given.")
    var seeds = 10_000

    func run() async throws {
        let common = common
        var lost: [Mutant] = []
        print("| planted bug | found by | at seed | faults needed | what was seen |\n|---|---|---|---|---|")
        for mutant in Mutant.allCases {
            guard let report = await PlantedBug.find(mutant, seeds: seeds, threads: common.jobs, common.simulation)
            else {
                lost.append(mutant)
                print("| \(mutant.rawValue) | **nothing** | | | |")
                continue
            }
            var simulation = common.simulation(report.seed)
            simulation.mutant = mutant
            let shrunk = await simulation.shrunkOnOwnThread()
            let violation = shrunk?.violation ?? report.violations[0]
            print(
                "| \(mutant.rawValue) | \(report.invariant ?? "") | \(report.seed) | \(shrunk?.faults.count ?? 0) |",
                "\(violation.drop { $0 != " " }.dropFirst()) |"
            )
        }
        guard lost.isEmpty else { throw ExitCode.failure }
    }
}

struct Crashes: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Kill, drop before and drop after at every crash point, alone and in all ordered pairs."
    )

    @OptionGroup var common: Common

    @Flag(inversion: .prefixedNo, help: "All ordered pairs as well.")
    var pairs = true

    func run() async throws {
        let common = common
        var hasFailed = false
        for (name, cases) in [("single", CrashMatrix.singles), ("double", pairs ? CrashMatrix.pairs : [])]
        where !cases.isEmpty {
            let progress = Progress(cases.count, "\(name) failures")
            let (total, failed) = await CrashMatrix.run(cases, of: common.simulation(1), threads: common.jobs) {
                total in
                progress.show(total.count, "\(total.failureCount) failed")
            }
            progress.end()
            print(
                "\(name): \(total.count) of \(total.count) run on \(common.store.rawValue), \(failed.count) failed,",
                "\(total.orderCount) orders, \(total.paidCreates) paid creates, \(Int(progress.seconds)) s"
            )
            for complaint in failed.prefix(20) { print("  \(complaint)") }
            if !failed.isEmpty { hasFailed = true }
        }
        if hasFailed { throw ExitCode.failure }
    }
}

struct Dropped: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Lose the answer to every paid call, while the provider's list lags."
    )

    @OptionGroup var common: Common

    @Option(help: "Paid calls, in hundreds.")
    var creates = 10_000

    func run() async throws {
        let common = common
        print(
            "| the list lags by | after the last look | orders | paid creates | ready | failed | duplicates | reported |"
        )
        print("|---|---|---|---|---|---|---|---|")
        var hasFailed = false
        for scenario in DroppedAnswers.allCases {
            let progress = Progress(creates / 100, "hundreds of creates")
            let total = await Simulation.total(creates / 100, threads: common.jobs) { index in
                scenario.simulation(of: common.simulation(UInt64(index + 1)))
            } progress: {
                progress.show($0.count, "\($0.failureCount) failed")
            }
            progress.end()
            print(scenario.row(total))
            for failure in total.failures.prefix(5) { print("seed \(failure.seed): \(failure.violation)") }
            if let complaint = scenario.complaint(total) {
                print("failed: \(complaint)")
                hasFailed = true
            }
        }
        if hasFailed { throw ExitCode.failure }
    }
}
