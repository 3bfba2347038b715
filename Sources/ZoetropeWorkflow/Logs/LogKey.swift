package import Logging

/// The names of what log lines say beside their text.
package enum LogKey: String, Sendable, CaseIterable {
    case requestID = "request_id"
    case animationID = "animation_id"
    case method
    /// The pattern of a path, never the path.
    case route
    case status
    case durationMilliseconds = "duration_ms"
    case bytes
    case code
    case error
    case detail
    case reason
    case providers
    case port
    case dependency
}

extension Dictionary where Key == String, Value == Logger.MetadataValue {
    package subscript(_ key: LogKey) -> Logger.MetadataValue? {
        get { self[key.rawValue] }
        set { self[key.rawValue] = newValue }
    }

    package init(_ pairs: KeyValuePairs<LogKey, Logger.MetadataValue>) {
        self.init(pairs.map { ($0.key.rawValue, $0.value) }) { _, last in last }
    }
}
