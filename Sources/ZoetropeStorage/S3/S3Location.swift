import Foundation
package import ZoetropeCore

/// Where a bucket is, and where in it our objects are.
///
/// `s3://bucket[/prefix]?endpoint=http://host:port&region=…&path_style=true`
package struct S3Location: Sendable, Equatable {
    package let bucket: String
    /// What stands before every key: empty, or ends with a slash.
    package let prefix: String
    package let region: String
    /// `https` or `http`.
    package let scheme: String
    /// The endpoint's name or address, with the port unless it is the scheme's own.
    let endpoint: String
    /// Whether the bucket stands in the path and not before the host's name.
    package let isPathStyle: Bool

    /// What is wrong with an address, and what would be right.
    package struct Problem: Error, CustomStringConvertible {
        package let description: String

        fileprivate init(_ description: String) {
            self.description = description
        }
    }

    /// The longest prefix, in bytes: with the longest key it makes the longest that S3 takes.
    private static let maxPrefixBytes = 1_024 - ObjectKey.maxBytes - 1

    /// Reads an address.
    ///
    /// - Parameters:
    ///   - text: `s3://…`. Without `endpoint` it is AWS; without `path_style` the bucket stands in the path where it
    ///     cannot be a part of a host's name: for endpoints that are addresses, and for names with dots.
    ///   - environment: Its `AWS_REGION`, else `AWS_DEFAULT_REGION`, is the region of an address without one.
    /// - Throws: ``Problem``, which does not repeat what may be a secret.
    package init(parsing text: String, environment: [String: String]) throws(Problem) {
        guard text.hasPrefix("s3://"), text.utf8.count <= 4_096, let parts = URLComponents(string: text)
        else {
            throw Problem("it must be s3://BUCKET[/PREFIX][?endpoint=…&region=…&path_style=…]")
        }
        guard parts.user == nil, parts.password == nil else {
            throw Problem("it must not hold keys; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
        }
        guard parts.port == nil, parts.fragment == nil else {
            throw Problem(
                "a bucket has no port and no fragment; a server's port belongs to endpoint=http://HOST:PORT"
            )
        }
        let query = try Self.query(parts.queryItems ?? [])
        bucket = try Self.bucket(parts.host ?? "")
        prefix = try Self.prefix(parts.path)
        region = try Self.region(
            query["region"] ?? environment["AWS_REGION"] ?? environment["AWS_DEFAULT_REGION"]
                ?? "us-east-1"
        )
        let address = try Self.endpoint(query["endpoint"] ?? "https://s3.\(region).amazonaws.com")
        (scheme, endpoint) = (address.scheme, address.host)
        switch query["path_style"] {
        case nil: isPathStyle = address.isNumeric || bucket.contains(".")
        case "true": isPathStyle = true
        case "false": isPathStyle = false
        case .some(let value): throw Problem("path_style must be true or false, got \"\(value)\"")
        }
        guard isPathStyle || !address.isNumeric else {
            throw Problem("path_style must be true for an endpoint that is an address, got \"false\"")
        }
    }

    private static func query(_ items: [URLQueryItem]) throws(Problem) -> [String: String] {
        var query: [String: String] = [:]
        for item in items {
            guard ["endpoint", "region", "path_style"].contains(item.name) else {
                throw Problem("it knows endpoint, region and path_style, got \"\(item.name)\"")
            }
            guard query.updateValue(item.value ?? "", forKey: item.name) == nil else {
                throw Problem("\(item.name) must be given once")
            }
        }
        return query
    }

    /// A name as S3 takes them for new buckets.
    ///
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>
    private static func bucket(_ name: String) throws(Problem) -> String {
        let form = /[a-z0-9][a-z0-9.\-]{1,61}[a-z0-9]/
        guard name.wholeMatch(of: form) != nil, !name.contains(".."), !name.contains(".-"),
            !name.contains("-."),
            name.wholeMatch(of: /[0-9.]+\.[0-9]+/) == nil
        else {
            throw Problem(
                "a bucket's name must have 3 to 63 lower-case letters, digits, dots and hyphens,"
                    + " with a letter or digit at both ends, got \"\(name)\""
            )
        }
        return name
    }

    private static func prefix(_ path: String) throws(Problem) -> String {
        var name = Substring(path)
        if name.first == "/" { name.removeFirst() }
        if name.last == "/" { name.removeLast() }
        guard !name.isEmpty else { return "" }
        let prefix = String(name)
        guard ObjectKey(prefix) != nil, prefix.utf8.count < maxPrefixBytes else {
            throw Problem(
                "a prefix must have at most \(maxPrefixBytes - 1) bytes and no part that is empty, . or ..,"
                    + " got \"\(prefix)\""
            )
        }
        return prefix + "/"
    }

    private static func region(_ name: String) throws(Problem) -> String {
        guard name.wholeMatch(of: /[a-z0-9][a-z0-9\-]{0,62}/) != nil else {
            throw Problem("region must be a name such as eu-central-1, got \"\(name)\"")
        }
        return name
    }

    private static func endpoint(_ text: String) throws(Problem) -> (
        scheme: String, host: String, isNumeric: Bool
    ) {
        guard let parts = URLComponents(string: text), let scheme = parts.scheme?.lowercased(),
            ["http", "https"].contains(scheme), let host = parts.host?.lowercased(),
            host.wholeMatch(of: /[a-z0-9._\-]{1,253}|\[[0-9a-f:.]{2,45}\]/) != nil,
            ["", "/"].contains(parts.path),
            parts.query == nil, parts.fragment == nil, parts.user == nil, parts.password == nil,
            parts.port.map((1...65_535).contains) ?? true
        else {
            // It may hold a password.
            throw Problem(
                "endpoint must be http://HOST[:PORT] or https://HOST[:PORT], without user, path and query"
            )
        }
        let isNumeric =
            host == "localhost" || host.hasPrefix("[") || host.wholeMatch(of: /[0-9.]+/) != nil
        let usualPort = scheme == "https" ? 443 : 80
        let port = parts.port.flatMap { $0 == usualPort ? nil : ":\($0)" } ?? ""
        return (scheme, host + port, isNumeric)
    }

    /// What requests name as their host.
    package var host: String { isPathStyle ? endpoint : "\(bucket).\(endpoint)" }

    /// The path of an object, or of the bucket itself; not encoded.
    package func path(_ key: ObjectKey?) -> String {
        let name = key.map { prefix + $0.description } ?? ""
        return isPathStyle ? "/\(bucket)/\(name)" : "/\(name)"
    }
}
