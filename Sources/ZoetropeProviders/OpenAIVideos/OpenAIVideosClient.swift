import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import Replicate
package import ZoetropeWorkflow

/// The HTTP calls of an OpenAI-Videos-compatible server: what is sent and what comes back, without opinions about jobs.
///
/// Redirects are followed only by ``download(_:to:)``. The key goes to the server itself and to nobody else.
package final class OpenAIVideosClient: Sendable {
    /// Limits of the calls.
    package struct Configuration: Sendable {
        package var connectTimeout = Duration.seconds(10)
        /// Of a create, connecting and the answer's body included.
        package var createTimeout = Duration.seconds(60)
        /// Of any other call but a download.
        package var readTimeout = Duration.seconds(30)
        package var downloadTimeout = Duration.seconds(600)
        /// How long a server may be silent in the middle of an answer.
        package var silence = Duration.seconds(60)
        /// Wait before the second try of a call that may be repeated; twice as long before the third and last.
        package var retryWait = Duration.milliseconds(500)
        /// Largest result in bytes.
        package var largestResult: Int64 = 200 << 20

        package init() {}
    }

    let configuration: Configuration
    private let base: String
    private let key: String?
    private let outputOrigins: [OriginPattern]
    private let transport: EngineTransport

    /// No answer but a result has more bytes; a Video has about a thousand.
    private static let largestAnswer = 1 << 20

    /// Creates a client.
    ///
    /// - Parameters:
    ///   - baseURL: Such as `http://gpu:8000/v1`.
    ///   - apiKey: Sent as `Authorization: Bearer …`; nil for a server without keys.
    ///   - outputOrigins: Where results may lie outside the server, such as `https://bucket.s3.example`.
    ///   - configuration: Limits.
    /// - Throws: ``ProviderError`` with `rejected` for an address, a key or an origin that cannot be one.
    package init(
        baseURL: String,
        apiKey: String? = nil,
        outputOrigins: [String] = [],
        configuration: Configuration = Configuration()
    ) throws(ProviderError) {
        guard let url = URLComponents(string: baseURL), let origin = Origin(url), url.query == nil,
            url.fragment == nil
        else {
            let example = "the address must look like \"http://gpu:8000/v1\", without a user name"
            throw ProviderError(
                .rejected,
                baseURL.contains("@") ? example : "\(example); got \"\(baseURL)\""
            )
        }
        var path = url.percentEncodedPath
        while path.hasSuffix("/") { path.removeLast() }
        base = "\(origin)\(path)"
        guard apiKey?.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) != false, apiKey?.isEmpty != true
        else {
            throw ProviderError(.rejected, "the key must be printable ASCII without spaces")
        }
        key = apiKey
        var patterns: [OriginPattern] = []
        for text in outputOrigins {
            guard let pattern = OriginPattern(text) else {
                throw ProviderError(
                    .rejected,
                    "an origin must look like \"https://bucket.s3.example\" or \"https://*.example\"; got \"\(text)\""
                )
            }
            patterns.append(pattern)
        }
        self.outputOrigins = patterns
        self.configuration = configuration
        transport = EngineTransport(
            connectTimeout: configuration.connectTimeout,
            silence: configuration.silence
        )
    }

    /// What must not be shown.
    var secret: String? { key }

    // MARK: Calls

    /// Sends a create, once, on a fresh connection.
    ///
    /// The tag goes along as `Idempotency-Key`: engines take no notice of it, gateways that know it make one job of a create that they
    /// repeat, and their logs can be searched for it.
    func create(_ form: VideoForm, tag: String) async throws(EngineFailure) -> EngineAnswer {
        var request = request(.POST, [])
        request.headers.add(
            name: "content-type",
            value: "multipart/form-data; boundary=\(form.boundary)"
        )
        request.headers.add(name: "idempotency-key", value: tag)
        return try await exchange(request, body: form.body, timeout: configuration.createTimeout)
    }

    func video(_ id: String) async throws(ProviderError) -> EngineAnswer {
        try await repeatable(request(.GET, [id]))
    }

    func delete(_ id: String) async throws(ProviderError) -> EngineAnswer {
        try await repeatable(request(.DELETE, [id]))
    }

    /// A short list, for a check of address and key.
    func list() async throws(ProviderError) -> EngineAnswer {
        try await repeatable(request(.GET, [], query: "?limit=1"))
    }

    private func repeatable(_ request: HTTPClientRequest) async throws(ProviderError) -> EngineAnswer {
        do {
            return try await exchange(request, timeout: configuration.readTimeout)
        } catch {
            throw ProviderError(.unavailable, error.message)
        }
    }

    private func request(_ method: HTTPMethod, _ segments: [String], query: String = "")
        -> HTTPClientRequest
    {
        let path = (["videos"] + segments).map { "/" + Self.escape($0) }.joined()
        var request = HTTPClientRequest(url: "\(base)\(path)\(query)")
        request.method = method
        request.headers = ["accept": "application/json", "user-agent": Self.userAgent]
        if let key { request.headers.add(name: "authorization", value: "Bearer \(key)") }
        return request
    }

    private static let userAgent = "zoetrope"

    private static let plain = CharacterSet(
        charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
    )

    /// Escapes all but letters, digits and `-._~`.
    private static func escape(_ segment: String) -> String {
        segment.addingPercentEncoding(withAllowedCharacters: plain) ?? ""
    }

    private func exchange(
        _ request: HTTPClientRequest,
        body: ByteBuffer? = nil,
        timeout: Duration
    ) async throws(EngineFailure) -> EngineAnswer {
        try await transport.open(request, body: body, timeout: timeout) { try await Self.read($0) }
    }

    private static func read(_ response: HTTPClientResponse) async throws -> EngineAnswer {
        let body = try await response.body.collect(upTo: largestAnswer)
        // A cancelled stream ends like a whole one.
        try Task.checkCancellation()
        let length = response.headers.first(name: "content-length").flatMap(Int.init)
        if let length, length != body.readableBytes {
            throw BrokenAnswer(detail: "\(body.readableBytes) of \(length) bytes")
        }
        return EngineAnswer(
            status: Int(response.status.code),
            headers: response.headers,
            body: [UInt8](body.readableBytesView)
        )
    }

    // MARK: Results

    /// Where a result is.
    enum Place: Sendable {
        /// At the server, which gets the key.
        case content(id: String)
        /// At an address of the server's choice, which must be of the allowed origins and does not get the key.
        case address(String)
    }

    /// What became of one request for a result.
    enum Delivery: Sendable {
        case whole
        case refused(EngineAnswer)
        case redirect(String)
    }

    /// Asks for a result and writes it to a file from its beginning.
    ///
    /// - Throws: ``ProviderError``: `invalidOutput` for an address that is not allowed and for a result that is too large, empty or does not
    ///   say where it ends; `storage`; `unavailable` when it did not come whole.
    func download(_ place: Place, to file: ResultFile) async throws(ProviderError) -> Delivery {
        var outgoing: HTTPClientRequest
        switch place {
        case .content(let id): outgoing = request(.GET, [id, "content"])
        case .address(let address): outgoing = HTTPClientRequest(url: try allowed(address))
        }
        outgoing.headers.replaceOrAdd(name: "accept", value: "*/*")
        outgoing.headers.replaceOrAdd(name: "user-agent", value: Self.userAgent)
        // Lengths are those of the file, so it must come as it is.
        outgoing.headers.replaceOrAdd(name: "accept-encoding", value: "identity")
        do {
            return try await transport.open(outgoing, timeout: configuration.downloadTimeout) {
                response in
                switch response.status.code {
                case 200:
                    try await self.receive(response, into: file)
                    return .whole
                case 301, 302, 303, 307, 308:
                    return .redirect(response.headers.first(name: "location") ?? "")
                default:
                    return .refused(try await Self.read(response))
                }
            }
        } catch {
            if let known = error.cause as? ProviderError { throw known }
            throw ProviderError(.unavailable, error.message)
        }
    }

    private func receive(_ response: HTTPClientResponse, into file: ResultFile) async throws {
        try await file.clear()
        let length = response.headers.first(name: "content-length").flatMap(Int64.init)
        // Without either, a body ends where the connection does, wherever that is.
        let isFramed =
            length != nil || response.headers[canonicalForm: "transfer-encoding"].last == "chunked"
        guard isFramed else {
            throw ProviderError(.invalidOutput, "the server does not say where the result ends")
        }
        if let coding = response.headers.first(name: "content-encoding"),
            coding.lowercased() != "identity"
        {
            throw ProviderError(
                .invalidOutput,
                "the server compressed the result, which was not asked for"
            )
        }
        let limit = configuration.largestResult
        let tooLarge = ProviderError(.invalidOutput, "the result must have at most \(limit) bytes")
        if let length, length > limit { throw tooLarge }
        var received: Int64 = 0
        for try await piece in response.body {
            let end = received + Int64(piece.readableBytes)
            guard end <= limit else { throw tooLarge }
            try await file.write(piece, at: received)
            received = end
        }
        try Task.checkCancellation()
        if let length, length != received {
            throw BrokenAnswer(detail: "\(received) of \(length) bytes")
        }
        guard received > 0 else { throw ProviderError(.invalidOutput, "the result is empty") }
    }

    /// The address to fetch, put together from parts that were checked.
    private func allowed(_ address: String) throws(ProviderError) -> String {
        guard let url = URLComponents(string: address), let origin = Origin(url) else {
            throw ProviderError(.invalidOutput, "the result's address is no http or https address")
        }
        guard outputOrigins.contains(where: { $0.matches(origin) }) else {
            throw ProviderError(
                .invalidOutput,
                "the result lies at \(origin), which is not one of the allowed output origins"
            )
        }
        let path = url.percentEncodedPath
        return
            "\(origin)\(path.hasPrefix("/") ? path : "/\(path)")\(url.percentEncodedQuery.map { "?\($0)" } ?? "")"
    }
}
