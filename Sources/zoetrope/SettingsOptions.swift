import ArgumentParser
import Foundation
import Yams

/// Flags that every command has.
struct SettingsOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Settings file; without it ./zoetrope.yaml, if there is one.", valueName: "file"))
    var config: String?

    @Option(help: ArgumentHelp("Folder of the SQLite file, local objects and scratch space.", valueName: "folder"))
    var dataDir: String?

    @Option(help: ArgumentHelp("The ffmpeg program.", valueName: "path"))
    var ffmpeg: String?

    @Option(help: ArgumentHelp("How ffmpeg is walled off: auto, bubblewrap or limits.", valueName: "how"))
    var sandbox: String?

    /// Reads every setting from flags, then the environment, then the file, then defaults.
    /// - Throws: ``CommandFailure`` that names all problems together.
    func load(environment: [String: String] = ProcessInfo.processInfo.environment) throws -> Settings {
        var problems: [String] = []
        let file = settingsFile(&problems)
        let flags = [
            Setting.dataFolder.key: dataDir, Setting.ffmpeg.key: ffmpeg, Setting.sandbox.key: sandbox,
        ]
        .compactMapValues(\.self)
        let values = Setting.all.map { setting in
            if let text = flags[setting.key], !text.isEmpty {
                return SettingValue(setting: setting, text: text, source: "flag")
            }
            // An empty variable counts as not set, as in most programs.
            if let text = environment[setting.environment], !text.isEmpty {
                return SettingValue(setting: setting, text: text, source: "environment \(setting.environment)")
            }
            if let text = file[setting.key], !text.isEmpty {
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
