import ZoetropeCore
import ZoetropeMedia
import ZoetropeTokens

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
        "file:FOLDER or s3://bucket[/prefix]?endpoint=http://host:port&region=…&path_style=true, for images and videos; keys as for the AWS SDKs, from AWS_ACCESS_KEY_ID and so on; without it objects in the data folder"
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
    static let openAIVideosURL = Setting(
        "openai_videos_url",
        "ZOETROPE_OPENAI_VIDEOS_URL",
        secrecy: .address,
        "a server that speaks OpenAI's Videos interface, such as http://gpu:8000/v1, for models of provider openai-videos in the models file"
    )
    static let openAIVideosKey = Setting(
        "openai_videos_api_key",
        "ZOETROPE_OPENAI_VIDEOS_API_KEY",
        secrecy: .secret,
        "the key of that server; without it none is sent"
    )
    static let openAIVideosOutputOrigins = Setting(
        "openai_videos_output_origins",
        "ZOETROPE_OPENAI_VIDEOS_OUTPUT_ORIGINS",
        "where that server's results may lie outside itself, separated by commas; the key is not sent there"
    )
    static let auth = Setting(
        "auth",
        "ZOETROPE_AUTH",
        "local: one user, no login, on a loopback address only; token: access tokens; without it local on a loopback address, else token"
    )
    static let retentionDays = Setting(
        "retention_days",
        "ZOETROPE_RETENTION_DAYS",
        default: "30",
        "days after which animations are deleted"
    )
    static let urlLifetime = Setting(
        "url_lifetime",
        "ZOETROPE_URL_LIFETIME",
        default: "1h",
        "how long a signed URL works"
    )
    static let signingSecret = Setting(
        "signing_secret",
        "ZOETROPE_SIGNING_SECRET",
        secrecy: .secret,
        "what signed URLs and callbacks are signed with, at least 32 bytes, the same for all processes; several separated by commas: the first signs, all verify; without it made and kept in secrets/ in the data folder"
    )
    static let trustedHosts = Setting(
        "trusted_hosts",
        "ZOETROPE_TRUSTED_HOSTS",
        "hosts of your own network that callbacks may go to and images may come from, as host:port, separated by commas; all others must be public"
    )
    static let alertURL = Setting(
        "alert_webhook_url",
        "ZOETROPE_ALERT_WEBHOOK_URL",
        secrecy: .secret,
        "critical failures are posted there as JSON"
    )
    static let metrics = Setting(
        "metrics",
        "ZOETROPE_METRICS",
        default: "loopback",
        "who may read /metrics: loopback, this machine only; public, everybody who reaches the port"
    )
    static let freeLimits = Setting(
        "free_limits",
        "ZOETROPE_FREE_LIMITS",
        default: TierLimits.standard(for: .free).description,
        "what a user of the free tier may have under way, start and spend (US dollars) in a UTC day, and ask in a minute; or none"
    )
    static let paidLimits = Setting(
        "paid_limits",
        "ZOETROPE_PAID_LIMITS",
        default: TierLimits.standard(for: .paid).description,
        "the same for the paid tier"
    )
    static let mostConnections = Setting(
        "max_connections",
        "ZOETROPE_MAX_CONNECTIONS",
        default: "20000",
        "HTTP connections at a time; what comes beyond waits"
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
    static let retiming = Setting(
        "retiming",
        "ZOETROPE_RETIMING",
        default: RetimingPolicy.lossless.rawValue,
        "lossless: a good video of another frame rate is edited, not encoded again; encode: always encoded, for players that stumble over edited files"
    )
    static let encode = Setting(
        "encode",
        "ZOETROPE_ENCODE",
        default: EncodeEffort.standard.rawValue,
        "how hard an encode tries: standard; fast: sooner ready, larger files; small: smaller files, later ready"
    )

    static let jwtSecret = Setting(
        "jwt_secret",
        "ZOETROPE_JWT_SECRET",
        secrecy: .secret,
        "secret of the access tokens (HS256), at least 32 bytes; several separated by commas: the first signs, all verify; without it, and without a key set, made and kept in secrets/jwt in the data folder"
    )
    static let jwksURL = Setting(
        "jwks_url",
        "ZOETROPE_JWKS_URL",
        secrecy: .address,
        "key set of the issuer that access tokens come from (RS256, ES256 or EdDSA)"
    )
    static let jwtAudience = Setting(
        "jwt_audience",
        "ZOETROPE_JWT_AUDIENCE",
        default: TokenRules.usualAudience,
        "what access tokens must name as their audience (aud)"
    )
    static let jwtIssuer = Setting(
        "jwt_issuer",
        "ZOETROPE_JWT_ISSUER",
        "what access tokens must name as their issuer (iss); without it any"
    )

    static let all = [
        dataFolder, databaseURL, storageURL, replicateToken, replicateBaseURL, replicateOutputOrigins, webhookSecret,
        publicURL, cogURL, openAIVideosURL, openAIVideosKey, openAIVideosOutputOrigins, auth, retentionDays,
        urlLifetime,
        signingSecret, trustedHosts, alertURL, metrics, freeLimits, paidLimits, mostConnections, modelsFile,
        generationTimeout, dailyBudget, lease, submitTimeout, ffmpeg, sandbox, retiming, encode, jwtSecret, jwksURL,
        jwtAudience,
        jwtIssuer,
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
