/// One header of a request or an answer.
package struct Header: Sendable, Hashable {
    package var name: String
    package var value: String

    package init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

extension [Header] {
    /// The first value under a name, in any case.
    package subscript(name: String) -> String? {
        first { $0.name.utf8.count == name.utf8.count && $0.name.lowercased() == name.lowercased() }?.value
    }

    /// Replaces all headers of a name.
    mutating func set(_ name: String, _ value: String) {
        removeAll { $0.name.lowercased() == name.lowercased() }
        append(Header(name, value))
    }
}

/// The three servers of the simulator.
package enum Origin: String, Sendable, Hashable, Codable, CaseIterable {
    /// Replicate's API.
    case api
    /// The host of the outputs.
    case output
    /// A self-hosted Cog model server.
    case cog
}
