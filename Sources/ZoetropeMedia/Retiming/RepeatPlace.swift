/// How often a picture can be repeated, and where its copies stand in the stream.
struct RepeatPlace: Sendable, Equatable {
    /// Copies at most.
    let capacity: Int
    /// The copies stand before the picture with this number in decoding order.
    let position: Int

    /// Nobody shows a frame longer than this when it ought to move.
    private static let most = 8

    static let none = RepeatPlace(capacity: 0, position: 0)

    /// The places of all pictures, by decoding order.
    static func all(in timeline: DecodingTimeline, _ sequence: SequenceSyntax) -> [RepeatPlace] {
        var places = [RepeatPlace](repeating: .none, count: timeline.headers.count)
        let forgotten = forgotten(in: timeline)
        for (place, picture) in timeline.shown.enumerated() where timeline.headers[picture].isReference {
            let next = place + 1 < timeline.shown.count ? timeline.shown[place + 1] : nil
            let isLast = next.map { timeline.periods[$0] != timeline.periods[picture] } ?? true
            if sequence.orderType == 2 {
                // The order of the copy follows from its frame number: there is one such number, if the next picture is
                // a reference.
                let isFree = isLast || next.map { timeline.headers[$0].isReference } ?? true
                places[picture] = RepeatPlace(capacity: isFree ? 1 : 0, position: picture + 1)
            } else {
                // Late in the stream, so that it is shown at once and needs no room; but while its source is there.
                let end = isLast ? next ?? timeline.headers.count : max(next ?? 0, picture + 1)
                let free =
                    isLast ? most : (next.map { timeline.orders[$0] - timeline.orders[picture] - 1 } ?? 0)
                places[picture] = RepeatPlace(
                    capacity: min(free, most),
                    position: min(end, forgotten[picture])
                )
            }
        }
        return places
    }

    /// For each picture the first one after whose decoding it is no reference any more.
    private static func forgotten(in timeline: DecodingTimeline) -> [Int] {
        var forgotten = [Int](repeating: timeline.headers.count, count: timeline.headers.count)
        for index in timeline.headers.indices.dropFirst() {
            for frame in timeline.references[index - 1]
            where !timeline.references[index].contains(where: { $0.picture == frame.picture }) {
                forgotten[frame.picture] = index
            }
        }
        return forgotten
    }
}
