import Foundation
import ReplicateSimulator
import StrictJSON
import ZoetropeTestKit

/// All that can be known of a storm from outside.
struct StormEvidence: Sendable {
    /// A row of the database.
    typealias Row = StrictJSON.JSONValue

    let size: StormSize
    let client: StormClient.Ledger
    let provider: Ledger
    /// Images that the provider still has; nil when it did not say.
    let inputsLeft: [Row]?
    /// Where the provider's videos are.
    let outputURL: String
    let forger: StormForger.Account
    let members: [StormCrew.Member]
    /// What did not end well when it was asked to.
    let endings: [String]
    let verify: ToolResult
    let stored: Stored
    /// What was there when the addresses that callers were given were fetched; missing where that failed.
    let downloads: [String: Object]

    let jobs: [Row]
    let attempts: [Row]
    let runs: [Row]
    let intents: [Row]
    let undos: [Row]
    let inbox: [Row]
    /// Every change of a run, in order.
    let history: [Change]
    /// Writes that found no row; nil where the database cannot tell.
    let refusals: [Row]?

    /// All that is in the object store.
    struct Stored: Sendable {
        /// Objects with size and SHA-256.
        var objects: [String: Object] = [:]
        /// Keys of uploads that were begun and not completed.
        var uploads: [String] = []
        /// What the proxy before an S3 server says that it did.
        var troubles: Row?
    }

    struct Object: Sendable, Equatable {
        let byteCount: Int
        let sha256: String
    }

    /// One change of a run, as the audit noted it.
    struct Change: Sendable, CustomStringConvertible {
        let at: Double
        /// The process that wrote; nil where the database cannot tell.
        let writer: String?
        let id: String
        let oldEpoch, epoch, oldVersion, version: Int64
        let oldOwner, owner: String?
        let oldExpiresAt: Double?
        let oldDecided, decided: String

        var description: String {
            let time = Date(timeIntervalSince1970: at).formatted(.iso8601.time(includingFractionalSeconds: true))
            return
                "\(time) \(writer ?? "") \(id): epoch \(oldEpoch)→\(epoch), owner \(oldOwner ?? "-")→\(owner ?? "-"), "
                + "version \(oldVersion)→\(version), [\(oldDecided)]→[\(decided)]"
        }
    }

    init(
        size: StormSize,
        client: StormClient.Ledger,
        provider: Ledger,
        inputsLeft: [Row]?,
        outputURL: String,
        forger: StormForger.Account,
        members: [StormCrew.Member],
        endings: [String],
        verify: ToolResult,
        downloads: [String: Object],
        stored: Stored,
        database: StormDatabase
    ) async throws {
        self.size = size
        self.client = client
        self.provider = provider
        self.inputsLeft = inputsLeft
        self.outputURL = outputURL
        self.forger = forger
        self.members = members
        self.endings = endings
        self.verify = verify
        self.stored = stored
        self.downloads = downloads
        jobs = try await database.rows("SELECT CAST(id AS text) AS id, source_s3_key FROM jobs")
        attempts = try await database.rows("SELECT CAST(id AS text) AS id, preview_s3_key FROM animation_attempts")
        runs = try await database.rows(
            """
            SELECT CAST(id AS text) AS id, CAST(job_id AS text) AS job_id, state, outcome, failure_code, failure_detail, lease_owner,
                CAST(check_at AS text) AS check_at, CAST(video AS text) AS video FROM animation_runs
            """
        )
        intents = try await database.rows(
            "SELECT CAST(animation_id AS text) AS animation_id, tag, state, prediction_id, output, cost FROM paid_intents"
        )
        undos = try await database.rows(
            "SELECT state, CAST(action AS text) AS action, CAST(animation_id AS text) AS animation_id, last_error FROM undo_records"
        )
        inbox = try await database.rows("SELECT id FROM webhook_inbox")
        history = try await database.rows("SELECT * FROM storm_history ORDER BY place").map(Change.init)
        refusals =
            switch size.database {
            case .sqlite: nil
            case .postgres: try await database.rows("SELECT at, writer FROM storm_refused")
            }
    }

    /// The process in an owner's name, `host:process`.
    static func processID(ofOwner owner: String) -> Int32? {
        owner.split(separator: ":").last.flatMap { Int32($0) }
    }

}

extension StormEvidence.Stored {
    /// All files below a folder, hashed by a tool that is not ours.
    static func files(in folder: String) async throws -> StormEvidence.Stored {
        let list = try await ToolRunner.succeed(
            "sh",
            [
                "-c", #"cd "$1" && find . -type f -printf '%s %P\n' && find . -type f -exec sha256sum {} +"#, "sh",
                folder,
            ]
        )
        var sizes: [String: Int] = [:]
        var objects: [String: StormEvidence.Object] = [:]
        for line in list.text.split(separator: "\n") {
            let words = line.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: true).map(String.init)
            guard words.count == 2 else { continue }
            if words[0].count < 64, let size = Int(words[0]) {
                sizes[words[1]] = size
            } else {
                let name = String(words[1].trimmingCharacters(in: .whitespaces).dropFirst(2))
                objects[name] = StormEvidence.Object(byteCount: sizes[name] ?? -1, sha256: words[0])
            }
        }
        return StormEvidence.Stored(objects: objects)
    }
}

extension StormEvidence.Change {
    init(_ row: StormEvidence.Row) {
        at = row["at"]?.number ?? 0
        writer = row["writer"]?.string
        id = row["id"]?.string ?? ""
        oldEpoch = row["old_epoch"]?.integer ?? -1
        epoch = row["epoch"]?.integer ?? -1
        oldVersion = row["old_version"]?.integer ?? -1
        version = row["version"]?.integer ?? -1
        oldOwner = row["old_owner"]?.string
        owner = row["owner"]?.string
        oldExpiresAt = row["old_expires_at"]?.number
        oldDecided = row["old_decided"]?.string ?? ""
        decided = row["decided"]?.string ?? ""
    }
}
