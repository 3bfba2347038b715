import Foundation
import StrictJSON
import ZoetropeCore
import ZoetropeWorkflow

/// How values without columns of their own are stored.
///
/// Names are never changed; a reader passes over members that it does not know.
protocol StoredJSON {
    var stored: JSONValue { get }
    /// Nil when a member is missing or unreadable.
    init?(stored: JSONValue)
}

extension SourceImage: StoredJSON {
    var stored: JSONValue {
        [
            "key": .string(key.description), "content_type": .string(contentType), "width": .integer(Int64(size.width)),
            "height": .integer(Int64(size.height)), "orientation": .integer(Int64(orientation.rawValue)),
            "byte_count": .integer(Int64(byteCount)), "sha256": .string(sha256),
        ]
    }

    init?(stored: JSONValue) {
        guard let key = stored.objectKey("key"), let contentType = stored["content_type"]?.string,
            let width = stored.int("width"), let height = stored.int("height"),
            let orientation = stored.int("orientation").flatMap(ImageOrientation.init(rawValue:)),
            let byteCount = stored.int("byte_count"), let sha256 = stored["sha256"]?.string
        else { return nil }
        self.init(
            key: key,
            contentType: contentType,
            size: FrameSize(width: width, height: height),
            orientation: orientation,
            byteCount: byteCount,
            sha256: sha256
        )
    }
}

extension KeptPart: StoredJSON {
    var stored: JSONValue { ["clip": .string(clip.description), "last_frame": lastFrame.stored] }

    init?(stored: JSONValue) {
        guard let clip = stored.objectKey("clip"), let frame = stored["last_frame"].flatMap(SourceImage.init(stored:))
        else { return nil }
        self.init(clip: clip, lastFrame: frame)
    }
}

extension PublishedVideo: StoredJSON {
    var stored: JSONValue {
        var members: [String: JSONValue] = [
            "preview_key": .string(previewKey.description), "poster_key": .string(posterKey.description),
            "width": .integer(Int64(size.width)), "height": .integer(Int64(size.height)),
            "seconds": .integer(Int64(seconds)), "frames_per_second": .integer(Int64(framesPerSecond)),
            "byte_count": .integer(byteCount), "sha256": .string(sha256),
            "poster_byte_count": .integer(posterByteCount), "poster_sha256": .string(posterSHA256),
        ]
        if let result {
            members["result_key"] = .string(result.key.description)
            members["result_width"] = .integer(Int64(result.size.width))
            members["result_height"] = .integer(Int64(result.size.height))
            members["result_byte_count"] = .integer(result.byteCount)
            members["result_sha256"] = .string(result.sha256)
        }
        return .object(members)
    }

    init?(stored: JSONValue) {
        guard let preview = stored.objectKey("preview_key"), let poster = stored.objectKey("poster_key"),
            let width = stored.int("width"), let height = stored.int("height"), let seconds = stored.int("seconds"),
            let rate = stored.int("frames_per_second"), let byteCount = stored["byte_count"]?.integer,
            let sha256 = stored["sha256"]?.string, let posterByteCount = stored["poster_byte_count"]?.integer,
            let posterSHA256 = stored["poster_sha256"]?.string
        else { return nil }
        var result: StoredResult?
        if let key = stored.objectKey("result_key") {
            guard let width = stored.int("result_width"), let height = stored.int("result_height"),
                let byteCount = stored["result_byte_count"]?.integer, let sha256 = stored["result_sha256"]?.string
            else { return nil }
            let size = FrameSize(width: width, height: height)
            result = StoredResult(key: key, size: size, byteCount: byteCount, sha256: sha256)
        }
        self.init(
            previewKey: preview,
            result: result,
            posterKey: poster,
            size: FrameSize(width: width, height: height),
            seconds: seconds,
            framesPerSecond: rate,
            byteCount: byteCount,
            sha256: sha256,
            posterByteCount: posterByteCount,
            posterSHA256: posterSHA256
        )
    }
}

extension UndoAction: StoredJSON {
    var stored: JSONValue {
        switch self {
        case .cancelPrediction(let intentID, let provider, let id):
            [
                "do": "cancel_prediction", "intent": .string(intentID.text),
                "provider": .string(provider.rawValue), "id": .string(id),
            ]
        case .deleteInput(let provider, let tag, let fileID):
            [
                "do": "delete_input", "provider": .string(provider.rawValue), "tag": .string(tag),
                "file_id": fileID.map(JSONValue.string) ?? .null,
            ]
        case .deleteObject(let key): ["do": "delete_object", "key": .string(key.description)]
        case .deleteScene(let job): ["do": "delete_scene", "job": .string(job.description)]
        }
    }

    init?(stored: JSONValue) {
        let provider = stored["provider"]?.string.flatMap(VideoModel.Provider.init(rawValue:))
        switch stored["do"]?.string {
        case "cancel_prediction":
            guard let intent = stored["intent"]?.string.flatMap(UUID.init(text:)), let provider,
                let id = stored["id"]?.string
            else { return nil }
            self = .cancelPrediction(intentID: intent, provider: provider, id: id)
        case "delete_input":
            guard let provider, let tag = stored["tag"]?.string else { return nil }
            self = .deleteInput(provider: provider, tag: tag, fileID: stored["file_id"]?.string)
        case "delete_object":
            guard let key = stored.objectKey("key") else { return nil }
            self = .deleteObject(key)
        case "delete_scene":
            guard let job = stored["job"]?.string.flatMap({ JobID($0) }) else { return nil }
            self = .deleteScene(job)
        default: return nil
        }
    }
}

extension JSONValue {
    fileprivate func int(_ name: String) -> Int? { self[name]?.integer.flatMap { Int(exactly: $0) } }
    fileprivate func objectKey(_ name: String) -> ObjectKey? { self[name]?.string.flatMap { ObjectKey($0) } }
}

extension SQLValue {
    /// A JSON value as a column's value.
    static func json(_ value: JSONValue) throws(DatabaseError) -> SQLValue {
        do {
            let text = String(decoding: try value.encoded(), as: UTF8.self)
            // PostgreSQL cannot read this escape again, so that neither database takes it.
            if text.contains("\\u0000"), value.containsNUL {
                throw DatabaseError.internal("a text must not contain NUL")
            }
            return .json(text)
        } catch let error as DatabaseError {
            throw error
        } catch {
            throw .internal("a number in a JSON value must be finite")
        }
    }
}

extension JSONValue {
    fileprivate var containsNUL: Bool {
        switch self {
        case .null, .bool, .integer, .number: false
        case .string(let text): text.utf8.contains(0)
        case .array(let elements): elements.contains(where: \.containsNUL)
        case .object(let members): members.contains { $0.key.utf8.contains(0) || $0.value.containsNUL }
        }
    }
}

extension SQLRow {
    /// A column that holds JSON.
    func json(_ column: String) throws(DatabaseError) -> JSONValue? {
        guard let text: String = try find(column) else { return nil }
        do {
            return try JSONValue(parsing: text.utf8)
        } catch {
            throw .internal("column \"\(column)\" does not hold JSON")
        }
    }

    /// A column that holds a value as JSON.
    func stored<Value: StoredJSON>(_ column: String, as _: Value.Type = Value.self) throws(DatabaseError) -> Value? {
        guard let json = try json(column) else { return nil }
        guard let value = Value(stored: json) else { throw unreadable(column) }
        return value
    }

    func unreadable(_ column: String) -> DatabaseError {
        .internal("column \"\(column)\" holds something that this program does not know")
    }
}
