/// Why a file could not be read as an MP4.
///
/// Files that can be read but are not what we publish are no errors: see ``MP4Conformance``.
package struct MP4Error: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of failure.
    ///
    /// Stored: never rename a raw value.
    package enum Code: String, Sendable, CaseIterable {
        /// The bytes could not be fetched: the only case in which another try can help.
        case unreadable = "mp4_unreadable"
        /// The file is something else: a playlist, a picture, text.
        case notMP4 = "mp4_not_an_mp4"
        /// The boxes contradict themselves or end too early.
        case malformed = "mp4_malformed"
        /// A box, a table or a list is larger than anything we would read.
        case tooLarge = "mp4_too_large"
    }

    package let code: Code
    /// Shown to API callers: no paths, and nothing of the file but box types and numbers.
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}
