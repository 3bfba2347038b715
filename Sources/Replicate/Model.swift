public import Foundation

/// A model on Replicate.
///
/// Source: `schemas_model` of Replicate's OpenAPI document.
public struct Model: Sendable, Hashable {
    /// Who publishes it, for example `minimax`.
    public let owner: String
    /// Its name, for example `video-01-live`.
    public let name: String
    /// Everything that the answer held, by Replicate's names.
    public let members: [String: JSONValue]

    /// Reads a model from a JSON object.
    ///
    /// - Throws: ``UnreadableAnswer`` when it is not an object with an `owner` and a `name`.
    public init(_ json: JSONValue) throws {
        guard let members = json.object, let owner = members["owner"]?.string, let name = members["name"]?.string else {
            throw UnreadableAnswer("a model without owner and name")
        }
        self.owner = owner
        self.name = name
        self.members = members
    }

    /// What it does, for people.
    public var description: String? { members["description"]?.string }
    /// `public` or `private`.
    public var visibility: String? { members["visibility"]?.string }
    /// Whether Replicate keeps it running, so that it is created by name, without a version.
    public var isOfficial: Bool { members["is_official"]?.bool ?? false }
    /// How often it ran.
    public var runCount: Int64? { members["run_count"]?.integer }
    /// Its page.
    public var url: String? { members["url"]?.string }
    /// A picture of it.
    public var coverImageURL: String? { members["cover_image_url"]?.string }
    /// Its newest version; may be absent.
    public var latestVersion: Version? { members["latest_version"].flatMap(Version.init) }

    /// One version of a model.
    public struct Version: Sendable, Hashable, Identifiable {
        /// 64 hexadecimal digits.
        public let id: String
        /// When it was pushed.
        public let createdAt: Date?
        /// The version of Cog that it was built with.
        public let cogVersion: String?
        /// Its OpenAPI document; inputs are described in `components.schemas.Input`.
        public let openAPISchema: JSONValue

        init?(_ json: JSONValue) {
            guard let id = json["id"]?.string else { return nil }
            self.id = id
            createdAt = json["created_at"]?.string.flatMap(Timestamp.parse)
            cogVersion = json["cog_version"]?.string
            openAPISchema = json["openapi_schema"] ?? .null
        }

        /// The inputs in the model's own order (`x-order`); empty when the schema has none.
        public var inputs: [ModelInput] {
            let schemas = openAPISchema["components"]?["schemas"]
            let input = schemas?["Input"]
            let required = Set((input?["required"]?.array ?? []).compactMap(\.string))
            return (input?["properties"]?.object ?? [:])
                .map { ModelInput(name: $0, schema: $1, isRequired: required.contains($0), schemas: schemas) }
                .sorted { ($0.order, $0.name) < ($1.order, $1.name) }
        }
    }
}

/// One input of a model, read from its JSON schema.
public struct ModelInput: Sendable, Hashable {
    /// Its key, for example `first_frame_image`.
    public let name: String
    /// `string`, `integer`, `number`, `boolean` or `array`.
    public let type: String?
    /// `uri` for a file.
    public let format: String?
    /// What it does, for people.
    public let description: String?
    /// Whether it must be given.
    public let isRequired: Bool
    /// What the model takes when it is not given.
    public let defaultValue: JSONValue?
    /// The values that it may have; `nil` when it is no choice.
    public let choices: [JSONValue]?
    /// The smallest number allowed.
    public let minimum: Double?
    /// The largest number allowed.
    public let maximum: Double?
    let order: Int64

    init(name: String, schema: JSONValue, isRequired: Bool, schemas: JSONValue?) {
        // An enumeration stands beside the input and is referred to: {"allOf": [{"$ref": "#/components/schemas/resolution"}]}.
        let reference = schema["allOf"]?.array?.first?["$ref"]?.string ?? schema["$ref"]?.string
        let target = reference.flatMap { $0.split(separator: "/").last }.flatMap { schemas?[String($0)] }
        self.name = name
        type = schema["type"]?.string ?? target?["type"]?.string
        format = schema["format"]?.string
        description = schema["description"]?.string ?? target?["description"]?.string
        self.isRequired = isRequired
        defaultValue = schema["default"]
        choices = schema["enum"]?.array ?? target?["enum"]?.array
        minimum = schema["minimum"]?.number
        maximum = schema["maximum"]?.number
        order = schema["x-order"]?.integer ?? .max
    }
}

/// The account that a token belongs to.
public struct Account: Sendable, Hashable {
    /// `user` or `organization`.
    public let type: String
    /// Its name in addresses.
    public let username: String
    /// Its name for people.
    public let name: String?
    /// Its page on GitHub.
    public let githubURL: String?

    /// Reads an account from a JSON object.
    ///
    /// - Throws: ``UnreadableAnswer`` when it is not an object with a `username`.
    public init(_ json: JSONValue) throws {
        guard let username = json["username"]?.string else { throw UnreadableAnswer("an account without username") }
        self.username = username
        type = json["type"]?.string ?? ""
        name = json["name"]?.string
        githubURL = json["github_url"]?.string
    }
}

extension ReplicateClient {
    /// Reads a model, with the schema of its inputs in ``Model/latestVersion``.
    ///
    /// `name` is `owner/name`.
    ///
    /// - Throws: ``ReplicateError``; kind ``ReplicateError/Kind/refused`` with status 404 when there is no such model.
    public func model(_ name: String) async throws -> Model {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ !$0.isEmpty }) else {
            throw ReplicateError(.permanent, "get model", "a model is named \"owner/name\", got \"\(name)\"")
        }
        let call = Call(
            operation: "get model",
            url: api.url(["models", try api.checked(String(parts[0])), try api.checked(String(parts[1]))]),
            timeout: configuration.readTimeout
        )
        return try await api.value(of: call) { try Model($0) }
    }

    /// Reads the account of the token: the cheapest way to find out whether the token is good.
    ///
    /// - Throws: ``ReplicateError``; kind ``ReplicateError/Kind/refused`` with status 401 when it is not.
    public func account() async throws -> Account {
        let call = Call(operation: "get account", url: api.url(["account"]), timeout: configuration.readTimeout)
        return try await api.value(of: call) { try Account($0) }
    }

    /// Reads the secret that the account's webhooks are signed with.
    ///
    /// Keep it, and read it again when a signature fails, at most once a minute: that survives a change of the secret.
    ///
    /// - Throws: ``ReplicateError``.
    public func webhookSecret() async throws -> WebhookSecret {
        let call = Call(
            operation: "get webhook secret",
            url: api.url(["webhooks", "default", "secret"]),
            timeout: configuration.readTimeout
        )
        return try await api.value(of: call) { json in
            guard let key = json["key"]?.string, let secret = try? WebhookSecret(key) else {
                throw UnreadableAnswer("no webhook secret")
            }
            return secret
        }
    }
}
