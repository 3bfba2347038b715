package import ZoetropeWorkflow

/// An address that a caller named, taken apart so strictly that nobody can read it in two ways.
///
/// What is dialled and sent is made of these parts and never of the text.
package struct OutboundURL: Sendable, Hashable {
    package enum Host: Sendable, Hashable {
        /// Lower-case ASCII, at least two labels, no dot at the end.
        case name(String)
        case address(IPAddress)
    }

    package let isSecure: Bool
    package let host: Host
    package let port: Int
    /// Path and query; begins with `/`.
    package let target: String
    /// The `Host` header: the host as it was written, and the port unless it is the usual one.
    package let authority: String
    /// Whether the operators named this very host and port, which then may be called wherever it is.
    package let isTrusted: Bool

    package static let mostBytes = 2_048
    package static let usualPorts: Set<Int> = [80, 443]

    /// Reads an address; the fragment is dropped.
    ///
    /// - Parameters:
    ///   - text: The address.
    ///   - ports: The ports that may be called.
    ///   - trusted: Hosts with their ports, such as `backend.internal:8080`, to which neither this rule nor that of public
    ///     addresses applies.
    /// - Throws: ``OutboundError`` that says what is wrong and what would be right.
    package init(
        _ text: String,
        ports: Set<Int> = usualPorts,
        trusting trusted: Set<String> = []
    ) throws(OutboundError) {
        guard text.utf8.count <= Self.mostBytes else {
            throw Self.invalid("the address must have at most \(Self.mostBytes) bytes, got \(text.utf8.count)")
        }
        guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "\\") }) else {
            throw Self.invalid(
                "the address must be printable ASCII without spaces and backslashes; write other characters of a path as "
                    + "%XX and those of a host name in Punycode"
            )
        }
        guard let colon = text.firstIndex(of: ":") else { throw Self.invalid(Self.form) }
        let rest = text[colon...]
        switch text[..<colon].lowercased() {
        case "http": isSecure = false
        case "https": isSecure = true
        default: throw Self.invalid(Self.form)
        }
        guard rest.hasPrefix("://") else { throw Self.invalid(Self.form) }
        let afterSlashes = rest.dropFirst(3)
        let authority = afterSlashes.prefix { !"/?#".contains($0) }
        guard !authority.contains("@") else {
            throw Self.invalid("the address must not hold a user name or a password")
        }
        let (host, portText) = try Self.split(authority)
        let usualPort = isSecure ? 443 : 80
        isTrusted = trusted.contains("\(host):\(portText ?? "\(usualPort)")".lowercased())
        self.host = try Self.host(host, isTrusted: isTrusted)
        let isAnyPort = isTrusted
        port =
            try portText.map { text throws(OutboundError) in try Self.port(text, isAnyPort ? nil : ports) } ?? usualPort
        let written =
            switch self.host {
            case .name(let name): name
            case .address: host.hasSuffix(".") ? String(host.dropLast()) : String(host)
            }
        self.authority = port == usualPort ? written : "\(written):\(port)"
        let target = afterSlashes[authority.endIndex...].prefix { $0 != "#" }
        self.target = target.hasPrefix("/") ? String(target) : "/\(target)"
    }

    /// The address that a `Location` header means in an answer of this one, read from the start like any other.
    package func redirected(
        to location: String,
        ports: Set<Int>,
        trusting trusted: Set<String> = []
    ) throws(OutboundError) -> OutboundURL {
        let scheme = isSecure ? "https" : "http"
        let path = target.prefix { $0 != "?" }
        let absolute =
            if location.prefix(while: { !"/?#".contains($0) }).contains(":") {
                location
            } else if location.hasPrefix("//") {
                "\(scheme):\(location)"
            } else if location.hasPrefix("/") {
                "\(scheme)://\(authority)\(location)"
            } else if location.isEmpty || location.hasPrefix("?") || location.hasPrefix("#") {
                "\(scheme)://\(authority)\(path)\(location)"
            } else {
                "\(scheme)://\(authority)\(path.prefix(upTo: path.lastIndex(of: "/") ?? path.endIndex))/\(location)"
            }
        let next = try OutboundURL(absolute, ports: ports, trusting: trusted)
        guard next.isSecure || !isSecure else {
            throw OutboundError(.badAnswer, "the address redirects from https to http; give the address it leads to")
        }
        return next
    }

    private static let form = "the address must look like \"https://example.com/path\", with http or https"

    private static func invalid(_ message: String) -> OutboundError {
        OutboundError(.invalidURL, message)
    }

    /// Host and port; the port is nil when there is no colon.
    private static func split(_ authority: Substring) throws(OutboundError) -> (host: Substring, port: Substring?) {
        if authority.hasPrefix("[") {
            guard let end = authority.firstIndex(of: "]") else { throw invalid(form) }
            let after = authority[authority.index(after: end)...]
            guard after.isEmpty || after.hasPrefix(":") else { throw invalid(form) }
            return (authority[...end], after.isEmpty ? nil : after.dropFirst())
        }
        guard let colon = authority.firstIndex(of: ":") else { return (authority, nil) }
        return (authority[..<colon], authority[authority.index(after: colon)...])
    }

    /// A port of these, or any when nil.
    private static func port(_ text: Substring, _ ports: Set<Int>?) throws(OutboundError) -> Int {
        guard text.utf8.count <= 5, !text.hasPrefix("0"), text.utf8.allSatisfy(isDigit),
            let port = Int(text), port <= 65_535, ports?.contains(port) ?? true
        else { throw invalid("the port must be 80 or 443, got \"\(text.prefix(20))\"") }
        return port
    }

    private static func host(_ text: Substring, isTrusted: Bool) throws(OutboundError) -> Host {
        if text.hasPrefix("[") {
            guard let address = IPAddress(String(text.dropFirst().dropLast())), address.bytes.count == 16 else {
                throw invalid("\"\(text.prefix(60))\" is not an IPv6 address; a zone is not possible")
            }
            return .address(address)
        }
        let name = (text.hasSuffix(".") ? text.dropLast() : text).lowercased()
        let labels = name.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard name.utf8.count <= 253,
            labels.allSatisfy({ (1...63).contains($0.count) && $0.allSatisfy(isNameByte) })
        else {
            throw invalid(
                "\"\(text.prefix(60))\" is not a host name: letters, digits, \"-\" and \"_\" between dots, other alphabets in Punycode"
            )
        }
        // Some resolvers read 2130706433, 0x7f.1 and 0177.0.0.1 as 127.0.0.1.
        if let last = labels.last, last.allSatisfy(isDigit) || last.starts(with: "0x".utf8) {
            guard let address = IPAddress(name), address.bytes.count == 4 else {
                throw invalid("\"\(text.prefix(60))\" must be four decimal numbers such as 198.51.100.7, or a name")
            }
            return .address(address)
        }
        guard labels.count > 1 || isTrusted else {
            throw OutboundError(
                .forbiddenAddress,
                "\"\(text.prefix(60))\" is not a public name; give one with its domain"
            )
        }
        return .name(name)
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
            || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
    }
}
