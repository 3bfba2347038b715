import Foundation
import Replicate
import StrictJSON

/// Where a prediction carries the tag of the intent that it was made for.
enum AttemptTag {
    /// The query item that holds the tag.
    static let item = "attempt"

    /// The webhook address of an attempt.
    static func webhook(base: String, tag: String) -> String {
        "\(base)/api/v1/webhooks/replicate?\(item)=\(tag)"
    }

    /// The tag that a prediction shows: in its webhook's query, else in the query of an input's URL.
    static func shown(by prediction: Prediction) -> String? {
        let urls = [prediction.webhook].compactMap(\.self) + strings(in: .object(prediction.input))
        return urls.lazy.compactMap(tag(inQueryOf:)).first
    }

    /// Texts of a prediction's input, one of which may be the URL of an intent's image.
    static func inputs(of prediction: Prediction) -> [String] { strings(in: .object(prediction.input)) }

    /// Whether a prediction was made for the tag: its webhook says so, or an input is the attempt's or holds its tag.
    static func isCarried(by prediction: Prediction, tag: String, inputURL: String?) -> Bool {
        if let webhook = prediction.webhook, self.tag(inQueryOf: webhook) == tag { return true }
        return strings(in: .object(prediction.input)).contains { $0 == inputURL || contains(tag, in: $0) }
    }

    /// Whether a prediction shows nothing that could carry a tag, as after the removal of its data.
    static func isHidden(by prediction: Prediction) -> Bool {
        prediction.webhook == nil && prediction.input.isEmpty
    }

    private static func tag(inQueryOf url: String) -> String? {
        // Most texts are no addresses with this item, and taking one apart is dear.
        let bytes = url.utf8
        guard let mark = bytes.firstIndex(of: UInt8(ascii: "?")) else { return nil }
        let query = url[mark...]
        guard query.contains("%") || query.contains("#") || query.contains("+") else {
            // Nothing in it is written otherwise than it is meant.
            let prefix = "\(item)="
            return query.dropFirst().split(separator: "&").first { $0.hasPrefix(prefix) }
                .map { String($0.dropFirst(prefix.count)) }
        }
        return URLComponents(string: url)?.queryItems?.first { $0.name == item }?.value
    }

    /// Whether a text holds the tag as a whole word, so that no tag is found in a longer one.
    private static func contains(_ tag: String, in text: String) -> Bool {
        func isWord(_ character: Character?) -> Bool { character.map { $0.isLetter || $0.isNumber } ?? false }
        return !tag.isEmpty
            && text.ranges(of: tag)
                .contains { range in
                    !isWord(text[..<range.lowerBound].last) && !isWord(text[range.upperBound...].first)
                }
    }

    /// Every text in a value, files in data URIs left out.
    private static func strings(in value: JSONValue) -> [String] {
        switch value {
        case .string(let text): text.hasPrefix("data:") ? [] : [text]
        case .array(let elements): elements.flatMap(strings)
        case .object(let members): members.values.flatMap(strings)
        case .null, .bool, .integer, .number: []
        }
    }
}
