import ArgumentParser

/// The command `zoetrope config`.
struct ConfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config",
        abstract: "Shows every setting with its value, where it came from and its default. Secrets are masked.",
        discussion: "Flags come first, then the environment, then zoetrope.yaml, then defaults."
    )

    @OptionGroup(title: "Settings") var options: SettingsOptions

    func run() throws {
        for value in try options.load().values {
            let setting = value.setting
            try Console.result(
                """
                \(setting.key) = \(value.shown)
                    from     \(value.source)
                    default  \(setting.defaultText ?? "(none)")
                    set by   \(setting.environment), or \(setting.key) in zoetrope.yaml
                    meaning  \(setting.meaning)
                """
            )
        }
    }
}
