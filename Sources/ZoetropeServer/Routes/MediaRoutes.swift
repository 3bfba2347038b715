package import Foundation
import HTTPTypes
package import Hummingbird
package import Logging
import NIOCore
package import ZoetropeCore
package import ZoetropeWorkflow

/// Objects by signed URLs: the signature is all the access that it takes.
package struct MediaRoutes: Sendable {
    /// For GET, and for HEAD, which is made from it.
    package static let path: RouterPath = "/api/v1/media/**"
    private static let pathPrefix = "/api/v1/media/"

    /// How much of an object is in memory at a time, up to twice for each reader.
    private static let pieceBytes: Int64 = 256 << 10

    private let objects: any ObjectStore
    private let urls: ObjectURLs
    private let isPublished: @Sendable (ObjectKey) async throws -> Bool
    private let now: @Sendable () -> Date
    private let logger: Logger

    /// Makes the routes over a store.
    ///
    /// - Parameters:
    ///   - objects: Where the objects are.
    ///   - urls: What signed the URLs.
    ///   - isPublished: Whether the row that an object belongs to still wants it to be seen.
    ///   - now: The time.
    ///   - logger: Told of objects that cannot be read to their end.
    package init(
        objects: any ObjectStore,
        urls: ObjectURLs,
        isPublished: @escaping @Sendable (ObjectKey) async throws -> Bool,
        now: @escaping @Sendable () -> Date,
        logger: Logger
    ) {
        self.objects = objects
        self.urls = urls
        self.isPublished = isPublished
        self.now = now
        self.logger = logger
    }

    @Sendable package func serve(_ request: Request, _ context: APIContext) async throws -> Response {
        let (key, headers) = try judged(request)
        guard try await isPublished(key), let object = try await objects.open(key) else {
            throw Problem(.gone, "gone", "What was at this address has been deleted")
        }
        return try answer(request, object, headers, context)
    }

    /// The object that a URL is for, and what is said of the URL itself.
    ///
    /// Throws a ``Problem`` when the URL gives no right to it.
    private func judged(_ request: Request) throws(Problem) -> (ObjectKey, HTTPFields) {
        let now = now()
        // The path as it was sent: the router takes several spellings for the same, and a signature must not.
        guard request.uri.path.hasPrefix(Self.pathPrefix) else {
            throw Problem(.notFound, "not_found", "There is nothing at this address")
        }
        let name = String(request.uri.path.dropFirst(Self.pathPrefix.count))
        guard let query = SignedQuery(request.uri.query) else { throw .forgedURL }
        switch urls.verify(name, query.expires, query.signature, now) {
        case .forged: throw .forgedURL
        case .expired:
            throw Problem(
                .gone,
                "url_expired",
                "This address has expired; fetch a new one from the animation"
            )
        case .valid(let key):
            let left = max(0, (Double(query.expires) ?? 0) - now.timeIntervalSince1970)
            let disposition = query.isDownload ? "attachment" : "inline"
            return (
                key,
                [
                    .cacheControl: "private, max-age=\(Int(left))",
                    .contentDisposition: "\(disposition); filename=\"\(key.fileName)\"",
                    // Pages of any origin may show it: whoever has the address may have the object.
                    .crossOriginResourcePolicy: "cross-origin",
                ]
            )
        }
    }

    /// The answer with the whole object or the part of it that a request wants.
    ///
    /// Throws the ``Problem`` of a precondition or a range that does not hold.
    func answer(
        _ request: Request,
        _ object: any ObjectReader,
        _ fields: HTTPFields,
        _ context: APIContext
    ) throws(Problem) -> Response {
        let (tag, date) = (object.entityTag, object.modifiedAt)
        var headers = fields
        headers[.acceptRanges] = "bytes"
        headers[.eTag] = "\"\(tag)\""
        headers[.lastModified] = date.httpDate

        let preconditions = Preconditions(request.headers)
        switch preconditions.verdict(entityTag: tag, modifiedAt: date) {
        case .met: break
        case .notModified: return Response(status: .notModified, headers: headers)
        case .failed:
            throw Problem(
                .preconditionFailed,
                "precondition_failed",
                "The object is not the one you have"
            )
        }
        headers[.contentType] = object.contentType

        // Only GET has ranges.
        let takesRange =
            request.method == .get && preconditions.allowsRange(entityTag: tag, modifiedAt: date)
        switch ByteRange(takesRange ? request.headers[.range] : nil, of: object.byteCount) {
        case .whole:
            return Response(
                status: .ok,
                headers: headers,
                body: body(object, 0..<object.byteCount, context)
            )
        case .part(let range):
            headers[.contentRange] =
                "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(object.byteCount)"
            return Response(status: .partialContent, headers: headers, body: body(object, range, context))
        case .unsatisfiable:
            var problem = Problem(
                .rangeNotSatisfiable,
                "range_not_satisfiable",
                "The object has only \(object.byteCount) bytes"
            )
            problem.headers[.contentRange] = "bytes */\(object.byteCount)"
            throw problem
        }
    }

    /// The bytes of a part, read as the client takes them.
    private func body(_ object: any ObjectReader, _ range: Range<Int64>, _ context: APIContext)
        -> ResponseBody
    {
        ResponseBody(contentLength: range.count) { [logger] writer in
            var offset = range.lowerBound
            do {
                while offset < range.upperBound {
                    let count = Int(min(Self.pieceBytes, range.upperBound - offset))
                    let piece = try await object.bytes(at: offset, count: count)
                    guard !piece.isEmpty else { throw StorageError(.corrupt, "it ends at \(offset)") }
                    try await writer.write(ByteBuffer(bytes: piece))
                    offset += Int64(piece.count)
                }
            } catch let error as StorageError {
                logger.error(
                    "an object could not be read to its end",
                    metadata: Logger.Metadata([
                        .requestID: .string(context.requestID), .error: .string(error.description),
                    ])
                )
                // The connection breaks, which tells the client that it has not got everything.
                throw error
            }
            try await writer.finish(nil)
        }
    }
}

extension Problem {
    fileprivate static let forgedURL = Problem(
        .forbidden,
        "invalid_signature",
        "This address was not made by this service; use it exactly as it was given"
    )
}
