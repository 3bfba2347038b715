package import AsyncHTTPClient
import Foundation
import NIOCore
import StrictJSON

/// The places where credentials are looked for, as the AWS SDKs do, in their order.
///
/// The environment, a web identity (Kubernetes), the shared file, the container's endpoint (ECS, EKS), the machine's
/// metadata (EC2). A place that is set up and does not work is an error: the next one could be another account's.
package struct AWSCredentialSources: Sendable {
    private let environment: [String: String]
    private let region: String
    private let http: MetadataHTTP

    /// Looks in a process's environment; a region's service exchanges web identities.
    package init(environment: [String: String], region: String, client: HTTPClient) {
        self.environment = environment
        self.region = region
        http = MetadataHTTP(client: client)
    }

    /// The first that there are.
    ///
    /// Throws ``CredentialsError``, which says what was tried.
    package func fetch() async throws -> AWSCredentials {
        if let credentials = try fromEnvironment() { return credentials }
        if let credentials = try await fromWebIdentity() { return credentials }
        if let credentials = try fromSharedFile() { return credentials }
        if let credentials = try await fromContainer() { return credentials }
        if let credentials = try await fromInstance() { return credentials }
        throw CredentialsError(
            "no credentials for S3: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (tried: environment,"
                + " web identity, \"\(sharedFile ?? "~/.aws/credentials")\", container, instance metadata)"
        )
    }

    private func value(_ name: String) -> String? {
        environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }

    // MARK: Environment

    private func fromEnvironment() throws -> AWSCredentials? {
        switch (value("AWS_ACCESS_KEY_ID"), value("AWS_SECRET_ACCESS_KEY")) {
        case (nil, nil): return nil
        case (let id?, let secret?):
            return try credentials(id, secret, value("AWS_SESSION_TOKEN"), from: "the environment")
        case (nil, _):
            throw CredentialsError("AWS_SECRET_ACCESS_KEY is set and AWS_ACCESS_KEY_ID is not")
        case (_, nil):
            throw CredentialsError("AWS_ACCESS_KEY_ID is set and AWS_SECRET_ACCESS_KEY is not")
        }
    }

    /// Refuses what cannot stand in a header.
    private func credentials(
        _ id: String,
        _ secret: String,
        _ token: String?,
        expires: Date? = nil,
        from source: String
    ) throws -> AWSCredentials {
        for text in [id, secret, token ?? "-"] {
            guard (1...8_192).contains(text.utf8.count), text.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
            else {
                throw CredentialsError(
                    "the credentials of \(source) hold spaces or characters that no key has"
                )
            }
        }
        return AWSCredentials(
            accessKeyID: id,
            secretAccessKey: Secret(secret),
            sessionToken: token.map(Secret.init),
            expires: expires
        )
    }

    // MARK: Web identity

    private func fromWebIdentity() async throws -> AWSCredentials? {
        guard let file = value("AWS_WEB_IDENTITY_TOKEN_FILE"), let role = value("AWS_ROLE_ARN") else {
            return nil
        }
        let token = try text(of: file, what: "AWS_WEB_IDENTITY_TOKEN_FILE")
        let form = SigV4.encoded([
            ("Action", "AssumeRoleWithWebIdentity"), ("Version", "2011-06-15"), ("RoleArn", role),
            ("RoleSessionName", value("AWS_ROLE_SESSION_NAME") ?? "zoetrope"),
            ("WebIdentityToken", token),
        ])
        let base = value("AWS_ENDPOINT_URL_STS") ?? "https://sts.\(region).amazonaws.com"
        let answer = try await http.send(
            "POST",
            "\(base)/",
            headers: [("content-type", "application/x-www-form-urlencoded")],
            body: form,
            from: "the web identity (\(base))"
        )
        guard let found = S3XML(parsing: answer)?["AssumeRoleWithWebIdentityResult"]?["Credentials"],
            let id = found["AccessKeyId"]?.text, let secret = found["SecretAccessKey"]?.text,
            let session = found["SessionToken"]?.text,
            let expires = found["Expiration"].flatMap({ Date(s3: $0.text) })
        else { throw CredentialsError("the web identity (\(base)) gave an answer without credentials") }
        return try credentials(id, secret, session, expires: expires, from: "the web identity")
    }

    private func text(of file: String, what: String) throws -> String {
        guard let bytes = FileManager.default.contents(atPath: file), bytes.count <= 65_536,
            let text = String(validating: bytes, as: UTF8.self)
        else { throw CredentialsError("\(what): \"\(file)\" cannot be read") }
        return text.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    // MARK: Shared file

    private var sharedFile: String? {
        value("AWS_SHARED_CREDENTIALS_FILE") ?? value("HOME").map { "\($0)/.aws/credentials" }
    }

    private func fromSharedFile() throws -> AWSCredentials? {
        let profile = value("AWS_PROFILE") ?? "default"
        guard let file = sharedFile, FileManager.default.fileExists(atPath: file) else {
            guard value("AWS_PROFILE") == nil else {
                throw CredentialsError(
                    "AWS_PROFILE is \"\(profile)\", and there is no file \"\(sharedFile ?? "")\""
                )
            }
            return nil
        }
        var values: [String: String] = [:]
        var isInside = false
        for line in try text(of: file, what: "credentials").split(whereSeparator: \.isNewline) {
            let line = line.trimmingCharacters(in: .whitespaces)
            if line.hasPrefix("["), line.hasSuffix("]") {
                isInside = line.dropFirst().dropLast().trimmingCharacters(in: .whitespaces) == profile
            } else if isInside, !line.hasPrefix("#"), !line.hasPrefix(";"),
                let equals = line.firstIndex(of: "=")
            {
                let name = line[..<equals].trimmingCharacters(in: .whitespaces).lowercased()
                values[name] = line[line.index(after: equals)...].trimmingCharacters(in: .whitespaces)
            }
        }
        guard let id = values["aws_access_key_id"], let secret = values["aws_secret_access_key"] else {
            guard value("AWS_PROFILE") == nil else {
                throw CredentialsError("\"\(file)\" has no keys for the profile \"\(profile)\"")
            }
            return nil
        }
        return try credentials(id, secret, values["aws_session_token"], from: "\"\(file)\"")
    }

    // MARK: Container

    private func fromContainer() async throws -> AWSCredentials? {
        let url: String
        if let path = value("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") {
            url = "http://169.254.170.2\(path)"
        } else if let whole = value("AWS_CONTAINER_CREDENTIALS_FULL_URI") {
            url = whole
        } else {
            return nil
        }
        guard Self.mayBeAsked(url) else {
            throw CredentialsError(
                "AWS_CONTAINER_CREDENTIALS_FULL_URI must be https, or http to this machine, got \"\(url)\""
            )
        }
        var headers: [(String, String)] = [("accept", "application/json")]
        if let file = value("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
            headers.append(
                ("authorization", try text(of: file, what: "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"))
            )
        } else if let token = value("AWS_CONTAINER_AUTHORIZATION_TOKEN") {
            headers.append(("authorization", token))
        }
        let source = "the container's endpoint"
        return try found(in: await http.send("GET", url, headers: headers, from: source), from: source)
    }

    /// Keys go over the network in the open only to where the AWS SDKs let them.
    private static func mayBeAsked(_ url: String) -> Bool {
        guard let parts = URLComponents(string: url), let host = parts.host else { return false }
        if parts.scheme == "https" { return true }
        return parts.scheme == "http"
            && (["localhost", "[::1]", "169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"].contains(host)
                || host.wholeMatch(of: /127(\.[0-9]{1,3}){3}/) != nil)
    }

    // MARK: Instance

    private func fromInstance() async throws -> AWSCredentials? {
        guard value("AWS_EC2_METADATA_DISABLED")?.lowercased() != "true" else { return nil }
        let base = value("AWS_EC2_METADATA_SERVICE_ENDPOINT") ?? "http://169.254.169.254"
        let source = "the instance's metadata"
        let token: [UInt8]
        do {
            token = try await http.send(
                "PUT",
                "\(base)/latest/api/token",
                headers: [("x-aws-ec2-metadata-token-ttl-seconds", "300")],
                tries: 1,
                timeout: .seconds(2),
                from: source
            )
        } catch {
            // Not on such a machine.
            return nil
        }
        let headers = [("x-aws-ec2-metadata-token", String(decoding: token, as: UTF8.self))]
        let path = "\(base)/latest/meta-data/iam/security-credentials/"
        let roles = try await http.send("GET", path, headers: headers, from: source)
        guard let role = String(decoding: roles, as: UTF8.self).split(whereSeparator: \.isNewline).first
        else {
            throw CredentialsError("\(source): the instance has no role")
        }
        let name = SigV4.encoded(path: String(role))
        return try found(
            in: await http.send("GET", path + name, headers: headers, from: source),
            from: source
        )
    }

    private func found(in answer: [UInt8], from source: String) throws -> AWSCredentials {
        guard let json = try? JSONValue(parsing: answer), let id = json["AccessKeyId"]?.string,
            let secret = json["SecretAccessKey"]?.string, let token = json["Token"]?.string,
            let expires = json["Expiration"]?.string.flatMap({ Date(s3: $0) })
        else { throw CredentialsError("\(source) gave an answer without credentials") }
        return try credentials(id, secret, token, expires: expires, from: source)
    }
}
