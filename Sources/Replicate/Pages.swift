import Foundation

/// One page of a list.
public struct Page<Element: Sendable>: Sendable {
    /// The elements, in the server's order.
    public let elements: [Element]
    /// The address of the next page, as the server gave it; `nil` on the last page.
    public let next: String?
}

/// A list as a sequence of its pages, each got when it is asked for.
///
/// `for try await page in replicate.predictions() { for prediction in page.elements { … } }`
public struct Pages<Element: Sendable>: AsyncSequence, Sendable {
    let client: ReplicateClient
    let operation: String
    let url: String
    let make: @Sendable (JSONValue) throws -> Element

    /// Walks through the pages.
    public struct AsyncIterator: AsyncIteratorProtocol {
        let pages: Pages<Element>
        var next: String?

        /// The next page; `nil` after the last.
        ///
        /// - Throws: ``ReplicateError``, also when the server names a next page of another origin, where the token must not go.
        public mutating func next() async throws -> Page<Element>? {
            guard let url = next else { return nil }
            next = nil
            let page = try await pages.page(at: url)
            if let following = page.next {
                next = try pages.checked(following)
            }
            return page
        }
    }

    /// Begins at the first page.
    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(pages: self, next: url)
    }

    private func page(at url: String) async throws -> Page<Element> {
        let call = Call(operation: operation, url: url, timeout: client.configuration.readTimeout)
        return try await client.api.perform(call) { json in
            guard let results = json["results"]?.array else { throw UnreadableAnswer("a page without results") }
            return Page(elements: try results.map(make), next: json["next"]?.string)
        }
    }

    private func checked(_ next: String) throws -> String {
        guard let url = URLComponents(string: next), let origin = Origin(url), origin == client.api.base else {
            throw ReplicateError(
                .permanent,
                operation,
                "the next page is not of \(client.api.base), where the token belongs"
            )
        }
        return origin.url(url)
    }
}
