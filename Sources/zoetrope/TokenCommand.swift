import ArgumentParser
import ZoetropeCore
import ZoetropeTokens
import ZoetropeWorkflow

/// The command `zoetrope token`.
struct TokenCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token",
        abstract: "Issues an access token for the service, and prints it.",
        discussion: """
            Sent as "Authorization: Bearer TOKEN". It is signed with the first of
            ZOETROPE_JWT_SECRET, or with a secret that is made and kept in the data folder.
            A token cannot be taken back before it expires, except by replacing the secret.
            """
    )

    @OptionGroup(title: "Settings") var options: SettingsOptions

    @Option(help: ArgumentHelp("The user: 1 to 255 characters.", valueName: "id"))
    var user: String

    @Option(help: ArgumentHelp("The session: 1 to 255 characters.", valueName: "id"))
    var session: String?

    @Option(help: "free or paid.")
    var tier = Tier.free

    @Option(help: ArgumentHelp("How long it is good, such as 90s, 10m, 12h or 30d.", valueName: "time"))
    var expires = "30d"

    func validate() throws {
        for (flag, name) in [("user", user), ("session", session ?? "-")] where !TokenRules.isName(name) {
            throw ValidationError("--\(flag) must be 1 to 255 characters, none of them control characters")
        }
        guard lifetime != nil else {
            throw ValidationError(
                "--expires must be a time such as 90s, 10m, 12h or 30d, up to 3650d; got \"\(expires)\""
            )
        }
    }

    func run() async throws {
        let issuer = try await options.load().tokenIssuer()
        guard let lifetime else { return }
        let caller = Caller(userID: user, sessionID: session, tier: tier)
        try Console.result(issuer.token(for: caller, lifetime: lifetime))
    }

    private var lifetime: Duration? {
        Duration(settingText: expires).flatMap { TokenIssuer.lifetimes.contains($0) ? $0 : nil }
    }
}
