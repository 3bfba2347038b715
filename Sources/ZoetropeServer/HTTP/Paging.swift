import Foundation
import Hummingbird
import ZoetropeCore
import ZoetropeWorkflow

/// Which page of a list is wanted: `limit` (1 to 100, 20 without) and `cursor`.
struct PageRequest: Sendable {
    let limit: Int
    let after: PagePlace?

    /// Throws the 422 ``Problem`` with everything that is wrong.
    init(_ request: Request) throws(Problem) {
        var problems: [Problem.Field] = []
        limit = request.wholeNumber("limit", 1...100, &problems) ?? 20
        after = request.uri.queryParameters["cursor"]
            .flatMap { text in
                let place = PagePlace(cursor: String(text))
                if place == nil {
                    problems.append(
                        .init(field: "cursor", message: "Invalid cursor. Send the next_cursor of the page before")
                    )
                }
                return place
            }
        guard problems.isEmpty else { throw Problem(invalid: problems) }
    }
}

extension Request {
    /// A query parameter that is a whole number; notes what else it is.
    func wholeNumber(_ name: String, _ range: ClosedRange<Int>, _ problems: inout [Problem.Field]) -> Int? {
        guard let text = uri.queryParameters[Substring(name)] else { return nil }
        guard let number = Int(text), range.contains(number), !text.hasPrefix("+") else {
            let (low, high) = (range.lowerBound, range.upperBound)
            problems.append(
                .init(field: name, message: "Invalid \(name). Choose a whole number from \(low) to \(high)")
            )
            return nil
        }
        return number
    }
}

extension PagePlace {
    /// The place as callers are given it: milliseconds since 1970, a point, and the identifier.
    var cursor: String {
        "\(Int64((createdAt.timeIntervalSince1970 * 1_000).rounded())).\(id.text)"
    }

    /// Nil for what is no cursor of ours.
    init?(cursor: String) {
        let parts = cursor.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        // Up to the year 9999.
        guard parts.count == 2, let milliseconds = Int64(parts[0]), (0...253_402_300_799_999).contains(milliseconds),
            let id = UUID(text: String(parts[1]))
        else { return nil }
        self.init(createdAt: Date(timeIntervalSince1970: Double(milliseconds) / 1_000), id: id)
    }
}
