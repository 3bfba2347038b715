/// What a decoder does with a stream of pictures: order on the screen, references, buffer.
///
/// Source: ITU-T H.264, clauses 8.2.1 (picture order), 8.2.5 (marking), C.4 (output by «bumping»). All arrays are by
/// decoding order.
struct DecodingTimeline: Sendable {
    let headers: [SliceHeader]
    /// The picture order count.
    let orders: [Int]
    /// From one key frame to the next; orders are compared within one period only.
    let periods: [Int]
    /// The references after each picture.
    let references: [[ReferenceMarking.Frame]]
    /// What `frame_num` the picture after each one has.
    let nextFrameNumbers: [Int]
    /// The pictures as they are shown.
    let shown: [Int]

    init(_ headers: [SliceHeader], _ sequence: SequenceSyntax) throws(RetimingRefusal) {
        guard let first = headers.first, first.isKeyFrame else {
            throw RetimingRefusal(.startsWithoutKeyFrame, "the first picture is no key frame")
        }
        var marking = ReferenceMarking(sequence)
        var counter = OrderCounter(sequence)
        var (orders, periods, nextNumbers): ([Int], [Int], [Int]) = ([], [], [])
        var references: [[ReferenceMarking.Frame]] = []
        for (index, header) in headers.enumerated() {
            let expected = header.isKeyFrame ? 0 : nextNumbers.last ?? 0
            guard header.frameNumber == expected else {
                throw RetimingRefusal(
                    .frameNumberGap,
                    "picture \(index) has frame number \(header.frameNumber) in the place of \(expected)"
                )
            }
            try marking.decode(header, index)
            orders.append(counter.order(of: header))
            periods.append((periods.last ?? -1) + (header.isKeyFrame ? 1 : 0))
            references.append(marking.frames)
            nextNumbers.append(
                header.isReference ? (header.frameNumber + 1) % sequence.maxFrameNumber : header.frameNumber
            )
        }
        let shown = headers.indices.sorted { (periods[$0], orders[$0]) < (periods[$1], orders[$1]) }
        for (one, next) in zip(shown, shown.dropFirst())
        where periods[one] == periods[next] && orders[one] == orders[next] {
            throw RetimingRefusal(.equalPictureOrder, "pictures \(one) and \(next) have the same order")
        }
        (self.headers, self.orders, self.periods, self.references) = (
            headers, orders, periods, references
        )
        (nextFrameNumbers, self.shown) = (nextNumbers, shown)
    }

    /// How many pictures precede a picture in the file and follow it on the screen, at most (clause E.2.1).
    var reorderDepth: Int {
        var places = [Int](repeating: 0, count: shown.count)
        for (place, picture) in shown.enumerated() { places[picture] = place }
        var depth = 0
        // The latest places so far, the latest first; more than a legal stream can have change nothing.
        var latest: [Int] = []
        for place in places {
            let index = latest.firstIndex { $0 <= place } ?? latest.count
            depth = max(depth, index)
            latest.insert(place, at: index)
            if latest.count > MP4FrameTiming.deepest + 1 { latest.removeLast() }
        }
        return depth
    }

    /// Whether a decoder that has room for so many frames shows them in their order (clause C.4.5).
    func fits(_ capacity: Int) -> Bool {
        var buffer = OutputBuffer(self, capacity: capacity)
        for picture in headers.indices {
            guard buffer.decode(picture) else { return false }
        }
        buffer.flush()
        return buffer.output == shown
    }
}

/// Counts the order of pictures, clauses 8.2.1.1 and 8.2.1.3.
private struct OrderCounter {
    private let type: Int
    private let modulus: Int
    /// Of the reference picture before: what its order count is but for the lower bits, and these.
    private var (high, low) = (0, 0)
    private var (offset, lastFrameNumber) = (0, 0)

    init(_ sequence: SequenceSyntax) {
        type = sequence.orderType
        modulus = type == 0 ? 1 << sequence.orderBits : sequence.maxFrameNumber
    }

    mutating func order(of header: SliceHeader) -> Int {
        type == 0 ? orderByBits(header) : orderByFrameNumber(header)
    }

    private mutating func orderByBits(_ header: SliceHeader) -> Int {
        if header.isKeyFrame { (high, low) = (0, 0) }
        var high = high
        if header.orderBits < low, low - header.orderBits >= modulus / 2 {
            high += modulus
        } else if header.orderBits > low, header.orderBits - low > modulus / 2 {
            high -= modulus
        }
        if header.isReference { (self.high, low) = (high, header.orderBits) }
        return high + header.orderBits + min(0, header.bottomOrderDifference)
    }

    private mutating func orderByFrameNumber(_ header: SliceHeader) -> Int {
        if header.isKeyFrame { (offset, lastFrameNumber) = (0, 0) }
        if lastFrameNumber > header.frameNumber { offset += modulus }
        lastFrameNumber = header.frameNumber
        guard !header.isKeyFrame else { return 0 }
        return 2 * (offset + header.frameNumber) - (header.isReference ? 0 : 1)
    }
}

/// The buffer of decoded pictures of a decoder that puts out as late as it may, clause C.4.5.
private struct OutputBuffer {
    private let timeline: DecodingTimeline
    private let capacity: Int
    private var stored: [Int] = []
    /// Those that have not been shown yet.
    private var waiting: [Int] = []
    private(set) var output: [Int] = []

    init(_ timeline: DecodingTimeline, capacity: Int) {
        self.timeline = timeline
        self.capacity = capacity
    }

    /// - Returns: whether there was room.
    mutating func decode(_ picture: Int) -> Bool {
        if timeline.headers[picture].isKeyFrame {
            flush()
            stored = []
        }
        removeUnused(after: picture)
        while stored.count >= capacity {
            if !timeline.headers[picture].isReference,
                waiting.allSatisfy({ timeline.orders[$0] > timeline.orders[picture] })
            {
                output.append(picture)
                return true
            }
            guard bump() else { return false }
            removeUnused(after: picture)
        }
        stored.append(picture)
        waiting.append(picture)
        return true
    }

    mutating func flush() {
        while bump() {}
    }

    private mutating func removeUnused(after picture: Int) {
        stored.removeAll { kept in
            !waiting.contains(kept) && !timeline.references[picture].contains { $0.picture == kept }
        }
    }

    private mutating func bump() -> Bool {
        guard
            let next = waiting.indices.min(by: {
                timeline.orders[waiting[$0]] < timeline.orders[waiting[$1]]
            })
        else {
            return false
        }
        output.append(waiting.remove(at: next))
        return true
    }
}
