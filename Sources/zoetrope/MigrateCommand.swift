import ArgumentParser
import Logging
import ZoetropeDatabase

/// The command `zoetrope migrate`.
struct MigrateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate",
        abstract: "Brings the database's schema up to date, and says what was done.",
        discussion: """
            serve and worker do it themselves unless they are started with --no-migrate.
            A database that a newer program has changed is refused, and left as it is.
            """
    )

    @OptionGroup(title: "Settings") var options: SettingsOptions

    func run() async throws {
        let settings = try options.load()
        var logger = Logger(label: "zoetrope") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = .warning
        let store = try await Engine.store(settings, logger: logger, migrates: true)
        for migration in store.appliedMigrations {
            try Console.result("applied \(migration.version): \(migration.name)")
        }
        if store.appliedMigrations.isEmpty { try Console.result("the database is up to date") }
        await store.close()
    }
}
