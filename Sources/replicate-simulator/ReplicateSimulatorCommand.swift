import ArgumentParser

@main
struct ReplicateSimulatorCommand: AsyncParsableCommand {}
