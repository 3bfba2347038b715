import Foundation
import ZoetropeWorkflow

/// What the header of an answer says of an object.
struct S3ObjectHead: Sendable {
    let byteCount: Int64
    /// Without quotes.
    let entityTag: String
    let contentType: String
    let modifiedAt: Date
    /// Nil for what we have not put there.
    let sha256: String?

    /// Throws ``S3Failure`` when the size or the tag is not told.
    init(_ answer: S3Answer) throws {
        guard let byteCount = answer.field("content-length").flatMap({ Int64($0) }), byteCount >= 0,
            let tag = answer.field("etag")?.trimmingCharacters(in: CharacterSet(charactersIn: "\"")),
            !tag.isEmpty
        else { throw S3Failure(.unavailable, "the answer lacks the object's size or tag") }
        self.byteCount = byteCount
        entityTag = tag
        contentType = answer.field("content-type") ?? "application/octet-stream"
        modifiedAt =
            answer.field("last-modified").flatMap { Date(httpText: $0) } ?? Date(timeIntervalSince1970: 0)
        sha256 = answer.field(S3ObjectStore.hashField)
            .flatMap { text in
                let isHash = text.utf8.count == 64 && text.utf8.allSatisfy("0123456789abcdef".utf8.contains)
                return isHash ? text : nil
            }
    }

    var facts: ObjectFacts? {
        sha256.map { ObjectFacts(byteCount: byteCount, sha256: $0, contentType: contentType) }
    }
}
