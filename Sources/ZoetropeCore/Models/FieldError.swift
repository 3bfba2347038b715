/// Everything that is wrong with a document that was read field by field.
package struct FieldError: Error, Sendable, Hashable, CustomStringConvertible {
    package struct Problem: Sendable, Hashable, CustomStringConvertible {
        /// Where, for example `models[0].durations`.
        package let path: String
        /// The rule and the value, for example `must be true or false, got "yes"`.
        package let message: String

        package var description: String { "\(path) \(message)" }
    }

    /// In the order of the document's description, unknown fields of an object after its known ones.
    package let problems: [Problem]

    /// One line for each problem.
    package var description: String { problems.map(\.description).joined(separator: "\n") }
}
