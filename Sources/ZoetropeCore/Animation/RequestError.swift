/// Everything that is wrong with a request, with the messages that callers rely on.
package struct RequestError: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Rule: Sendable, Hashable {
        case prompt
        case resolution
        case duration(offered: [Int])
        /// The only rule that asks for another plan and not for another value.
        case paidPlan(seconds: Int)
        case choice(offered: [String])
        case text
        case boolean
        case seed
        case object
    }

    package struct Problem: Sendable, Hashable {
        /// The name in `params`, or `params` itself.
        package let field: String
        package let rule: Rule

        package init(field: String, rule: Rule) {
            self.field = field
            self.rule = rule
        }

        package var message: String {
            switch rule {
            case .prompt:
                "Prompt is required (max \(AnimationRequest.maxPromptCodePoints) characters)"
            case .resolution:
                "Invalid resolution. Choose 480p, 720p, or 1080p"
            case .duration(let offered):
                "Invalid duration. Choose \(Self.list(offered.map(String.init))) seconds"
            case .paidPlan(let seconds):
                "\(seconds)-second animations are available on the paid plan"
            case .choice(let offered):
                "Invalid \(field). Choose \(Self.list(offered))"
            case .text:
                "Invalid \(field). Send a string"
            case .boolean:
                "Invalid \(field). Choose true or false"
            case .seed:
                "Invalid \(field). Choose a whole number from 0 to \(AnimationParams.largestSeed)"
            case .object:
                "Invalid \(field). Send a JSON object"
            }
        }

        /// "6", "6 or 10", "5, 6, or 10".
        private static func list(_ words: [String]) -> String {
            switch words.count {
            case ...1: words.joined()
            case 2: words.joined(separator: " or ")
            default: words.dropLast().joined(separator: ", ") + ", or " + words[words.count - 1]
            }
        }
    }

    /// In the order of the fields in the API's description.
    package let problems: [Problem]

    package var description: String { problems.map(\.message).joined(separator: "; ") }
}
