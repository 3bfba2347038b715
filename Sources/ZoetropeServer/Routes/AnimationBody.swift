import HTTPTypes
import Hummingbird
import StrictJSON
import ZoetropeCore
import ZoetropeWorkflow

/// What a caller wants animated: `restore_id`, `model`, `params` and `callback_url` of a JSON object.
///
/// Unknown members do nothing.
struct AnimationBody: Sendable {
    let json: JSONValue
    let restoreID: RestoreID?
    let model: String?
    let params: JSONValue?
    let callbackURL: String?

    /// Throws ``Problem``, and ``ServiceError/restoreNotFound`` for what is no id.
    init(_ request: Request) async throws {
        json = try await request.jsonObject()
        var problems: [Problem.Field] = []
        let restore = json.text("restore_id", &problems)
        model = json.text("model", &problems)
        callbackURL = json.text("callback_url", &problems)
        params = json["params"]
        guard problems.isEmpty else { throw Problem(invalid: problems) }
        restoreID = try restore.map { text in
            guard let id = RestoreID(text) else { throw ServiceError.restoreNotFound }
            return id
        }
    }
}

extension Request {
    /// The body, which must be a JSON object without U+0000.
    func jsonObject(upTo limit: Int = Request.mostJSONBytes) async throws -> JSONValue {
        if let type = headers[.contentType] {
            guard HeaderValue(type)?.text == "application/json" else {
                throw Problem(.unsupportedMediaType, "unsupported_media_type", "Send a body of type application/json")
            }
        }
        let bytes = try await bytes(upTo: limit)
        let json: JSONValue
        do throws(JSONError) {
            json = try JSONValue(parsing: bytes)
        } catch {
            throw Problem(.badRequest, "invalid_json", "The body is \(error)")
        }
        guard !json.holdsNUL else {
            throw Problem(.badRequest, "invalid_json", "The body holds the character U+0000, which cannot be stored")
        }
        guard json.object != nil else {
            throw Problem(.badRequest, "invalid_json", "The body must be a JSON object")
        }
        return json
    }
}

extension JSONValue {
    /// A member that is a string, or nil when it is left out or null; notes what else it is.
    func text(_ name: String, _ problems: inout [Problem.Field]) -> String? {
        guard let value = self[name], value != .null else { return nil }
        if value.string == nil { problems.append(.init(field: name, message: "Invalid \(name). Send a string")) }
        return value.string
    }

    /// Whether any text in it holds U+0000, which PostgreSQL refuses.
    fileprivate var holdsNUL: Bool {
        switch self {
        case .string(let text): text.utf8.contains(0)
        case .array(let elements): elements.contains(where: \.holdsNUL)
        case .object(let members): members.contains { $0.key.contains("\u{0}") || $0.value.holdsNUL }
        case .null, .bool, .integer, .number: false
        }
    }
}
