import ZoetropeMedia

/// One setting: its names, its default and what it means.
struct Setting: Sendable {
    /// How much of a value may be shown.
    enum Secrecy: Sendable {
        case open
        /// An address that may hold a password, which is masked.
        case address
        /// Nothing of it is shown.
        case secret
    }

    /// Name in `zoetrope.yaml`.
    let key: String
    /// Name in the environment.
    let environment: String
    /// Text of the default; nil where there is none.
    let defaultText: String?
    let secrecy: Secrecy
    let meaning: String

    private init(
        _ key: String,
        _ environment: String,
        default defaultText: String? = nil,
        secrecy: Secrecy = .open,
        _ meaning: String
    ) {
        self.key = key
        self.environment = environment
        self.defaultText = defaultText
        self.secrecy = secrecy
        self.meaning = meaning
    }

    static let dataFolder = Setting(
        "data_dir",
        "ZOETROPE_DATA_DIR",
        default: "./zoetrope-data",
        "folder of the SQLite file, local objects and scratch space"
    )
    static let databaseURL = Setting(
        "database_url",
        "ZOETROPE_DATABASE_URL",
        secrecy: .address,
        "sqlite:PATH, or postgres://user:pass@host:port/db?sslmode=…; without it zoetrope.sqlite in the data folder"
    )
    static let storageURL = Setting(
        "storage_url",
        "ZOETROPE_STORAGE_URL",
        secrecy: .address,
        "file:FOLDER for images and videos; without it objects in the data folder"
    )
    static let replicateToken = Setting(
        "replicate_api_token",
        "REPLICATE_API_TOKEN",
        secrecy: .secret,
        "token for the models on Replicate; without it the local renderer is used"
    )
    static let replicateBaseURL = Setting(
        "replicate_base_url",
        "REPLICATE_BASE_URL",
        default: "https://api.replicate.com",
        secrecy: .address,
        "Replicate's API, or the simulator's"
    )
    static let replicateOutputOrigins = Setting(
        "replicate_output_origins",
        "REPLICATE_OUTPUT_ORIGINS",
        default: "https://replicate.delivery,https://*.replicate.delivery",
        "where results may be fetched from, separated by commas"
    )
    static let webhookSecret = Setting(
        "replicate_webhook_secret",
        "ZOETROPE_REPLICATE_WEBHOOK_SECRET",
        secrecy: .secret,
        "whsec_…, several separated by commas; without it fetched from Replicate"
    )
    static let publicURL = Setting(
        "public_url",
        "ZOETROPE_PUBLIC_URL",
        secrecy: .address,
        "where Replicate can reach this service; without it there are no webhooks, and polling does the work"
    )
    static let cogURL = Setting(
        "cog_url",
        "ZOETROPE_COG_URL",
        secrecy: .address,
        "a self-hosted Cog model server, for models of provider cog in the models file"
    )
    static let modelsFile = Setting(
        "models_file",
        "ZOETROPE_MODELS_FILE",
        "YAML or JSON file that adds models or replaces built-in ones; see docs/models.md"
    )
    static let generationTimeout = Setting(
        "generation_timeout",
        "ZOETROPE_GENERATION_TIMEOUT",
        default: "10m",
        "a generation that brings nothing in this time is cancelled, tried once more, then given up"
    )
    static let dailyBudget = Setting(
        "daily_budget_usd",
        "ZOETROPE_DAILY_BUDGET_USD",
        "no paid call once the day's (UTC) booked and reserved cost would pass this many US dollars"
    )
    static let lease = Setting(
        "lease",
        "ZOETROPE_LEASE",
        default: "30s",
        "a run whose worker has died is taken over after this: 1s to 60s"
    )
    static let submitTimeout = Setting(
        "submit_timeout",
        "ZOETROPE_SUBMIT_TIMEOUT",
        default: "60s",
        "a call that starts a generation is over after this; lost answers are then searched for, for about 23 times as long: 1s to 120s"
    )
    static let ffmpeg = Setting(
        "ffmpeg",
        "ZOETROPE_FFMPEG",
        default: "ffmpeg",
        "the ffmpeg program: a name in PATH, or a path"
    )
    static let sandbox = Setting(
        "sandbox",
        "ZOETROPE_SANDBOX",
        default: SandboxPolicy.auto.rawValue,
        "auto: bubblewrap when it works; bubblewrap: nothing runs without it; limits: limits and a deadline only"
    )

    static let all = [
        dataFolder, databaseURL, storageURL, replicateToken, replicateBaseURL, replicateOutputOrigins, webhookSecret,
        publicURL, cogURL, modelsFile, generationTimeout, dailyBudget, lease, submitTimeout, ffmpeg, sandbox,
    ]
}

/// A setting's value and where it came from.
struct SettingValue: Sendable {
    let setting: Setting
    let text: String?
    let source: String

    /// The value as it may be shown to anyone.
    var shown: String {
        guard let text else { return "(none)" }
        return switch setting.secrecy {
        case .open: text
        case .address: Self.withoutPassword(text)
        case .secret: "(secret, set)"
        }
    }

    /// "postgres://user:***@host/db".
    private static func withoutPassword(_ address: String) -> String {
        let address = address.replacing(/(?i)([?&]password=)[^&]*/) { "\($0.output.1)***" }
        guard let scheme = address.firstRange(of: "://"), let at = address.lastIndex(of: "@") else { return address }
        let user = address[scheme.upperBound..<at].prefix { $0 != ":" }
        return "\(address[..<scheme.upperBound])\(user):***\(address[at...])"
    }
}
