/// Why a video was not moved into a new file.
package struct MP4MoveError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of reason.
    package enum Code: String, Sendable, CaseIterable {
        /// It is damaged, or it is not certain that it would mean the same: encode it.
        case unsuitable
        /// The source could not be read, the result not be written: nothing was learnt of the video.
        case storage
    }

    package let code: Code
    /// For operators: numbers and box types of the file, none of its text, no paths.
    package let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    init(_ error: MP4Error) {
        self.init(error.code == .unreadable ? .storage : .unsuitable, error.message)
    }

    package var description: String { message }
}
