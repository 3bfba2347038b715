import Crypto
package import Foundation
import Glibc
import ZoetropeCore

/// AWS Signature Version 4: what proves to a service that a request comes from the owner of a key.
///
/// Pure functions of values. Paths are signed as they are, encoded once, as S3 wants it and other services do not.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>
package struct SigV4: Sendable {
    private let credentials: AWSCredentials
    private let region: String
    private let service: String

    package init(credentials: AWSCredentials, region: String, service: String) {
        self.credentials = credentials
        self.region = region
        self.service = service
    }

    /// What of a request is signed.
    package struct Request: Sendable {
        var method: String
        /// As in the header: with the port, unless it is the scheme's own.
        var host: String
        /// Not encoded; begins with a slash.
        var path: String
        /// Not encoded.
        var query: [(name: String, value: String)] = []
        /// All that are to be signed, `host` and those that signing adds aside.
        var headers: [(name: String, value: String)] = []

        package init(
            method: String,
            host: String,
            path: String,
            query: [(name: String, value: String)] = [],
            headers: [(name: String, value: String)] = []
        ) {
            self.method = method
            self.host = host
            self.path = path
            self.query = query
            self.headers = headers
        }
    }

    private static let algorithm = "AWS4-HMAC-SHA256"
    package static let unsignedPayload = "UNSIGNED-PAYLOAD"

    /// The headers that a request must have beside its own, `Authorization` among them.
    ///
    /// - Parameters:
    ///   - request: The request.
    ///   - payloadHash: SHA-256 of the body, in hexadecimal digits; or ``unsignedPayload``.
    ///   - date: The time, which may differ by 15 minutes from the server's.
    /// - Returns: Names and values.
    package func headers(for request: Request, payloadHash: String, at date: Date) -> [(
        name: String, value: String
    )] {
        var added = [("host", request.host), ("x-amz-date", date.basicText)]
        if service == "s3" { added.append(("x-amz-content-sha256", payloadHash)) }
        if let token = credentials.sessionToken { added.append(("x-amz-security-token", token.value)) }
        let canonical = Self.canonical(request.headers + added)
        let signature = signature(
            of: Self.text(request, request.query, canonical, payloadHash),
            at: date
        )
        let authorization =
            "\(Self.algorithm) Credential=\(credentials.accessKeyID)/\(scope(date)), "
            + "SignedHeaders=\(canonical.names), Signature=\(signature)"
        return added + [("authorization", authorization)]
    }

    /// The query of an address that gives access for a while to whoever has it.
    ///
    /// - Parameters:
    ///   - request: The request without the query's signature; its headers, too, must be sent.
    ///   - seconds: How long it works, 1 to 604,800.
    ///   - date: From when on.
    /// - Returns: The whole query, encoded.
    package func query(presigning request: Request, seconds: Int, at date: Date) -> String {
        let canonical = Self.canonical(request.headers + [("host", request.host)])
        var query =
            request.query + [
                ("X-Amz-Algorithm", Self.algorithm),
                ("X-Amz-Credential", "\(credentials.accessKeyID)/\(scope(date))"),
                ("X-Amz-Date", date.basicText),
                ("X-Amz-Expires", String(seconds)),
                ("X-Amz-SignedHeaders", canonical.names),
            ]
        if let token = credentials.sessionToken { query.append(("X-Amz-Security-Token", token.value)) }
        let signature = signature(
            of: Self.text(request, query, canonical, Self.unsignedPayload),
            at: date
        )
        return "\(Self.encoded(query))&X-Amz-Signature=\(signature)"
    }

    // MARK: Steps

    /// The canonical request.
    private static func text(
        _ request: Request,
        _ query: [(name: String, value: String)],
        _ headers: (lines: String, names: String),
        _ payloadHash: String
    ) -> String {
        [
            request.method, encoded(path: request.path), encoded(query), headers.lines, headers.names,
            payloadHash,
        ]
        .joined(separator: "\n")
    }

    /// Headers in order, with lower-case names, one line each, and spaces that mean nothing left out.
    private static func canonical(_ headers: [(name: String, value: String)]) -> (
        lines: String, names: String
    ) {
        var values: [String: [String]] = [:]
        for (name, value) in headers {
            let words = value.split(omittingEmptySubsequences: true) { $0 == " " || $0 == "\t" }
            values[name.lowercased(), default: []].append(words.joined(separator: " "))
        }
        let names = values.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        let lines = names.map { "\($0):\(values[$0, default: []].joined(separator: ","))\n" }.joined()
        return (lines, names.joined(separator: ";"))
    }

    private func scope(_ date: Date) -> String {
        "\(date.basicText.prefix(8))/\(region)/\(service)/aws4_request"
    }

    private func signature(of canonicalRequest: String, at date: Date) -> String {
        let hash = SHA256.hash(data: Data(canonicalRequest.utf8)).hexadecimal
        let text = [Self.algorithm, date.basicText, scope(date), hash].joined(separator: "\n")
        var key = SymmetricKey(data: Data("AWS4\(credentials.secretAccessKey.value)".utf8))
        for part in [String(date.basicText.prefix(8)), region, service, "aws4_request"] {
            key = SymmetricKey(data: HMAC<SHA256>.authenticationCode(for: Data(part.utf8), using: key))
        }
        return HMAC<SHA256>.authenticationCode(for: Data(text.utf8), using: key).hexadecimal
    }

    // MARK: Encoding

    /// A path with everything encoded but slashes and what RFC 3986 leaves unreserved.
    package static func encoded(path: String) -> String {
        encoded(path, keeping: UInt8(ascii: "/"))
    }

    /// A query in the order of its encoded names and values.
    static func encoded(_ query: [(name: String, value: String)]) -> String {
        query.map { (name: encoded($0.name), value: encoded($0.value)) }
            .sorted {
                $0.name == $1.name
                    ? $0.value.utf8.lexicographicallyPrecedes($1.value.utf8)
                    : $0.name.utf8.lexicographicallyPrecedes($1.name.utf8)
            }
            .map { "\($0.name)=\($0.value)" }
            .joined(separator: "&")
    }

    private static func encoded(_ text: String, keeping kept: UInt8? = nil) -> String {
        var encoded = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
                UInt8(ascii: "_"),
                UInt8(ascii: "~"), kept:
                encoded.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                encoded += (byte < 16 ? "%0" : "%") + String(byte, radix: 16, uppercase: true)
            }
        }
        return encoded
    }
}

extension Date {
    /// As signatures have it: `20130524T000000Z`.
    fileprivate var basicText: String {
        var seconds = time_t(timeIntervalSince1970.rounded(.down))
        var parts = tm()
        gmtime_r(&seconds, &parts)
        func digits(_ number: Int32, _ count: Int = 2) -> String {
            let text = String(number)
            return String(repeating: "0", count: max(0, count - text.count)) + text
        }
        return digits(parts.tm_year + 1_900, 4) + digits(parts.tm_mon + 1) + digits(parts.tm_mday) + "T"
            + digits(parts.tm_hour) + digits(parts.tm_min) + digits(parts.tm_sec) + "Z"
    }
}
