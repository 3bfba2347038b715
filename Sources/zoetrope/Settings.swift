import Foundation
import StrictJSON
import Yams
import ZoetropeCore
import ZoetropeMedia
import ZoetropeStorage
import ZoetropeTokens

/// Every setting, validated.
struct Settings: Sendable {
    let values: [SettingValue]
    var dataFolder: String
    var database: DatabaseAddress
    var storage: StorageAddress
    let replicate: ReplicateSettings?
    let cogURL: String?
    let openAIVideos: OpenAIVideosSettings?
    let publicURL: String?
    /// Nil for the usual kind of the address that is listened on.
    let auth: AuthKind?
    let retentionDays: Int
    let urlLifetime: Duration
    /// Empty where they are made and kept in the data folder.
    let signingSecrets: [String]
    let trustedHosts: Set<String>
    let alertURL: String?
    let metricsArePublic: Bool
    let limits: [Tier: TierLimits]
    let mostConnections: Int
    let catalogue: ModelCatalogue
    let generationTimeout: Duration
    let dailyBudget: MicroUSD?
    let lease: Duration
    let submitTimeout: Duration
    let ffmpeg: String
    let sandbox: SandboxPolicy
    let retiming: RetimingPolicy
    let encode: EncodeEffort
    let tokens: TokenSettings

    /// How callers are known.
    enum AuthKind: String, CaseIterable {
        case local
        case token
    }

    /// Who may read the metrics.
    enum MetricsAudience: String, CaseIterable {
        case loopback
        case `public`
    }

    /// Where the database is.
    enum DatabaseAddress: Sendable, Equatable {
        case sqlite(path: String)
        case postgres(url: String)
    }

    /// Where the objects are.
    enum StorageAddress: Sendable, Equatable {
        case folder(String)
        case bucket(S3Location)
    }

    /// What Replicate's client needs.
    struct ReplicateSettings: Sendable {
        let token: String
        let baseURL: String
        let outputOrigins: [String]
        let webhookSecrets: [String]
    }

    /// What the client of an OpenAI-compatible engine needs.
    struct OpenAIVideosSettings: Sendable {
        let baseURL: String
        let apiKey: String?
        let outputOrigins: [String]
    }

    init(values: [SettingValue], problems: inout [String]) {
        self.values = values
        var reader = SettingReader(values: values)
        dataFolder = reader.text(.dataFolder) ?? "."
        database = reader.database(folder: dataFolder)
        storage = reader.storage(folder: dataFolder)
        let baseURL = reader.address(.replicateBaseURL) ?? ""
        let origins = reader.list(.replicateOutputOrigins)
        let secrets = reader.list(.webhookSecret)
        replicate = reader.text(.replicateToken)
            .map {
                ReplicateSettings(token: $0, baseURL: baseURL, outputOrigins: origins, webhookSecrets: secrets)
            }
        cogURL = reader.address(.cogURL)
        let engineKey = reader.text(.openAIVideosKey)
        let engineOrigins = reader.list(.openAIVideosOutputOrigins)
        openAIVideos = reader.address(.openAIVideosURL)
            .map {
                OpenAIVideosSettings(baseURL: $0, apiKey: engineKey, outputOrigins: engineOrigins)
            }
        publicURL = reader.address(.publicURL)
        auth = reader.choice(.auth)
        retentionDays = reader.whole(.retentionDays, 1...3_650) ?? 30
        urlLifetime = reader.duration(.urlLifetime, .seconds(1)...Duration.seconds(7 * 86_400)) ?? .seconds(3_600)
        let audience: MetricsAudience? = reader.choice(.metrics)
        metricsArePublic = audience == .public
        signingSecrets = reader.secrets(.signingSecret)
        trustedHosts = reader.hosts(.trustedHosts)
        alertURL = reader.webhook(.alertURL)
        limits = [.free: reader.limits(.freeLimits), .paid: reader.limits(.paidLimits)].compactMapValues(\.self)
        mostConnections = reader.whole(.mostConnections, 1...1_000_000) ?? 20_000
        catalogue = reader.catalogue()
        generationTimeout = reader.duration(.generationTimeout, .seconds(5)...Duration.seconds(3_600)) ?? .seconds(600)
        dailyBudget = reader.dollars(.dailyBudget)
        lease = reader.duration(.lease, .seconds(1)...Duration.seconds(60)) ?? .seconds(30)
        submitTimeout = reader.duration(.submitTimeout, .seconds(1)...Duration.seconds(120)) ?? .seconds(60)
        ffmpeg = reader.text(.ffmpeg) ?? ""
        sandbox = reader.choice(.sandbox) ?? .auto
        retiming = reader.choice(.retiming) ?? .lossless
        encode = reader.choice(.encode) ?? .standard
        tokens = reader.tokens()
        problems += reader.problems
    }

    /// Whether a paid provider is configured.
    var hasProvider: Bool { replicate != nil }

    /// The programs that these settings name.
    func mediaTools() async throws -> MediaTools {
        try await MediaTools.find(
            ffmpeg: ffmpeg,
            policy: sandbox,
            searchPath: ProcessInfo.processInfo.environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin"
        )
    }
}

/// Reads values and notes everything that is wrong with them.
private struct SettingReader {
    let values: [SettingValue]
    private(set) var problems: [String] = []

    init(values: [SettingValue]) {
        self.values = values
    }

    func text(_ setting: Setting) -> String? {
        values.first { $0.setting.key == setting.key }?.text
    }

    private mutating func note(_ setting: Setting, _ rule: String, _ text: String) {
        // An address that cannot be read may hold a password anywhere.
        let shown = setting.secrecy == .open ? text : "(not shown)"
        problems.append("\(setting.environment) must be \(rule); got \"\(shown)\"")
    }

    mutating func choice<Choice: RawRepresentable & CaseIterable>(_ setting: Setting) -> Choice?
    where Choice.RawValue == String {
        guard let text = text(setting) else { return nil }
        let choice = Choice(rawValue: text)
        if choice == nil {
            note(setting, "one of \(Choice.allCases.map(\.rawValue).joined(separator: ", "))", text)
        }
        return choice
    }

    func list(_ setting: Setting) -> [String] {
        (text(setting) ?? "").split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
            .filter { !$0.isEmpty }
    }

    mutating func duration(_ setting: Setting, _ range: ClosedRange<Duration>) -> Duration? {
        guard let text = text(setting) else { return nil }
        guard let duration = Duration(settingText: text), range.contains(duration) else {
            let (low, high) = (range.lowerBound / .seconds(1), range.upperBound / .seconds(1))
            note(setting, "a time such as 90s, 10m or 1h30m, from \(Int(low)) to \(Int(high)) seconds", text)
            return nil
        }
        return duration
    }

    mutating func whole(_ setting: Setting, _ range: ClosedRange<Int>) -> Int? {
        guard let text = text(setting) else { return nil }
        guard let number = Int(text), range.contains(number) else {
            note(setting, "a whole number from \(range.lowerBound) to \(range.upperBound)", text)
            return nil
        }
        return number
    }

    mutating func limits(_ setting: Setting) -> TierLimits? {
        guard let text = text(setting) else { return nil }
        let limits = TierLimits(text)
        if limits == nil { note(setting, "limits such as \"active=2 daily=10 cost=5.00 requests=120\", or none", text) }
        return limits
    }

    /// `host:port` and `[address]:port`, in lower case.
    mutating func hosts(_ setting: Setting) -> Set<String> {
        let hosts = list(setting).map { $0.lowercased() }
        let form = /(?:[a-z0-9._\-]{1,253}|\[[0-9a-f:.]{2,45}\]):\d{1,5}/
        for host in hosts where host.wholeMatch(of: form) == nil {
            note(setting, "host:port, such as backend.internal:8080", host)
        }
        return Set(hosts)
    }

    mutating func secrets(_ setting: Setting) -> [String] {
        let secrets = list(setting)
        if secrets.contains(where: { $0.utf8.count < 32 }) || secrets.count > 16 {
            note(setting, "1 to 16 secrets of at least 32 bytes, separated by commas", "")
        }
        return secrets
    }

    /// An address that may have a path and a query, which are its secret.
    mutating func webhook(_ setting: Setting) -> String? {
        guard let text = text(setting) else { return nil }
        guard let parts = URLComponents(string: text), ["http", "https"].contains(parts.scheme?.lowercased() ?? ""),
            parts.host?.isEmpty == false
        else {
            note(setting, "an address such as https://example.com/hook", text)
            return nil
        }
        return text
    }

    mutating func dollars(_ setting: Setting) -> MicroUSD? {
        guard let text = text(setting) else { return nil }
        guard let amount = Double(text), amount >= 0, amount <= 1_000_000 else {
            note(setting, "an amount in US dollars from 0 to 1000000, such as 12.50", text)
            return nil
        }
        return MicroUSD(Int64((amount * 1_000_000).rounded()))
    }

    /// An http or https address, without a slash at its end.
    mutating func address(_ setting: Setting) -> String? {
        guard let text = text(setting) else { return nil }
        guard let parts = URLComponents(string: text), ["http", "https"].contains(parts.scheme?.lowercased() ?? ""),
            parts.host?.isEmpty == false, parts.query == nil, parts.fragment == nil
        else {
            note(setting, "an address such as https://example.com", text)
            return nil
        }
        return String(text.reversed().drop { $0 == "/" }.reversed())
    }

    mutating func tokens() -> TokenSettings {
        let audience = tokenName(.jwtAudience) ?? TokenRules.usualAudience
        let rules = TokenRules(audience: audience, issuer: tokenName(.jwtIssuer))
        var keys = TokenSettings.Keys.secretFile
        if let text = text(.jwtSecret) {
            if self.text(.jwksURL) != nil {
                problems.append(
                    "set one of \(Setting.jwtSecret.environment) and \(Setting.jwksURL.environment), not both"
                )
            }
            do {
                keys = .secrets(try TokenSecrets(list(.jwtSecret).map { Array($0.utf8) }))
            } catch {
                let limits = "1 to \(TokenSecrets.maxCount) secrets of at least \(TokenSecrets.minBytes) bytes"
                note(.jwtSecret, "\(limits), separated by commas", text)
            }
        } else if let url = keySetURL() {
            keys = .keySet(url: url)
        }
        return TokenSettings(keys: keys, rules: rules)
    }

    private mutating func tokenName(_ setting: Setting) -> String? {
        guard let text = text(setting) else { return nil }
        if !TokenRules.isName(text) { note(setting, "1 to 255 characters, none of them control characters", text) }
        return text
    }

    /// An http or https address, which may have a query.
    private mutating func keySetURL() -> String? {
        guard let text = text(.jwksURL) else { return nil }
        guard let parts = URLComponents(string: text), ["http", "https"].contains(parts.scheme?.lowercased() ?? ""),
            parts.host?.isEmpty == false, parts.user == nil, parts.password == nil, parts.fragment == nil
        else {
            note(.jwksURL, "an address such as https://issuer.example/.well-known/jwks.json, without a user", text)
            return nil
        }
        return text
    }

    mutating func database(folder: String) -> Settings.DatabaseAddress {
        let usual = Settings.DatabaseAddress.sqlite(path: "\(folder)/zoetrope.sqlite")
        guard let text = text(.databaseURL) else { return usual }
        for scheme in ["postgres://", "postgresql://"] where text.hasPrefix(scheme) { return .postgres(url: text) }
        if text.hasPrefix("sqlite:"), text.count > 7 { return .sqlite(path: String(text.dropFirst(7))) }
        note(.databaseURL, "sqlite:PATH or postgres://user:pass@host:port/db", text)
        return usual
    }

    mutating func storage(folder: String) -> Settings.StorageAddress {
        let usual = Settings.StorageAddress.folder("\(folder)/objects")
        guard let text = text(.storageURL) else { return usual }
        if text.hasPrefix("file:"), text.count > 5 {
            let path = String(text.dropFirst(5))
            return .folder(path.hasPrefix("//") ? String(path.dropFirst(2)) : path)
        }
        if text.hasPrefix("s3:") {
            do throws(S3Location.Problem) {
                return .bucket(try S3Location(parsing: text, environment: ProcessInfo.processInfo.environment))
            } catch {
                problems.append("\(Setting.storageURL.environment): \(error)")
                return usual
            }
        }
        note(.storageURL, "file:FOLDER or s3://BUCKET[/PREFIX]?endpoint=…&region=…&path_style=…", text)
        return usual
    }

    mutating func catalogue() -> ModelCatalogue {
        guard let name = text(.modelsFile) else { return .builtIn }
        do {
            let bytes = try SourceFile.read(name, limit: 1 << 20)
            guard let node = try Yams.compose(yaml: String(decoding: bytes, as: UTF8.self)) else { return .builtIn }
            return try ModelCatalogue(parsing: JSONValue(node))
        } catch let error as FieldError {
            problems += error.problems.map { "the models file \"\(name)\": \($0)" }
        } catch let failure as CommandFailure {
            problems.append("the models file \(failure.message)")
        } catch {
            problems.append("the models file \"\(name)\" is not valid YAML")
        }
        return .builtIn
    }
}

extension Duration {
    /// Reads `90s`, `10m`, `1h30m`, `30d`, or a number of seconds.
    init?(settingText text: String) {
        if let seconds = Int(text) {
            self = .seconds(seconds)
            return
        }
        guard !text.isEmpty,
            let match = text.wholeMatch(of: /(?:(\d{1,4})d)?(?:(\d{1,4})h)?(?:(\d{1,6})m)?(?:(\d{1,8})s)?/)
        else { return nil }
        let seconds = zip([match.1, match.2, match.3, match.4], [86_400, 3_600, 60, 1])
            .reduce(0) { sum, part in sum + (part.0.flatMap { Int($0) } ?? 0) * part.1 }
        self = .seconds(seconds)
    }
}

extension JSONValue {
    /// A YAML document as JSON: plain scalars become booleans, numbers or null where YAML 1.2 says so.
    fileprivate init(_ node: Node) {
        switch node {
        case .mapping(let mapping):
            self = .object(
                Dictionary(mapping.map { ($0.key.string ?? "", JSONValue($0.value)) }) { _, last in last }
            )
        case .sequence(let sequence): self = .array(sequence.map { JSONValue($0) })
        case .scalar, .alias:
            if let scalar = node.scalar, scalar.style != .plain {
                self = .string(scalar.string)
            } else if let flag = node.bool, ["true", "false"].contains(node.string ?? "") {
                self = .bool(flag)
            } else if let whole = node.int {
                self = .integer(Int64(whole))
            } else if let number = node.float, number.isFinite {
                self = .number(number)
            } else if node.null != nil {
                self = .null
            } else {
                self = .string(node.string ?? "")
            }
        }
    }
}
