import ArgumentParser
import Foundation
import Yams
import ZoetropeMedia

/// One setting: its names, its default and what it means.
struct Setting: Sendable {
    /// Name in `zoetrope.yaml`.
    let key: String
    /// Name in the environment.
    let environment: String
    /// Text of the default; nil where there is none.
    let defaultText: String?
    let isSecret: Bool
    let meaning: String

    static let ffmpeg = Setting(
        key: "ffmpeg",
        environment: "ZOETROPE_FFMPEG",
        defaultText: "ffmpeg",
        isSecret: false,
        meaning: "the ffmpeg program: a name in PATH, or a path"
    )
    static let sandbox = Setting(
        key: "sandbox",
        environment: "ZOETROPE_SANDBOX",
        defaultText: SandboxPolicy.auto.rawValue,
        isSecret: false,
        meaning:
            "auto: bubblewrap when it works; bubblewrap: nothing runs without it; limits: limits and a deadline only"
    )
    static let replicateToken = Setting(
        key: "replicate_api_token",
        environment: "REPLICATE_API_TOKEN",
        defaultText: nil,
        isSecret: true,
        meaning: "token for the models on Replicate; without it the local renderer is used"
    )

    static let all = [ffmpeg, sandbox, replicateToken]
}

/// A setting's value and where it came from.
struct SettingValue: Sendable {
    let setting: Setting
    let text: String?
    let source: String

    /// The value as it may be shown to anyone.
    var shown: String {
        guard let text else { return "(none)" }
        return setting.isSecret ? "(secret, set)" : text
    }
}

/// Flags that every command has.
struct SettingsOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Settings file; without it ./zoetrope.yaml, if there is one.", valueName: "file"))
    var config: String?

    @Option(help: ArgumentHelp("The ffmpeg program.", valueName: "path"))
    var ffmpeg: String?

    @Option(help: ArgumentHelp("How ffmpeg is walled off: auto, bubblewrap or limits.", valueName: "how"))
    var sandbox: String?

    /// Reads every setting from flags, then the environment, then the file, then defaults.
    /// - Throws: ``CommandFailure`` that names all problems together.
    func load(environment: [String: String] = ProcessInfo.processInfo.environment) throws -> Settings {
        var problems: [String] = []
        let file = settingsFile(&problems)
        let flags = [Setting.ffmpeg.key: ffmpeg, Setting.sandbox.key: sandbox].compactMapValues(\.self)
        let values = Setting.all.map { setting in
            if let text = flags[setting.key] { return SettingValue(setting: setting, text: text, source: "flag") }
            // An empty variable counts as not set, as in most programs.
            if let text = environment[setting.environment], !text.isEmpty {
                return SettingValue(setting: setting, text: text, source: "environment \(setting.environment)")
            }
            if let text = file[setting.key] {
                return SettingValue(setting: setting, text: text, source: fileName)
            }
            return SettingValue(setting: setting, text: setting.defaultText, source: "default")
        }
        let settings = Settings(values: values, problems: &problems)
        guard problems.isEmpty else { throw CommandFailure.usage(problems.joined(separator: "\nError: ")) }
        return settings
    }

    /// Where a file goes wrong.
    ///
    /// The parser's own text quotes the line, which may hold a secret.
    private static func place(of error: YamlError) -> String {
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            ": line \(mark.line), column \(mark.column): \(problem)"
        case .duplicatedKeysInMapping(let keys, _): ": there twice: \(keys.joined(separator: ", "))"
        default: ""
        }
    }

    /// Far more than anybody's settings.
    private static let maxFileBytes = 1 << 20

    private var fileName: String { config ?? "zoetrope.yaml" }

    /// What the settings file says; empty where there is none.
    private func settingsFile(_ problems: inout [String]) -> [String: String] {
        guard config != nil || FileManager.default.fileExists(atPath: fileName) else { return [:] }
        var values: [String: String] = [:]
        do {
            let bytes = try SourceFile.read(fileName, limit: Self.maxFileBytes)
            guard bytes.count <= Self.maxFileBytes else {
                problems.append("the settings file \"\(fileName)\" is larger than \(Self.maxFileBytes) bytes")
                return [:]
            }
            guard let node = try Yams.compose(yaml: String(decoding: bytes, as: UTF8.self)) else { return [:] }
            guard let mapping = node.mapping else {
                problems.append("\(fileName) must be a list of lines like \"sandbox: auto\"")
                return [:]
            }
            for (name, value) in mapping {
                guard let key = name.string, Setting.all.contains(where: { $0.key == key }) else {
                    let known = Setting.all.map(\.key).joined(separator: ", ")
                    problems.append(
                        "\(fileName) has the unknown setting \"\(name.string ?? "?")\"; there are: \(known)"
                    )
                    continue
                }
                guard let scalar = value.scalar else {
                    problems.append("\(key) in \(fileName) must be one value, not a list or a group")
                    continue
                }
                values[key] = scalar.string
            }
        } catch let error as YamlError {
            problems.append("the settings file \"\(fileName)\" is not valid YAML\(Self.place(of: error))")
        } catch let failure as CommandFailure {
            problems.append("the settings file \(failure.message)")
        } catch {
            problems.append("the settings file \"\(fileName)\" cannot be read")
        }
        return values
    }
}

/// Every setting, validated.
struct Settings: Sendable {
    let values: [SettingValue]
    let ffmpeg: String
    let sandbox: SandboxPolicy
    let replicateToken: String?

    init(values: [SettingValue], problems: inout [String]) {
        self.values = values
        func text(_ setting: Setting) -> String? { values.first { $0.setting.key == setting.key }?.text }
        ffmpeg = text(.ffmpeg) ?? ""
        replicateToken = text(.replicateToken)
        let sandboxText = text(.sandbox) ?? ""
        let policy = SandboxPolicy(rawValue: sandboxText)
        if policy == nil {
            let choices = SandboxPolicy.allCases.map(\.rawValue).joined(separator: ", ")
            problems.append("\(Setting.sandbox.environment) must be one of \(choices); got \"\(sandboxText)\"")
        }
        sandbox = policy ?? .auto
    }

    /// The programs that these settings name.
    func mediaTools() async throws -> MediaTools {
        try await MediaTools.find(
            ffmpeg: ffmpeg,
            policy: sandbox,
            searchPath: ProcessInfo.processInfo.environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin"
        )
    }
}
