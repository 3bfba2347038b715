/// A body that is not a form by RFC 2046 and RFC 7578, or one with more than we take.
package struct MultipartError: Error, Sendable, Hashable, CustomStringConvertible {
    /// A sentence that names the rule; holds nothing of the body.
    package let description: String

    init(_ description: String) {
        self.description = description
    }
}
