extension World {
    private static let pageSize = 100

    /// Where a page begins, and which way it goes.
    private struct Cursor {
        /// The index in the account's list that is next in this direction.
        let position: Int
        let isOlder: Bool

        var text: String {
            RequestTarget.encoded(Array("\(isOlder ? "n" : "p")=\(position)".utf8).base64)
        }

        init(position: Int, isOlder: Bool) {
            self.position = position
            self.isOlder = isOlder
        }

        init?(_ text: String) {
            guard text.utf8.count <= 100, let bytes = [UInt8](base64: text) else { return nil }
            let parts = String(decoding: bytes, as: UTF8.self).split(separator: "=", omittingEmptySubsequences: false)
            guard parts.count == 2, parts[0] == "n" || parts[0] == "p", let position = Int(parts[1]), position >= -1
            else { return nil }
            self.init(position: position, isOlder: parts[0] == "n")
        }
    }

    /// A page of the account's predictions, newest first.
    mutating func list(_ account: Int, _ request: IncomingRequest, now: Moment) -> Answer {
        let own = accounts[account].predictions
        var range = 0..<own.count
        for (name, isAfter) in [("created_after", true), ("created_before", false)] {
            guard let text = request.target[name] else { continue }
            guard let moment = Moment(text: text) else {
                return Problem.plain(422, "\(name) must be an ISO 8601 date-time, got \"\(text.prefix(100))\"")
            }
            let split = firstIndex(of: own, createdFrom: moment)
            range = isAfter ? max(range.lowerBound, split)..<max(range.upperBound, split) : range.clamped(to: 0..<split)
        }
        var cursor = Cursor(position: range.upperBound - 1, isOlder: true)
        if let text = request.target["cursor"] {
            guard let read = Cursor(text) else { return Problem.plain(404, "Invalid cursor") }
            cursor = read
        }
        // Nobody makes predictions on the web here.
        if request.target["source"] == "web" { range = 0..<0 }
        return page(own, range, cursor, request, now: now)
    }

    /// The first place in a list, oldest first, whose prediction was created at a moment or later.
    private func firstIndex(of own: [Int], createdFrom moment: Moment) -> Int {
        var low = 0
        var high = own.count
        while low < high {
            let middle = (low + high) / 2
            if predictions[own[middle]].timeline.createdAt < moment { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private func page(
        _ own: [Int],
        _ range: Range<Int>,
        _ cursor: Cursor,
        _ request: IncomingRequest,
        now: Moment
    ) -> Answer {
        var found: [Int] = []
        var position =
            cursor.isOlder
            ? min(cursor.position, range.upperBound - 1)
            : max(cursor.position, range.lowerBound)
        while range.contains(position), found.count <= Self.pageSize {
            if isListed(predictions[own[position]], now: now) { found.append(position) }
            position += cursor.isOlder ? -1 : 1
        }
        let hasMore = found.count > Self.pageSize
        if hasMore { found.removeLast() }
        if !cursor.isOlder { found.reverse() }

        var next: Cursor?
        var previous: Cursor?
        if let newest = found.first, let oldest = found.last {
            if cursor.isOlder ? hasMore : range.contains(oldest - 1) {
                next = Cursor(position: oldest - 1, isOlder: true)
            }
            let hasNewer = cursor.isOlder ? request.target["cursor"] != nil : hasMore
            if hasNewer, range.contains(newest + 1) { previous = Cursor(position: newest + 1, isOlder: false) }
        }
        let results = found.map {
            predictions[own[$0]].json(.list, base: request.base, now: now, switches: switches)
        }
        return .json([
            "previous": JSONValue(previous.map { url(of: $0, request) }),
            "next": JSONValue(next.map { url(of: $0, request) }),
            "results": .array(results),
        ])
    }

    private func isListed(_ prediction: Prediction, now: Moment) -> Bool {
        prediction.timeline.createdAt + max(switches.listLag, prediction.plan.listedAfter) <= now
    }

    private func url(of cursor: Cursor, _ request: IncomingRequest) -> String {
        var items = ["cursor=\(cursor.text)"]
        for item in request.target.query where item.name == "created_after" || item.name == "created_before" {
            items.append("\(item.name)=\(RequestTarget.encoded(item.value))")
        }
        return "\(request.base)/v1/predictions?\(items.joined(separator: "&"))"
    }
}
