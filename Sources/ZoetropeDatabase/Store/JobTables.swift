import Foundation
import ZoetropeCore

// The tables that callers know.

extension SourceImage {
    static let columns = [
        "source_s3_key", "source_content_type", "source_width", "source_height", "source_orientation",
        "source_byte_count", "source_sha256",
    ]

    var columnValues: [SQLValue] {
        [
            key.sqlValue, .text(contentType), size.width.sqlValue, size.height.sqlValue, orientation.sqlValue,
            byteCount.sqlValue, .text(sha256),
        ]
    }

    init(columnsOf row: SQLRow) throws(DatabaseError) {
        self.init(
            key: try row.get("source_s3_key"),
            contentType: try row.get("source_content_type"),
            size: FrameSize(width: try row.get("source_width"), height: try row.get("source_height")),
            orientation: try row.get("source_orientation"),
            byteCount: try row.get("source_byte_count"),
            sha256: try row.get("source_sha256")
        )
    }
}

extension Job {
    static let columns = ["id", "user_id", "session_id", "kind", "on_failure", "created_at"] + SourceImage.columns

    var values: [SQLValue] {
        [
            id.sqlValue, .text(userID), SQLValue(sessionID), kind.sqlValue, onFailure.sqlValue, createdAt.sqlValue,
        ] + source.columnValues
    }

    init(_ row: SQLRow) throws {
        self.init(
            id: try row.get("id"),
            userID: try row.get("user_id"),
            sessionID: try row.find("session_id"),
            kind: try row.get("kind"),
            onFailure: try row.get("on_failure"),
            source: try SourceImage(columnsOf: row),
            createdAt: try row.get("created_at")
        )
    }
}

extension RestoreAttempt {
    static let columns = ["id", "job_id", "created_at"] + SourceImage.columns

    var values: [SQLValue] { [id.sqlValue, jobID.sqlValue, createdAt.sqlValue] + image.columnValues }

    init(_ row: SQLRow) throws {
        self.init(
            id: try row.get("id"),
            jobID: try row.get("job_id"),
            image: try SourceImage(columnsOf: row),
            createdAt: try row.get("created_at")
        )
    }
}

extension AnimationAttempt {
    static let columns = [
        "id", "job_id", "restore_id", "preview_s3_key", "result_s3_key", "thumb_s3_key", "model", "params",
        "created_at",
    ]

    func values() throws -> [SQLValue] {
        [
            id.sqlValue, jobID.sqlValue, SQLValue(restoreID), .text(previewS3Key), SQLValue(resultS3Key),
            SQLValue(thumbS3Key), SQLValue(model), try params.map { try .json($0) } ?? .null,
            createdAt.sqlValue,
        ]
    }

    init(_ row: SQLRow) throws {
        self.init(
            id: try row.get("id"),
            jobID: try row.get("job_id"),
            restoreID: try row.find("restore_id"),
            previewS3Key: try row.get("preview_s3_key"),
            resultS3Key: try row.find("result_s3_key"),
            thumbS3Key: try row.find("thumb_s3_key"),
            model: try row.find("model"),
            params: try row.json("params"),
            createdAt: try row.get("created_at")
        )
    }
}

extension SQLSession {
    /// Inserts one row.
    func insert(_ values: [SQLValue], into table: String, _ columns: [String]) throws {
        let places = (1...columns.count).map { "$\($0)" }.joined(separator: ", ")
        try execute("INSERT INTO \(table) (\(columns.joined(separator: ", "))) VALUES (\(places))", values)
    }
}
