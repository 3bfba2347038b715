/// A queue that gives the smallest element first; insertion order breaks ties.
struct BinaryHeap<Key: Comparable & Sendable, Element: Sendable>: Sendable {
    private struct Entry: Sendable {
        let key: Key
        let number: Int
        let element: Element

        func precedes(_ other: Entry) -> Bool {
            key == other.key ? number < other.number : key < other.key
        }
    }

    private var entries: [Entry] = []
    private var inserted = 0

    var isEmpty: Bool { entries.isEmpty }
    var smallestKey: Key? { entries.first?.key }

    mutating func insert(_ element: Element, at key: Key) {
        entries.append(Entry(key: key, number: inserted, element: element))
        inserted += 1
        var child = entries.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard entries[child].precedes(entries[parent]) else { return }
            entries.swapAt(child, parent)
            child = parent
        }
    }

    /// Removes the first element whose key is not above the limit.
    mutating func pop(through limit: Key) -> (key: Key, element: Element)? {
        guard let first = entries.first, first.key <= limit else { return nil }
        let last = entries.removeLast()
        if !entries.isEmpty {
            entries[0] = last
            sink()
        }
        return (first.key, first.element)
    }

    private mutating func sink() {
        var parent = 0
        while true {
            var smallest = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < entries.count && entries[child].precedes(entries[smallest]) {
                smallest = child
            }
            guard smallest != parent else { return }
            entries.swapAt(parent, smallest)
            parent = smallest
        }
    }
}
