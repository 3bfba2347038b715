import Foundation
import StrictJSON
import ZoetropeCore
import ZoetropeWorkflow

// The engine's own tables: what is written into their columns, and what is read from them.

extension Run {
    /// Columns that every change writes.
    static let changing: [(String, SQLDialect.ColumnType)] = [
        ("state", .text), ("outcome", .text), ("failure_code", .text), ("failure_detail", .text), ("part", .integer),
        ("regenerations", .integer), ("tries", .integer), ("polls", .integer), ("wake_at", .timestamp),
        ("version", .integer), ("provider_done_at", .timestamp), ("playable_at", .timestamp), ("video", .json),
        ("parts", .json), ("check_at", .timestamp),
    ]

    /// The column `state`: a run that is being checked is done, and has a ``checkAt``.
    private var storedState: RunState { state == .checking ? .done : state }

    /// The column `video`: what was published, with its edition.
    ///
    /// Of a run whose video was withdrawn the edition alone, which programs that know of no editions cannot read: they
    /// would publish under the keys of the first.
    private var storedVideo: JSONValue? {
        guard edition > 1 else { return video?.stored }
        var members = video?.stored.object ?? [:]
        members["edition"] = .integer(Int64(edition))
        return .object(members)
    }

    func changingValues() throws -> [SQLValue] {
        [
            storedState.sqlValue, SQLValue(outcome), SQLValue(failure?.code), SQLValue(failure?.detail), part.sqlValue,
            regenerations.sqlValue, tries.sqlValue, polls.sqlValue, SQLValue(wakeAt), version.sqlValue,
            SQLValue(providerDoneAt), SQLValue(playableAt), try storedVideo.map { try .json($0) } ?? .null,
            try .json(.array(parts.map(\.stored))), SQLValue(checkAt),
        ]
    }

    static let all: [(String, SQLDialect.ColumnType)] =
        [
            ("id", .uuid), ("job_id", .uuid), ("request", .json), ("source", .json), ("on_failure", .text),
            ("created_at", .timestamp), ("lease_epoch", .integer), ("lease_owner", .text),
            ("lease_expires_at", .timestamp), ("rung", .boolean),
        ] + changing

    func allValues() throws -> [SQLValue] {
        [
            id.sqlValue, jobID.sqlValue, try .json(request.stored), try .json(source.stored), onFailure.sqlValue,
            createdAt.sqlValue, .integer(lease.epoch), SQLValue(lease.owner), SQLValue(lease.expiresAt),
            .boolean(false),
        ] + (try changingValues())
    }

    /// Without intents and undos.
    init(_ row: SQLRow, _ order: RecentOrders.Order) throws {
        self.init(
            id: try row.get("id"),
            jobID: try row.get("job_id"),
            request: order.request,
            source: order.source,
            onFailure: try row.get("on_failure"),
            createdAt: try row.get("created_at")
        )
        checkAt = try row.find("check_at")
        state = checkAt == nil ? try row.get("state") : .checking
        outcome = try row.find("outcome")
        failure = try row.find("failure_code", as: String.self)
            .map { code in
                let detail: String = try row.find("failure_detail") ?? ""
                // A newer program may have more codes.
                return FailureCode(rawValue: code).map { RunFailure($0, detail) }
                    ?? RunFailure(.internal, "\(code): \(detail)")
            }
        part = try row.get("part")
        regenerations = try row.get("regenerations")
        tries = try row.get("tries")
        polls = try row.get("polls")
        wakeAt = try row.find("wake_at")
        version = try row.get("version")
        lease = Lease(
            epoch: try row.get("lease_epoch"),
            owner: try row.find("lease_owner"),
            expiresAt: try row.find("lease_expires_at")
        )
        providerDoneAt = try row.find("provider_done_at")
        playableAt = try row.find("playable_at")
        if let json = try row.json("video") {
            edition = json["edition"]?.integer.flatMap { Int(exactly: $0) } ?? 1
            if json["edition"] == nil || json["preview_key"] != nil { video = try row.stored("video") }
        }
        for json in try row.json("parts")?.array ?? [] {
            guard let part = KeptPart(stored: json) else { throw row.unreadable("parts") }
            parts.append(part)
        }
    }
}

extension PaidIntent {
    /// Columns that never change.
    static let fixed: [(String, SQLDialect.ColumnType)] = [
        ("id", .uuid), ("animation_id", .uuid), ("part", .integer), ("number", .integer), ("tag", .text),
        ("provider", .text), ("model", .text), ("price_cap", .integer), ("created_at", .timestamp),
    ]
    static let changing: [(String, SQLDialect.ColumnType)] = [
        ("state", .text), ("input_url", .text), ("input_file_id", .text), ("sent_at", .timestamp),
        ("prediction_id", .text), ("looks", .integer), ("wake_at", .timestamp), ("cancel_requested_at", .timestamp),
        ("output", .text), ("cost", .integer),
    ]

    var values: [SQLValue] {
        [
            .uuid(id), animationID.sqlValue, part.sqlValue, number.sqlValue, .text(tag), provider.sqlValue,
            .text(model),
            priceCap.sqlValue, createdAt.sqlValue, state.sqlValue, SQLValue(input?.url), SQLValue(input?.fileID),
            SQLValue(sentAt), SQLValue(predictionID), looks.sqlValue, SQLValue(wakeAt), SQLValue(cancelRequestedAt),
            SQLValue(output), SQLValue(cost),
        ]
    }

    init(_ row: SQLRow) throws {
        self.init(
            id: try row.get("id"),
            animationID: try row.get("animation_id"),
            part: try row.get("part"),
            number: try row.get("number"),
            tag: try row.get("tag"),
            provider: try row.get("provider"),
            model: try row.get("model"),
            priceCap: try row.get("price_cap"),
            createdAt: try row.get("created_at")
        )
        state = try row.get("state")
        input = try row.find("input_url", as: String.self)
            .map { url in
                ProviderInput(url: url, fileID: try row.find("input_file_id"))
            }
        sentAt = try row.find("sent_at")
        predictionID = try row.find("prediction_id")
        looks = try row.get("looks")
        wakeAt = try row.find("wake_at")
        cancelRequestedAt = try row.find("cancel_requested_at")
        output = try row.find("output")
        cost = try row.find("cost")
    }
}

extension UndoRecord {
    static let fixed: [(String, SQLDialect.ColumnType)] = [
        ("id", .uuid), ("animation_id", .uuid), ("created_at", .timestamp),
    ]
    static let changing: [(String, SQLDialect.ColumnType)] = [
        ("action", .json), ("state", .text), ("tries", .integer), ("wake_at", .timestamp), ("last_error", .text),
    ]

    func values() throws -> [SQLValue] {
        [
            .uuid(id), animationID.sqlValue, createdAt.sqlValue, try .json(action.stored), state.sqlValue,
            tries.sqlValue, wakeAt.sqlValue, SQLValue(lastError),
        ]
    }

    init(_ row: SQLRow) throws {
        guard let action: UndoAction = try row.stored("action") else { throw row.unreadable("action") }
        self.init(
            id: try row.get("id"),
            animationID: try row.get("animation_id"),
            action: action,
            createdAt: try row.get("created_at"),
            state: try row.get("state")
        )
        tries = try row.get("tries")
        wakeAt = try row.get("wake_at")
        lastError = try row.find("last_error")
    }
}
