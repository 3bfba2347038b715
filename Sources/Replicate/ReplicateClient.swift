import Foundation

/// A client of Replicate's HTTP API, version 1.
///
/// ```swift
/// let replicate = try ReplicateClient(token: "r8_…")
/// let prediction = try await replicate.createPrediction(
///     .model("minimax/video-01-live"),
///     input: ["prompt": "The sea is calm.", "first_frame_image": "https://example.com/sea.jpg"],
///     cancelAfter: .seconds(20 * 60)
/// )
/// let done = try await replicate.waitUntilTerminal(prediction.id)
/// ```
///
/// Three rules hold for every call:
/// - A call that creates something is sent **once**, on a connection of its own. When its answer is lost the error says
///   ``ReplicateError/Kind/ambiguous``, and it is for the caller to find out.
/// - Other calls are repeated with jittered backoff, see ``RetryPolicy``, and then throw ``ReplicateError``.
/// - The token goes to the origin of the base URL and to no other.
///
/// A client may be used from any number of tasks, copied, and simply dropped: its connections close with its last copy.
public struct ReplicateClient: Sendable {
    /// Settings that most programs leave alone.
    public struct Configuration: Sendable {
        /// How calls that may be repeated are repeated.
        public var retry = RetryPolicy()
        /// The limit for connecting.
        public var connectTimeout = Duration.seconds(10)
        /// The limit of a create, from connecting to the end of its answer; a `wait` comes on top.
        public var createTimeout = Duration.seconds(60)
        /// The limit of each try of any other call.
        public var readTimeout = Duration.seconds(15)
        /// The limit of an upload.
        public var uploadTimeout = Duration.seconds(120)
        /// Where outputs may come from; a pattern may begin its host with `*.`, which stands for one or more labels.
        ///
        /// `nil` takes the environment's `REPLICATE_OUTPUT_ORIGINS`, patterns with commas between them, else Replicate's own hosts,
        /// `https://replicate.delivery,https://*.replicate.delivery`. A simulator or a gateway has hosts of its own.
        public var outputOrigins: [String]?
        /// The value of `User-Agent`.
        public var userAgent = "replicate-client-swift/0.1"
        /// What waiting is measured with: backoff and polling.
        ///
        /// Timeouts of the network are always real time.
        public var clock: any Clock<Duration> = ContinuousClock()
        /// Draws a number from 0 to 1 for each wait that is jittered.
        public var jitter: @Sendable () -> Double = { .random(in: 0...1) }

        /// Creates the usual settings.
        public init() {}
    }

    package let api: APIConnection
    let configuration: Configuration
    let outputOrigins: [OriginPattern]

    /// Creates a client.
    ///
    /// `token` is an API token, `r8_…`; `nil` takes the environment's `REPLICATE_API_TOKEN`. `baseURL` is the address of the API with or
    /// without its path `/v1`; `nil` takes `REPLICATE_BASE_URL`, else `https://api.replicate.com`. No connection is made yet.
    ///
    /// - Throws: ``ReplicateError`` of kind ``ReplicateError/Kind/permanent`` that names the value that cannot be used.
    public init(token: String? = nil, baseURL: String? = nil, configuration: Configuration = Configuration()) throws {
        let environment = ProcessInfo.processInfo.environment
        let token = token ?? environment["REPLICATE_API_TOKEN"] ?? ""
        guard !token.isEmpty else {
            throw Self.invalid("there is no API token: pass one or set REPLICATE_API_TOKEN")
        }
        // A line break in a header would be a second header.
        guard token.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
            throw Self.invalid("the API token holds a space or a character that is not ASCII")
        }
        let address =
            baseURL ?? environment["REPLICATE_BASE_URL"].flatMap { $0.isEmpty ? nil : $0 }
            ?? "https://api.replicate.com"
        guard let (base, path) = APIConnection.parts(of: address) else {
            throw Self.invalid(APIConnection.misuse(of: address, example: "https://api.replicate.com"))
        }
        guard configuration.userAgent.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7f }) else {
            throw Self.invalid("the user agent must be printable ASCII")
        }
        self.configuration = configuration
        let origins =
            configuration.outputOrigins
            ?? environment["REPLICATE_OUTPUT_ORIGINS"].map { $0.split(separator: ",").map(String.init) }
            ?? ["https://replicate.delivery", "https://*.replicate.delivery"]
        self.outputOrigins = try origins.map { text in
            guard let pattern = OriginPattern(text) else {
                throw Self.invalid("an output origin must look like \"https://*.replicate.delivery\", got \"\(text)\"")
            }
            return pattern
        }
        self.api = APIConnection(
            base: base,
            basePath: path.isEmpty ? "/v1" : path,
            dialect: .replicate,
            token: APIToken(value: token),
            userAgent: configuration.userAgent,
            retry: configuration.retry,
            clock: configuration.clock,
            jitter: configuration.jitter,
            transport: Transport(
                connectTimeout: configuration.connectTimeout,
                idleTimeout: max(.seconds(30), configuration.readTimeout)
            )
        )
    }

    private static func invalid(_ message: String) -> ReplicateError {
        ReplicateError(.permanent, "configure client", message)
    }
}
