package import Foundation
import NIOCore
import NIOHTTP1
import NIOSSL
import ZoetropeCore
package import ZoetropeWorkflow

/// Calls addresses that callers name, and public ones only.
///
/// Each call, and each hop of a redirect, goes the same way: the address is parsed strictly, its name looked up once, every
/// address found is judged, and one of exactly these is dialled. A name that changes its mind in between changes nothing.
package struct GuardedClient: Sendable {
    /// What may be called.
    ///
    /// The program sets ``trusted`` and leaves the rest as it is; tests have to reach servers on their own machine.
    package struct Rules: Sendable {
        /// Throws when it cannot be told, which refuses the call.
        package var isPublic: @Sendable (IPAddress) throws -> Bool = {
            try $0.isPublic(own: IPAddress.ofThisMachine())
        }
        package var ports = OutboundURL.usualPorts
        /// Hosts with their ports that may be called wherever they are; the operators' word.
        package var trusted: Set<String> = []
        /// All addresses of a name.
        package var resolve: @Sendable (_ name: String) async throws -> [IPAddress] = NameResolver().addresses
        /// A PEM file of the certificates to trust; nil for the system's.
        package var trustedCertificates: String?
        package var image = CallLimits.image(bytes: ImageLimits().maxBytes)
        package var callback = CallLimits.callback

        package init() {}
    }

    private static let mostRedirects = 3
    private static let userAgent = "zoetrope/1"

    private let rules: Rules
    private let tls: NIOSSLContext
    private let now: @Sendable () -> Date

    /// - Throws: an error of the TLS library when the trusted certificates cannot be read.
    package init(rules: Rules = Rules(), now: @escaping @Sendable () -> Date) throws {
        self.rules = rules
        self.now = now
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = ["http/1.1"]
        // How long a call waits for the other side to agree that it is over.
        configuration.shutdownTimeout = .milliseconds(250)
        if let file = rules.trustedCertificates { configuration.trustRoots = .file(file) }
        tls = try NIOSSLContext(configuration: configuration)
    }

    /// See ``ZoetropeWorkflow/Outbound/fetchImage``.
    package func fetchImage(_ text: String, to path: String) async throws(OutboundError) {
        let first = try OutboundURL(text, ports: rules.ports, trusting: rules.trusted)
        let file = try ImageFile(creating: path)
        do throws(OutboundError) {
            try await within(rules.image, "the image", first) {
                var url = first
                for _ in 0...Self.mostRedirects {
                    guard let location = try await fetch(url, to: file) else { return }
                    url = try url.redirected(to: location, ports: rules.ports, trusting: rules.trusted)
                }
                throw OutboundError(
                    .badAnswer,
                    "the address redirects more than \(Self.mostRedirects) times; give the address it leads to"
                )
            }
        } catch {
            file.discard()
            throw error
        }
        try file.close()
    }

    /// See ``ZoetropeWorkflow/Outbound/checkCallback``.
    package func checkCallback(_ text: String) async throws(OutboundError) {
        let url = try OutboundURL(text, ports: rules.ports, trusting: rules.trusted)
        try await within(rules.callback, "the name", url) { _ = try await addresses(of: url) }
    }

    /// See ``ZoetropeWorkflow/Outbound/send``.
    package func send(_ callback: OutgoingCallback) async -> CallbackAnswer {
        do {
            let url = try OutboundURL(callback.url, ports: rules.ports, trusting: rules.trusted)
            return try await within(rules.callback, "the receiver", url) { try await post(callback, to: url) }
        } catch {
            let detail = error.detail.isEmpty ? error.message : "\(error.message): \(error.detail)"
            return .failed(status: nil, detail: detail, retryAfter: nil)
        }
    }

    /// Gets one URL into the file; the target of a redirect instead, when the answer is one.
    private func fetch(_ url: OutboundURL, to file: ImageFile) async throws -> String? {
        let headers: HTTPHeaders = ["accept": "image/*", "accept-encoding": "identity"]
        return try await exchange(.GET, url, headers, body: nil, rules.image) { head, pieces in
            if [301, 302, 303, 307, 308].contains(head.status.code) {
                guard let location = head.headers.first(name: "location") else {
                    throw OutboundError(.badAnswer, "the address redirects without saying where to")
                }
                return location
            }
            try check(head)
            try await receive(&pieces, into: file)
            return nil
        }
    }

    private func check(_ head: HTTPResponseHead) throws(OutboundError) {
        guard head.status == .ok else {
            throw OutboundError(
                .badAnswer,
                "the server answered \(head.status.code) instead of 200; give an address that leads straight to the image"
            )
        }
        let coding = head.headers["content-encoding"]
        guard coding.allSatisfy({ $0.lowercased() == "identity" }) else {
            throw OutboundError(.badAnswer, "the server compressed the image, which was not asked for")
        }
        let length = head.headers.first(name: "content-length").flatMap { Int($0) }
        // Without either, the body ends where the connection does, wherever that is.
        guard length != nil || head.headers[canonicalForm: "transfer-encoding"].last == "chunked" else {
            throw OutboundError(.badAnswer, "the server does not say where the image ends; it must send Content-Length")
        }
        if let length, length > rules.image.bytes { throw tooLarge }
    }

    private var tooLarge: OutboundError {
        OutboundError(.tooLarge, "the image must have at most \(rules.image.bytes) bytes")
    }

    private func receive(_ pieces: inout HTTPExchange.Pieces, into file: ImageFile) async throws {
        let clock = ContinuousClock()
        let begin = clock.now
        var received = 0
        while let piece = try await pieces.next() {
            received += piece.readableBytes
            guard received <= rules.image.bytes else { throw tooLarge }
            let spent = clock.now - begin
            guard
                spent < rules.image.patience
                    || Double(received) >= spent / .seconds(1) * Double(rules.image.slowestBytesPerSecond)
            else { throw TimedOut() }
            try await file.append(piece)
        }
        guard received > 0 else { throw OutboundError(.badAnswer, "the server sent an empty image") }
    }

    private func post(_ callback: OutgoingCallback, to url: OutboundURL) async throws -> CallbackAnswer {
        var headers: HTTPHeaders = ["content-type": "application/json", "content-length": "\(callback.body.count)"]
        headers.add(contentsOf: CallbackSignature(callback).headers.map { ($0.name, $0.value) })
        let body = ByteBuffer(bytes: callback.body)
        return try await exchange(.POST, url, headers, body: body, rules.callback) { head, pieces in
            let status = Int(head.status.code)
            // Read, so that a receiver that is not done yet is not cut off; what it says does not matter.
            var received = 0
            while received < rules.callback.bytes, let piece = try? await pieces.next() {
                received += piece.readableBytes
            }
            try Task.checkCancellation()
            switch status {
            case 200..<300: return .delivered(status: status)
            case 410: return .gone
            default:
                let wait = RetryAfter.wait(head.headers.first(name: "retry-after"), now: now())
                return .failed(status: status, detail: "the receiver answered \(status)", retryAfter: wait)
            }
        }
    }

    /// One request to one URL, from the lookup on.
    private func exchange<Value: Sendable>(
        _ method: HTTPMethod,
        _ url: OutboundURL,
        _ headers: HTTPHeaders,
        body: ByteBuffer?,
        _ limits: CallLimits,
        read: (HTTPResponseHead, inout HTTPExchange.Pieces) async throws -> Value
    ) async throws -> Value {
        let addresses = try await addresses(of: url)
        var request = HTTPRequestHead(version: .http1_1, method: method, uri: url.target)
        request.headers = ["host": url.authority, "user-agent": Self.userAgent, "connection": "close"]
        request.headers.add(contentsOf: headers)
        let name: String? = if case .name(let name) = url.host { name } else { nil }
        let exchange = HTTPExchange(
            request: request,
            body: body,
            tls: url.isSecure ? (tls, name) : nil,
            limits: limits
        )
        do {
            return try await exchange.run(at: addresses, port: url.port, read: read)
        } catch {
            throw Self.explained(error, at: url)
        }
    }

    /// The addresses that may be dialled for a URL: all that its name has, or none.
    private func addresses(of url: OutboundURL) async throws -> [IPAddress] {
        let found: [IPAddress]
        switch url.host {
        case .address(let address): found = [address]
        case .name(let name):
            do {
                found = try await rules.resolve(name)
            } catch let failure as NameResolver.Failure {
                throw OutboundError(.unreachable, failure.message)
            }
            guard !found.isEmpty else { throw OutboundError(.unreachable, "the name \"\(name)\" has no address") }
        }
        guard try url.isTrusted || found.allSatisfy(rules.isPublic) else {
            throw OutboundError(
                .forbiddenAddress,
                "\"\(url.authority)\" does not lead to public addresses alone; give an address on the public internet"
            )
        }
        return found
    }

    /// Runs a call within its time.
    private func within<Value: Sendable>(
        _ limits: CallLimits,
        _ what: String,
        _ url: OutboundURL,
        _ body: @escaping @Sendable () async throws -> Value
    ) async throws(OutboundError) -> Value {
        do {
            return try await withTimeout(limits.total, body)
        } catch let error as OutboundError {
            throw error
        } catch is TimedOut {
            throw OutboundError(
                .unreachable,
                "\(what) at \"\(url.authority)\" was too slow; the limit is \(limits.total.components.seconds) s"
            )
        } catch {
            throw OutboundError(.unreachable, "the call was interrupted; try again", detail: "\(error)")
        }
    }

    /// What an error of an exchange means for whoever named the address.
    private static func explained(_ error: any Error, at url: OutboundURL) -> any Error {
        let place = "\"\(url.authority)\""
        return switch error {
        case is OutboundError, is TimedOut, is CancellationError:
            error
        case is NIOSSLError, is NIOSSLExtraError, is BoringSSLError:
            OutboundError(.unreachable, "\(place) has no certificate that is trusted for it", detail: "\(error)")
        case is HTTPParserError, is NIOHTTPDecoderError, is HTTPExchange.Failure:
            OutboundError(.badAnswer, "\(place) did not send a whole and correct HTTP/1.1 answer", detail: "\(error)")
        default:
            OutboundError(.unreachable, "\(place) cannot be reached", detail: "\(error)")
        }
    }
}
