/// Text that is not JSON, or a value that JSON cannot hold.
public struct JSONError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong and at which byte, without the text's content.
    public let description: String

    init(_ description: String) {
        self.description = description
    }
}
