import ArgumentParser

/// The programs of the race: a stub of a provider, a client that orders, and our worker.
///
/// `scripts/race.sh` starts them, and the peers' workers, one engine after the other; docs/benchmarks/race.md says why.
@main
struct Race: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "zoetrope-race",
        abstract: "Parts of the race between durable engines.",
        subcommands: [StubCommand.self, AcceptCommand.self, WorkCommand.self]
    )
}
