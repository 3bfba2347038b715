import Crypto
package import Foundation
import NIOHTTP1
package import ZoetropeCore
package import ZoetropeWorkflow

extension S3ObjectStore {
    /// What S3 gives in a page of a list, and takes in a batch of deletes.
    private static let pageCount = 1_000

    package func list(prefix: String, after: ObjectKey?, limit: Int) async throws(StorageError)
        -> [StoredObject]
    {
        try await perform("list \"\(prefix)\"") {
            let start = client.location.prefix
            var objects: [StoredObject] = []
            // The name that the last page ended with, whether it was a key of ours or not.
            var last = after.map { start + $0.description } ?? ""
            while objects.count < limit {
                var query = [
                    ("list-type", "2"), ("encoding-type", "url"), ("prefix", start + prefix),
                    ("max-keys", String(min(Self.pageCount, limit - objects.count))),
                ]
                if !last.isEmpty { query.append(("start-after", last)) }
                let page = try await client.xml(S3Request(method: .GET, query: query))
                let before = last
                for entry in page.all("Contents") {
                    guard let name = entry["Key"]?.text.decoded,
                        let size = entry["Size"].flatMap({ Int64($0.text) }),
                        let date = entry["LastModified"].flatMap({ Date(s3: $0.text) })
                    else { throw S3Failure(.unavailable, "the list has an entry without key, size or time") }
                    last = name
                    guard name.utf8.starts(with: start.utf8),
                        let key = ObjectKey(
                            String(decoding: name.utf8.dropFirst(start.utf8.count), as: UTF8.self)
                        )
                    else { continue }
                    objects.append(StoredObject(key: key, byteCount: size, modifiedAt: date))
                }
                guard page["IsTruncated"]?.text == "true" else { break }
                guard before.utf8.lexicographicallyPrecedes(last.utf8) else {
                    throw S3Failure(.unavailable, "the list does not go on")
                }
            }
            return objects
        }
    }

    package func removeUnfinished(before: Date) async throws(StorageError) -> Int {
        try await perform("remove what is unfinished") {
            let start = client.location.prefix
            var count = 0
            var markers: [(name: String, value: String)] = []
            while true {
                let query = [("uploads", ""), ("encoding-type", "url"), ("prefix", start)] + markers
                let page = try await client.xml(S3Request(method: .GET, query: query))
                for upload in page.all("Upload") {
                    guard let name = upload["Key"]?.text.decoded, name.utf8.starts(with: start.utf8),
                        let key = ObjectKey(
                            String(decoding: name.utf8.dropFirst(start.utf8.count), as: UTF8.self)
                        ),
                        let id = upload["UploadId"]?.text,
                        let date = upload["Initiated"].flatMap({ Date(s3: $0.text) }), date < before
                    else { continue }
                    do {
                        try await client.send(Self.aborting(id, at: key))
                        count += 1
                    } catch let failure as S3Failure where failure.meaning == .missing {
                        // Completed, or aborted by somebody else.
                    }
                }
                let next = [
                    (name: "key-marker", value: page["NextKeyMarker"]?.text.decoded ?? ""),
                    (name: "upload-id-marker", value: page["NextUploadIdMarker"]?.text ?? ""),
                ]
                guard page["IsTruncated"]?.text == "true" else { return count }
                guard !next[0].value.isEmpty, next.map(\.value) != markers.map(\.value) else {
                    throw S3Failure(.unavailable, "the list of uploads does not go on")
                }
                markers = next
            }
        }
    }

    package func delete(_ keys: [ObjectKey]) async throws(StorageError) -> [ObjectKey: StorageError] {
        var failures: [ObjectKey: StorageError] = [:]
        var (rest, answers, lost) = (keys[...], 0, StorageError?.none)
        while !rest.isEmpty {
            let batch = rest.prefix(Self.pageCount)
            rest = rest.dropFirst(Self.pageCount)
            do throws(StorageError) {
                try await failures.merge(deleteBatch(batch)) { first, _ in first }
                answers += 1
            } catch {
                for key in batch { failures[key] = error }
                lost = error
            }
        }
        if answers == 0, let lost { throw lost }
        return failures
    }

    private func deleteBatch(_ keys: ArraySlice<ObjectKey>) async throws(StorageError) -> [ObjectKey:
        StorageError]
    {
        try await perform("delete \(keys.count) objects") {
            let start = client.location.prefix
            let names = keys.map {
                "<Object><Key>\(S3XML.escaped(start + $0.description))</Key></Object>"
            }
            let text =
                "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\(names.joined())</Delete>"
            let body = Array(text.utf8)
            let answer = try await client.xml(
                S3Request(
                    method: .POST,
                    query: [("delete", "")],
                    headers: [
                        ("content-type", "application/xml"),
                        ("content-md5", Data(Insecure.MD5.hash(data: body)).base64EncodedString()),
                    ],
                    body: .bytes(body)
                )
            )
            let deleted = Set(answer.all("Deleted").compactMap { $0["Key"]?.text })
            var refused: [String: String] = [:]
            for error in answer.all("Error") {
                guard let name = error["Key"]?.text else { continue }
                refused[name] = error["Code"]?.text ?? ""
            }
            var failures: [ObjectKey: StorageError] = [:]
            for key in keys {
                let name = start + key.description
                switch refused[name] {
                case "NoSuchKey": break
                case let code?:
                    let meaning: StorageError.Code = code.contains("Denied") ? .denied : .unavailable
                    failures[key] = StorageError(meaning, "delete \(key): \(code.prefix(64))")
                case nil where !deleted.contains(name):
                    failures[key] = StorageError(
                        .unavailable,
                        "delete \(key): the server did not say that it is gone"
                    )
                case nil: break
                }
            }
            return failures
        }
    }
}

extension String {
    /// A name from a list, which is encoded as in a form.
    fileprivate var decoded: String? { replacing("+", with: " ").removingPercentEncoding }
}
