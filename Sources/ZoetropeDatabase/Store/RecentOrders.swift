import Synchronization
import ZoetropeCore

/// What the runs that were read last had been asked for: it never changes, and reading it is half of reading a run.
///
/// A run that waits is read again at every look.
final class RecentOrders: Sendable {
    struct Order: Sendable {
        let request: AnimationRequest
        let source: SourceImage
    }

    private struct Entry {
        /// What the columns held when they were read.
        let requestText: String
        let sourceText: String
        let order: Order
    }

    /// About 4 MB; with more runs under way most are read anew.
    private static let most = 1_024

    private let entries = Mutex<[AnimationID: Entry]>([:])

    /// Throws ``DatabaseError`` when the row cannot be read.
    func order(of id: AnimationID, in row: SQLRow) throws -> Order {
        let requestText: String = try row.get("request")
        let sourceText: String = try row.get("source")
        let known = entries.withLock { $0[id] }
        if let known, known.requestText == requestText, known.sourceText == sourceText { return known.order }
        guard let request = try row.json("request"), let source: SourceImage = try row.stored("source") else {
            throw DatabaseError.internal("a run without request or source")
        }
        let accepted: AnimationRequest
        do {
            accepted = try AnimationRequest(stored: request)
        } catch {
            throw row.unreadable("request")
        }
        let order = Order(request: accepted, source: source)
        entries.withLock { entries in
            if entries.count >= Self.most { entries.removeAll(keepingCapacity: true) }
            entries[id] = Entry(requestText: requestText, sourceText: sourceText, order: order)
        }
        return order
    }
}
