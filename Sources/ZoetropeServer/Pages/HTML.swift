/// Markup that may be sent as it stands.
///
/// It is written as a literal. Text that is put into one is escaped; only markup goes in as it is, so text from outside
/// cannot become a tag, or leave an attribute in double quotes:
///
///     let card: HTML = "<p title=\"\(name)\">\(name)</p>"
package struct HTML: Sendable, Hashable, ExpressibleByStringInterpolation {
    /// The markup.
    package let text: String

    private init(markup text: String) { self.text = text }

    package init(stringLiteral text: StaticString) { self.text = text.description }

    package init(stringInterpolation parts: Parts) { text = parts.text }

    /// Text that reads as it is written.
    init(_ text: some StringProtocol) { self.text = Self.escape(text) }

    /// Pieces one after the other.
    init(_ pieces: some Sequence<HTML>) { text = pieces.map(\.text).joined() }

    static func + (left: HTML, right: HTML) -> HTML { HTML(markup: left.text + right.text) }

    private static func escape(_ text: some StringProtocol) -> String {
        var escaped = ""
        escaped.reserveCapacity(text.utf8.count)
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "'": escaped += "&#39;"
            // HTML has no NUL.
            case "\0": escaped += "\u{FFFD}"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }

    package struct Parts: StringInterpolationProtocol {
        var text = ""

        package init(literalCapacity: Int, interpolationCount: Int) {
            text.reserveCapacity(2 * literalCapacity)
        }

        /// Only what stands in our sources is a `StaticString`.
        package mutating func appendLiteral(_ literal: StaticString) { text += literal.description }
        package mutating func appendInterpolation(_ markup: HTML) { text += markup.text }
        /// Nothing where there is none.
        package mutating func appendInterpolation(_ markup: HTML?) { text += markup?.text ?? "" }
        package mutating func appendInterpolation(_ pieces: [HTML]) {
            for piece in pieces { text += piece.text }
        }
        package mutating func appendInterpolation(_ words: String) { text += HTML.escape(words) }
        package mutating func appendInterpolation(_ number: Int) { text += String(number) }
        /// The name of an attribute that stands alone, such as `checked`, where it applies.
        package mutating func appendInterpolation(_ attribute: StaticString, if applies: Bool) {
            if applies { text += attribute.description }
        }
    }
}
