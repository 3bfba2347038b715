public import Foundation

/// What a Cog server says about itself.
public struct CogHealth: Sendable, Hashable {
    /// The state of the server; open, like ``PredictionStatus``.
    public struct Status: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
        /// The word as the server writes it.
        public let rawValue: String

        /// Takes a word as it is.
        public init(rawValue: String) { self.rawValue = rawValue }
        /// The same for people.
        public var description: String { rawValue }

        /// Nothing is known yet.
        public static let unknown = Status(rawValue: "UNKNOWN")
        /// The model is being loaded.
        public static let starting = Status(rawValue: "STARTING")
        /// It takes a prediction.
        public static let ready = Status(rawValue: "READY")
        /// All slots are taken.
        public static let busy = Status(rawValue: "BUSY")
        /// The model could not be loaded; it never will.
        public static let setupFailed = Status(rawValue: "SETUP_FAILED")
        /// The model's process is gone; restart the container.
        public static let defunct = Status(rawValue: "DEFUNCT")
        /// The model's own health check failed.
        public static let unhealthy = Status(rawValue: "UNHEALTHY")
    }

    /// The state of the server.
    public let status: Status
    /// Everything that the answer held.
    public let members: [String: JSONValue]

    /// When loading the model began.
    public var setupStartedAt: Date? { members["setup"]?["started_at"]?.string.flatMap(Timestamp.parse) }
    /// When loading the model ended.
    public var setupCompletedAt: Date? { members["setup"]?["completed_at"]?.string.flatMap(Timestamp.parse) }
    /// What loading the model printed.
    public var setupLogs: String? { members["setup"]?["logs"]?.string }
    /// The version of Cog.
    public var cogVersion: String? { members["version"]?["cog"]?.string }

    init(_ json: JSONValue) throws {
        guard let members = json.object, let status = members["status"]?.string else {
            throw UnreadableAnswer("a health check without status")
        }
        self.status = Status(rawValue: status)
        self.members = members
    }
}
