import Logging
import NIOHTTP1
import ZoetropeCore
import ZoetropeWorkflow

/// Files in parts: begun, sent a few at a time, and completed or aborted.
extension S3ObjectStore {
    /// Throws ``S3Failure`` with status 412 when there is an object.
    func putParts(_ source: PutFile, at key: ObjectKey, _ facts: ObjectFacts) async throws
        -> PutOutcome
    {
        // Much is saved when it is there already.
        if let there = try await stat(key) { return .exists(there) }
        let begun = try await client.xml(
            S3Request(
                method: .POST,
                key: key,
                query: [("uploads", "")],
                headers: Self.description(of: facts)
            )
        )
        guard let id = begun["UploadId"]?.text, !id.isEmpty else {
            throw S3Failure(.unavailable, "the server began an upload and did not name it")
        }
        do {
            let tags = try await send(source.parts, at: key, of: id)
            // For servers that do not know the condition.
            if let there = try await stat(key) {
                await abort(id, at: key)
                return .exists(there)
            }
            return try await complete(id, at: key, tags, facts)
        } catch {
            await abort(id, at: key)
            throw error
        }
    }

    /// Returns the parts' tags, in order.
    private func send(_ parts: [FilePart], at key: ObjectKey, of id: String) async throws -> [String] {
        try await withThrowingTaskGroup(of: (Int, String).self) { group in
            var tags = Array(repeating: "", count: parts.count)
            for (index, part) in parts.enumerated() {
                if index >= limits.partsAtOnce, let (sent, tag) = try await group.next() {
                    tags[sent] = tag
                }
                group.addTask { [client] in
                    let request = S3Request(
                        method: .PUT,
                        key: key,
                        query: [("partNumber", String(index + 1)), ("uploadId", id)],
                        body: .file(part)
                    )
                    let tag = try await client.send(request).field("etag")
                    guard let tag, !tag.isEmpty else {
                        throw S3Failure(.unavailable, "the server took a part and gave no tag")
                    }
                    return (index, tag)
                }
            }
            for try await (sent, tag) in group { tags[sent] = tag }
            return tags
        }
    }

    private func complete(_ id: String, at key: ObjectKey, _ tags: [String], _ facts: ObjectFacts)
        async throws
        -> PutOutcome
    {
        let parts = tags.enumerated()
            .map { "<Part><PartNumber>\($0 + 1)</PartNumber><ETag>\(S3XML.escaped($1))</ETag></Part>" }
        let text =
            "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\(parts.joined())"
            + "</CompleteMultipartUpload>"
        do {
            _ = try await client.xml(
                S3Request(
                    method: .POST,
                    key: key,
                    query: [("uploadId", id)],
                    headers: [("content-type", "application/xml"), ("if-none-match", "*")],
                    body: .bytes(Array(text.utf8))
                )
            )
        } catch let failure as S3Failure where failure.status == 404 && failure.followsDoubt {
            // The upload is no more: an earlier try, whose answer was lost, may have completed it.
            guard let there = try await stat(key) else { throw failure }
            return there.sameBytes(as: facts) ? .stored(facts) : .exists(there)
        }
        guard let there = try await stat(key) else {
            throw S3Failure(.unavailable, "it is not there although the server completed it")
        }
        return there.sameBytes(as: facts) ? .stored(facts) : .exists(there)
    }

    /// Gives the parts back, also when the task is cancelled.
    ///
    /// What it cannot do is left to ``removeUnfinished(before:)``.
    private func abort(_ id: String, at key: ObjectKey) async {
        // Owned by this call, which waits for it; it only must not hear of the cancellation.
        await Task { [client] in
            do {
                try await client.send(Self.aborting(id, at: key))
            } catch let failure as S3Failure where failure.meaning == .missing {
                return
            } catch {
                client.logger.warning(
                    "an upload was not aborted; the clean-up will",
                    metadata: Logger.Metadata([.error: "\(StorageError(error, "abort"))"])
                )
            }
        }
        .value
    }

    static func aborting(_ id: String, at key: ObjectKey) -> S3Request {
        S3Request(method: .DELETE, key: key, query: [("uploadId", id)])
    }
}
