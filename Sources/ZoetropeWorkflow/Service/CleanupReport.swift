package import StrictJSON

/// What a run of the clean-up did, or would do.
package struct CleanupReport: Sendable, Equatable {
    package var animations = 0
    package var restores = 0
    package var jobs = 0
    /// Objects of those that were noted; a published video whose model gave no more than 720 lines has one fewer.
    package var objects = 0
    /// As far as it is known how large they were.
    package var byteCount: Int64 = 0
    /// Expired rows that wait for the next run, because a run takes no more than its share.
    package var waiting = 0
    package var idempotencyKeys = 0
    package var webhooks = 0
    /// What interrupted puts had left half stored; nil when nobody looked.
    package var unfinished: Int?
    /// Objects that the store has.
    package var listed = 0
    /// Objects that nothing named for a day.
    package var orphans = 0
    package var orphanByteCount: Int64 = 0
    /// Objects that callers are told of and that are not there.
    package var missing = 0
    /// Objects in the service's folders whose names are none of its own; left alone.
    package var foreign = 0
    /// Why orphans were not deleted.
    package var refusal: String?
    /// Objects that are still to be deleted.
    package var pending = 0
    package var milliseconds = 0

    package init() {}

    /// Numbers by their names, in the order in which they are shown.
    private static let numbers: [(String, any WritableKeyPath<CleanupReport, Int> & Sendable)] = [
        ("animations", \.animations), ("restores", \.restores), ("jobs", \.jobs), ("objects", \.objects),
        ("waiting", \.waiting), ("idempotency_keys", \.idempotencyKeys), ("webhooks", \.webhooks),
        ("listed", \.listed), ("orphans", \.orphans), ("missing", \.missing), ("foreign", \.foreign),
        ("pending", \.pending), ("duration_ms", \.milliseconds),
    ]

    package var json: JSONValue {
        var members: [String: JSONValue] = [:]
        for (name, path) in Self.numbers { members[name] = .integer(Int64(self[keyPath: path])) }
        members["bytes"] = .integer(byteCount)
        members["orphan_bytes"] = .integer(orphanByteCount)
        members["unfinished"] = unfinished.map { .integer(Int64($0)) } ?? .null
        members["refusal"] = refusal.map { .string($0) } ?? .null
        return .object(members)
    }

    /// Reads what ``json`` gave; what a newer version added is passed over, and what is missing is 0.
    package init(json: JSONValue) {
        for (name, path) in Self.numbers { self[keyPath: path] = json[name]?.integer.map { Int($0) } ?? 0 }
        byteCount = json["bytes"]?.integer ?? 0
        orphanByteCount = json["orphan_bytes"]?.integer ?? 0
        unfinished = json["unfinished"]?.integer.map { Int($0) }
        refusal = json["refusal"]?.string
    }
}
