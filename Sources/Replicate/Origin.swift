package import Foundation

/// Scheme, host and port of a URL, and what may be fetched from it.
///
/// The URL of a provider's answer is hostile input: it is taken apart here, compared part by part and put together again, so
/// that what was checked is what is fetched.
package struct Origin: Sendable, Hashable, CustomStringConvertible {
    let scheme: String
    /// Lower-case; IPv6 addresses without brackets.
    let host: String
    let port: Int

    /// The origin of an absolute `http` or `https` URL without user name; `nil` for anything else.
    package init?(_ url: URLComponents) {
        guard let scheme = url.scheme?.lowercased(), scheme == "https" || scheme == "http",
            // Still escaped: an escaped slash or dot, once decoded, would make another host of it.
            let host = url.encodedHost?.lowercased(), Self.isHost(host), url.user == nil, url.password == nil,
            (url.port ?? 443) > 0, (url.port ?? 443) < 65_536
        else { return nil }
        self.scheme = scheme
        self.host = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
        self.port = url.port ?? (scheme == "https" ? 443 : 80)
    }

    /// Whether a text is a host name, an IPv4 address, or an IPv6 address in brackets.
    private static func isHost(_ text: String) -> Bool {
        // By hand: an expression would be compiled at every call.
        let bytes = text.utf8
        func isLetter(_ byte: UInt8, _ last: Unicode.Scalar) -> Bool {
            (UInt8(ascii: "a")...UInt8(ascii: last)).contains(byte)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        }
        if bytes.first == UInt8(ascii: "[") {
            let inner = bytes.dropFirst().dropLast()
            return bytes.last == UInt8(ascii: "]") && (2...45).contains(inner.count)
                && inner.allSatisfy { isLetter($0, "f") || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: ".") }
        }
        return (1...253).contains(bytes.count) && bytes.first != UInt8(ascii: ".")
            && bytes.allSatisfy { byte in
                isLetter(byte, "z") || [UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_")].contains(byte)
            }
    }

    package var description: String {
        let isUsual = port == (scheme == "https" ? 443 : 80)
        return "\(scheme)://\(host.contains(":") ? "[\(host)]" : host)\(isUsual ? "" : ":\(port)")"
    }

    /// The URL with this origin and the path and query of another.
    func url(_ rest: URLComponents) -> String {
        var path = rest.percentEncodedPath
        if !path.hasPrefix("/") { path = "/" + path }
        return description + path + (rest.percentEncodedQuery.map { "?\($0)" } ?? "")
    }
}

/// Where outputs may be downloaded from: `https://replicate.delivery`, or with `*.` for all hosts below, `https://*.replicate.delivery`.
package struct OriginPattern: Sendable, Hashable, CustomStringConvertible {
    package let description: String

    private let origin: Origin
    private let includesSubdomains: Bool

    /// Reads a pattern; `nil` when it is not an origin (a path, a user name or another scheme make it none).
    package init?(_ text: String) {
        let plain = text.replacing(/:\/\/\*\./, with: "://", maxReplacements: 1)
        guard let url = URLComponents(string: plain), let origin = Origin(url), url.path.isEmpty || url.path == "/",
            url.query == nil, url.fragment == nil
        else { return nil }
        self.description = text
        self.origin = origin
        self.includesSubdomains = plain != text
    }

    package func matches(_ other: Origin) -> Bool {
        guard other.scheme == origin.scheme, other.port == origin.port else { return false }
        return includesSubdomains ? other.host.hasSuffix(".\(origin.host)") : other.host == origin.host
    }
}
