import Crypto
import HTTPTypes
import Hummingbird
import StrictJSON
import ZoetropeCore
import ZoetropeWorkflow

extension AnimationOrder {
    /// Reads what a caller wants: `restore_id`, `model` and `params` of a JSON object, and the header `Idempotency-Key`.
    ///
    /// Unknown members do nothing. Throws ``Problem``, and ``ServiceError/restoreNotFound`` for what is no id.
    init(_ request: Request, of job: JobID) async throws {
        let key = try Self.idempotencyKey(of: request)
        if let type = request.headers[.contentType] {
            guard HeaderValue(type)?.text == "application/json" else {
                throw Problem(.unsupportedMediaType, "unsupported_media_type", "Send a body of type application/json")
            }
        }
        let bytes = try await request.bytes(upTo: Request.mostJSONBytes)
        let body: JSONValue
        do throws(JSONError) {
            body = try JSONValue(parsing: bytes)
        } catch {
            throw Problem(.badRequest, "invalid_json", "The body is \(error)")
        }
        guard !body.holdsNUL else {
            throw Problem(.badRequest, "invalid_json", "The body holds the character U+0000, which cannot be stored")
        }
        guard body.object != nil else {
            throw Problem(.badRequest, "invalid_json", "The body must be a JSON object")
        }

        var problems: [Problem.Field] = []
        func text(_ name: String) -> String? {
            guard let value = body[name], value != .null else { return nil }
            if value.string == nil { problems.append(.init(field: name, message: "Invalid \(name). Send a string")) }
            return value.string
        }
        let restore = text("restore_id")
        let model = text("model")
        // Who asks to be called waits for the call, so it must not be ignored.
        if let callback = body["callback_url"], callback != .null {
            problems.append(.init(field: "callback_url", message: "callback_url is not available yet. Leave it out"))
        }
        guard problems.isEmpty else { throw Problem(invalid: problems) }

        let restoreID = try restore.map { text in
            guard let id = RestoreID(text) else { throw ServiceError.restoreNotFound }
            return id
        }
        self.init(
            restoreID: restoreID,
            model: model,
            params: body["params"],
            idempotency: try key.map { (key: $0, fingerprint: try Self.fingerprint(of: body, job)) }
        )
    }

    private static func idempotencyKey(of request: Request) throws(Problem) -> String? {
        guard let key = request.headers[.idempotencyKey] else { return nil }
        guard key.isVisibleASCII(1...255) else {
            throw Problem(
                .badRequest,
                "invalid_idempotency_key",
                "Idempotency-Key must be 1 to 255 visible ASCII characters"
            )
        }
        return key
    }

    /// A hash of the canonical body and of the job, since the same body for another job is another call.
    private static func fingerprint(of body: JSONValue, _ job: JobID) throws(JSONError) -> String {
        let call = Array("POST /api/v1/jobs/\(job)/animations\n".utf8) + (try body.encoded())
        return SHA256.hash(data: call).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}

extension JSONValue {
    /// Whether any text in it holds U+0000, which PostgreSQL refuses.
    fileprivate var holdsNUL: Bool {
        switch self {
        case .string(let text): text.contains("\u{0}")
        case .array(let elements): elements.contains(where: \.holdsNUL)
        case .object(let members): members.contains { $0.key.contains("\u{0}") || $0.value.holdsNUL }
        case .null, .bool, .integer, .number: false
        }
    }
}
