import ArgumentParser
import Foundation
import Logging
import ZoetropeCore
import ZoetropeWorkflow

/// The command `zoetrope runs`.
struct RunsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "runs",
        abstract: "Looks at runs and steers them.",
        discussion: """
            A run is the work on one animation; it has the animation's id.

            States: queued, submitting, generating, finishing, checking, compensating, done.
            """,
        subcommands: [
            RunsList.self, RunsShow.self, RunsRetry.self, RunsCancel.self, RunsVerify.self,
        ],
        defaultSubcommand: RunsList.self
    )
}

/// What the commands on runs share.
struct RunsOptions: ParsableArguments {
    @OptionGroup(title: "Settings") var options: SettingsOptions

    /// Does something with the engine, and closes it.
    func with<Result>(_ body: (Engine) async throws -> Result) async throws -> Result {
        var logger = Logger(label: "zoetrope") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = .error
        let engine = try await Engine(options.load(), logger: logger, migrates: false)
        do {
            let result = try await body(engine)
            await engine.close()
            return result
        } catch let error as RunStoreError {
            await engine.close()
            throw CommandFailure.failed("the database cannot be used: \(error.detail)")
        } catch let error as ServiceError {
            await engine.close()
            throw CommandFailure.failed("\(error)")
        } catch let error as RequestError {
            await engine.close()
            throw CommandFailure.failed("\(error)")
        } catch {
            await engine.close()
            throw error
        }
    }
}

/// A run's id as an argument.
struct RunArgument: ParsableArguments {
    @Argument(
        help: "The animation's id, a lower-case UUID.",
        transform: { text in
            guard let id = AnimationID(text) else {
                throw ValidationError("\"\(text)\" is not an id; ids look like 0b5f4c0e-6d3a-4c1e-9a54-1f2d3c4b5a69")
            }
            return id
        }
    )
    var id: AnimationID
}

struct RunsList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Lists the newest runs: id, state, outcome, age, cost, model."
    )

    @Option(help: "Only runs in this state.")
    var state: RunState?

    @Option(help: "At most so many.")
    var limit = 50

    @OptionGroup var runs: RunsOptions

    func validate() throws {
        guard (1...1_000).contains(limit) else { throw ValidationError("--limit must be 1 to 1000, got \(limit)") }
    }

    func run() async throws {
        try await runs.with { engine in
            for run in try await engine.environment.store.runs(in: state, limit: limit) {
                let outcome = run.failure?.code.rawValue ?? run.outcome?.rawValue ?? "-"
                let age = Int(Date.now.timeIntervalSince(run.createdAt))
                try Console.result(
                    "\(run.id)  \(run.state.rawValue)  \(outcome)  \(age) s  $\(run.cost)  \(run.request.model.alias)"
                )
            }
        }
    }
}

struct RunsShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Tells a run's story: times, paid intents, ledger, undo records."
    )

    @OptionGroup var argument: RunArgument
    @OptionGroup var runs: RunsOptions

    func run() async throws {
        try await runs.with { engine in
            let store = engine.environment.store
            guard let run = try await store.run(argument.id) else {
                throw CommandFailure.failed("there is no run \(argument.id)")
            }
            let undos = try await store.undos(of: run.id)
            let ledger = try await store.ledger(of: run.id, since: .distantPast)
            for line in RunStory.lines(run, undos: undos, ledger: ledger) { try Console.result(line) }
        }
    }
}

struct RunsRetry: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retry",
        abstract: "Starts a new animation with the same image and params, and prints its id."
    )

    @OptionGroup var argument: RunArgument
    @OptionGroup var runs: RunsOptions

    func run() async throws {
        try await runs.with { engine in
            guard let attempt = try await engine.environment.store.attempt(argument.id),
                let job = try await engine.environment.store.job(attempt.jobID)
            else { throw CommandFailure.failed("there is no animation \(argument.id), or its job is gone") }
            let caller = Caller(userID: job.userID, sessionID: job.sessionID, tier: .paid)
            let again = try await engine.service.createAnimation(
                AnimationOrder(again: attempt),
                of: job.id,
                for: caller
            )
            guard case .new(let record) = again else { return }
            try Console.result(record.attempt.id.description)
        }
    }
}

struct RunsCancel: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel",
        abstract: "Cancels a run; what it has done is undone by the workers."
    )

    @OptionGroup var argument: RunArgument
    @OptionGroup var runs: RunsOptions

    func run() async throws {
        try await runs.with { engine in
            do {
                try await engine.service.cancel(argument.id)
                try Console.result("cancelled \(argument.id)")
            } catch let error as ServiceError {
                throw CommandFailure.failed("\(argument.id): \(error)")
            }
        }
    }
}

struct RunsVerify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Compares the money ledger with the provider's own list of predictions.",
        discussion: """
            Says every prediction of ours that the ledger does not know, every one that
            it books otherwise, and every intent that it holds money for without need.
            Exit code 1 if something does not match. Providers show inputs for an hour,
            so run it often, or with ZOETROPE_PUBLIC_URL set, whose webhook addresses
            stay.
            """
    )

    @Option(help: "How far back, in hours.")
    var hours = 24

    @OptionGroup var runs: RunsOptions

    func validate() throws {
        guard (1...24 * 60).contains(hours) else { throw ValidationError("--hours must be 1 to 1440, got \(hours)") }
    }

    func run() async throws {
        try await runs.with { engine in
            let since = Date.now.addingTimeInterval(-Double(hours) * 3_600)
            let store = engine.environment.store
            // A little earlier, so that what was ordered just before the window is known.
            let intents = try await store.intents(since: since.addingTimeInterval(-3_600))
            let ledger = try await store.ledger(of: nil, since: since.addingTimeInterval(-3_600))
            if engine.settings.replicate == nil, intents.contains(where: { $0.provider == .replicate }) {
                throw CommandFailure.usage(
                    "there are intents of Replicate, which needs REPLICATE_API_TOKEN to be asked"
                )
            }
            var generations: [VideoModel.Provider: [Generation]] = [:]
            for (name, provider) in engine.environment.providers where name == .replicate {
                do {
                    generations[name] = try await provider.generations(since: since)
                } catch {
                    throw CommandFailure.failed("the provider's list cannot be read: \(error)")
                }
            }
            let audit = LedgerAudit(intents: intents, ledger: ledger, generations: generations, since: since)
            for finding in audit.findings { try Console.result(finding.description) }
            try Console.result(audit.summary)
            if !audit.findings.isEmpty { throw CommandFailure.failed("the ledger does not match; see above") }
        }
    }
}

extension RunState: ExpressibleByArgument {}
