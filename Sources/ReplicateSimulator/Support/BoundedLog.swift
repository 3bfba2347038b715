/// Keeps the newest entries; the oldest half is dropped when it is full.
struct BoundedLog<Entry: Sendable>: Sendable {
    private(set) var entries: [Entry] = []
    /// The number of the first entry that is still kept, counted from 0.
    private(set) var firstNumber = 0
    let limit: Int

    /// An empty one whose numbers begin somewhere.
    init(limit: Int, firstNumber: Int = 0) {
        self.limit = limit
        self.firstNumber = firstNumber
    }

    /// The number of the next entry.
    var nextNumber: Int { firstNumber + entries.count }

    /// Returns the entry's number, for ``update(_:_:)``.
    @discardableResult
    mutating func append(_ entry: Entry) -> Int {
        if entries.count >= limit {
            let dropped = max(1, limit / 2)
            entries.removeFirst(dropped)
            firstNumber += dropped
        }
        entries.append(entry)
        return nextNumber - 1
    }

    /// Changes an entry; does nothing when it was dropped meanwhile.
    mutating func update(_ number: Int, _ change: (inout Entry) -> Void) {
        let index = number - firstNumber
        guard entries.indices.contains(index) else { return }
        change(&entries[index])
    }
}
