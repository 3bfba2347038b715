import Foundation
package import Logging
import NIOHTTP1
import Synchronization
package import ZoetropeCore
package import ZoetropeWorkflow

/// Objects in a bucket of S3, or of a server that speaks its protocol.
///
/// An object's hash is kept beside it, as `x-amz-meta-sha256`; servers check it, and that of each part, as the bytes come.
/// What somebody else has put there has none, and is read to know it.
///
/// Puts store only where nothing is (`If-None-Match: *`). For files of more than 64 MB, which go in parts, some servers do
/// not know that condition (Ceph before version 19): there, two of them that end within the same moments can both
/// succeed, and the later one stays.
package final class S3ObjectStore: ObjectStore {
    let client: S3Client
    let work = BlockingWork(threads: 4)
    let limits: Limits
    let renewal: CredentialsRenewal
    private let bucketIsKnown = Atomic(false)

    /// Sizes and times; tests have smaller ones.
    package struct Limits: Sendable {
        /// Files that have more bytes go in parts.
        package var multipartThreshold: Int64 = 64 << 20
        /// What a part has, at least 5 MiB for S3; the last one has the rest.
        package var partBytes: Int64 = 16 << 20
        /// Parts of a file that are sent at a time.
        package var partsAtOnce = 4
        /// How long a server may say or take nothing.
        package var silence = Duration.seconds(30)

        package init() {}
    }

    /// A digest that others can read, too: `aws s3api head-object` shows it.
    static let hashField = "x-amz-meta-sha256"

    /// How often a put begins again when what was in its way is gone.
    private static let rounds = 5

    /// Opens the store; nothing is asked before the first use.
    ///
    /// - Parameters:
    ///   - location: The bucket.
    ///   - environment: Where credentials are looked for, as the AWS SDKs do.
    ///   - logger: Told of what operators should know.
    ///   - limits: Sizes and times.
    ///   - timing: Waiting, the time, and chance.
    package init(
        _ location: S3Location,
        environment: [String: String],
        logger: Logger,
        limits: Limits = Limits(),
        timing: S3Timing = .system
    ) {
        self.limits = limits
        client = S3Client(
            location,
            environment: environment,
            timing: timing,
            silence: limits.silence,
            logger: logger
        )
        renewal = CredentialsRenewal(client.credentials, timing)
    }

    // MARK: Putting

    package func put(_ file: String, at key: ObjectKey, contentType: String)
        async throws(StorageError) -> PutOutcome
    {
        let source = try await PutFile(
            file,
            threshold: limits.multipartThreshold,
            partBytes: limits.partBytes,
            work: work
        )
        let facts = ObjectFacts(
            byteCount: source.byteCount,
            sha256: source.sha256,
            contentType: contentType
        )
        return try await perform("put \(key)") {
            for _ in 0..<Self.rounds {
                do {
                    if source.parts.count > 1 { return try await putParts(source, at: key, facts) }
                    try await putWhole(source.parts[0], at: key, facts)
                    return .stored(facts)
                } catch let failure as S3Failure where failure.isTaken {
                    // An earlier try may have been the one that stored it.
                    if let there = try await stat(key) {
                        return failure.followsDoubt && there.sameBytes(as: facts)
                            ? .stored(facts) : .exists(there)
                    }
                    // It has been deleted meanwhile.
                }
            }
            throw S3Failure(.unavailable, "it comes and goes")
        }
    }

    private func putWhole(_ part: FilePart, at key: ObjectKey, _ facts: ObjectFacts) async throws {
        let request = S3Request(
            method: .PUT,
            key: key,
            headers: Self.description(of: facts) + [("if-none-match", "*")],
            body: part.byteCount == 0 ? .none : .file(part)
        )
        try await client.send(request)
    }

    /// The header fields that are kept with an object.
    static func description(of facts: ObjectFacts) -> [(name: String, value: String)] {
        [("content-type", facts.contentType), (hashField, facts.sha256)]
    }

    // MARK: Looking

    package func facts(of key: ObjectKey) async throws(StorageError) -> ObjectFacts? {
        try await perform("facts of \(key)") { try await stat(key) }
    }

    func stat(_ key: ObjectKey) async throws -> ObjectFacts? {
        guard let head = try await head(key) else { return nil }
        if let facts = head.facts { return facts }
        do {
            return try await download(key) { _ in }
        } catch let failure as S3Failure where failure.meaning == .missing {
            return nil
        }
    }

    /// Nil when there is no object.
    func head(_ key: ObjectKey) async throws -> S3ObjectHead? {
        do {
            return try S3ObjectHead(await client.send(S3Request(method: .HEAD, key: key)))
        } catch let failure as S3Failure where failure.status == 404 {
            // An answer to HEAD does not say whether it is the bucket that is missing.
            try await confirmBucket()
            return nil
        }
    }

    private func confirmBucket() async throws {
        guard !bucketIsKnown.load(ordering: .relaxed) else { return }
        _ = try await client.xml(
            S3Request(method: .GET, query: [("list-type", "2"), ("max-keys", "1")])
        )
        bucketIsKnown.store(true, ordering: .relaxed)
    }

    // MARK: Deleting

    package func delete(_ key: ObjectKey) async throws(StorageError) {
        try await perform("delete \(key)") {
            do {
                try await client.send(S3Request(method: .DELETE, key: key))
            } catch let failure as S3Failure where failure.meaning == .missing {
                return
            }
        }
    }

    // MARK: Parts

    /// Says of every failure what it is to the store's callers.
    func perform<Value>(_ what: String, _ body: () async throws -> Value) async throws(StorageError)
        -> Value
    {
        do {
            return try await body()
        } catch {
            throw StorageError(error, what)
        }
    }
}

extension S3Failure {
    /// There is an object at the key.
    fileprivate var isTaken: Bool { status == 412 }
}

extension ObjectFacts {
    func sameBytes(as other: ObjectFacts) -> Bool {
        byteCount == other.byteCount && sha256 == other.sha256
    }
}
