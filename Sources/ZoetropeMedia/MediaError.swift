/// Why the media path failed.
package struct MediaError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Stored and shown: never rename a raw value.
    package enum Code: String, Sendable, CaseIterable {
        /// The photo cannot be decoded.
        case sourceUnreadable = "source_unreadable"
        /// A program that we need is not installed, or cannot run.
        case toolMissing = "tool_missing"
        /// A program ended with an error that has nothing to do with the photo.
        case toolFailed = "tool_failed"
        /// A program did not end in time and was stopped.
        case toolTimedOut = "tool_timed_out"
        /// The finished file is not what was promised.
        case outputInvalid = "output_invalid"
        /// There is no room, or no right, to write the file.
        case storageUnavailable = "storage_unavailable"
    }

    package let code: Code
    /// One sentence for a person: no paths of ours, no command lines.
    package let message: String
    /// For operators: what the program said.
    ///
    /// Bounded.
    package let detail: String
    /// Whether the same work may succeed if it is done again.
    package let isRetryable: Bool

    package init(_ code: Code, _ message: String, detail: String = "", isRetryable: Bool = false) {
        self.code = code
        self.message = message
        self.detail = String(detail.prefix(4_096))
        self.isRetryable = isRetryable
    }

    package var description: String { message }
}
