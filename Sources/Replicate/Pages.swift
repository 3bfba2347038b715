import Foundation

/// One page of a list.
public struct Page<Element: Sendable>: Sendable {
    /// The elements, in the server's order.
    public let elements: [Element]
    /// How many elements could not be read and are left out; 0 as long as the server keeps to its protocol.
    public let unreadable: Int
    /// The address of the next page, as the server gave it; `nil` on the last page.
    public let next: String?

    /// Creates one, for a double of the client.
    public init(elements: [Element], unreadable: Int = 0, next: String? = nil) {
        (self.elements, self.unreadable, self.next) = (elements, unreadable, next)
    }
}

/// A list as a sequence of its pages, each got when it is asked for.
///
/// `for try await page in replicate.predictions() { for prediction in page.elements { … } }`
public struct Pages<Element: Sendable>: AsyncSequence, Sendable {
    let client: ReplicateClient
    let operation: String
    let path: [String]
    var query: [(String, String)] = []
    let make: @Sendable (JSONValue) throws -> Element

    /// Walks through the pages.
    public struct AsyncIterator: AsyncIteratorProtocol {
        private enum Position {
            case first
            case after(String)
            case end
        }

        private let pages: Pages<Element>
        private var position = Position.first

        init(_ pages: Pages<Element>) {
            self.pages = pages
        }

        /// The next page; `nil` after the last.
        ///
        /// - Throws: ``ReplicateError``, after which the sequence has ended.
        public mutating func next() async throws -> Page<Element>? {
            let url: String
            var before: String?
            let current = position
            position = .end
            switch current {
            case .first:
                url = pages.client.api.url(pages.path, query: pages.query)
            case .after(let next):
                url = try pages.following(next)
                before = next
            case .end:
                return nil
            }
            let page = try await pages.page(at: url)
            // A list that names the same page for ever has an end all the same.
            if let next = page.next, next != before { position = .after(next) }
            return page
        }
    }

    /// Begins at the first page.
    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(self)
    }

    private func page(at url: String) async throws -> Page<Element> {
        let call = Call(operation: operation, url: url, timeout: client.configuration.readTimeout)
        return try await client.api.value(of: call) { json in
            guard let results = json["results"]?.array else { throw UnreadableAnswer("a page without results") }
            // One odd element must not hide the others: the list is how a lost create is found.
            let elements = results.compactMap { try? make($0) }
            return Page(
                elements: elements,
                unreadable: results.count - elements.count,
                next: json["next"]?.string.flatMap { $0.isEmpty ? nil : $0 }
            )
        }
    }

    /// The next page's query at our own address: the token stays where it belongs, and a gateway before the API is kept.
    private func following(_ next: String) throws -> String {
        guard let query = URLComponents(string: next)?.percentEncodedQuery, !query.isEmpty else {
            throw ReplicateError(.permanent, operation, "the address of the next page has no query")
        }
        return client.api.url(path) + "?" + query
    }
}
