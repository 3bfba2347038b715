import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// One request and its answer on a connection of its own, HTTP/1.1.
///
/// It knows no names, no proxies, no cookies, no redirects and no compression: it dials the address that it is given.
struct HTTPExchange: Sendable {
    typealias Connection = NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>

    let request: HTTPRequestHead
    let body: ByteBuffer?
    /// For `https`: the name that the certificate must be for, nil when it must be for the address.
    ///
    /// NIOSSL takes a trusted certificate for the dialled address too when there is a name.
    let tls: (context: NIOSSLContext, name: String?)?
    let limits: CallLimits

    /// An answer that is not one.
    enum Failure: Error {
        case noAddress
        case noAnswer
    }

    /// No name's further addresses are tried.
    private static let mostAddresses = 4

    /// Connects to the first of a few addresses that can be reached, and hands `read` the head and the pieces of the body.
    func run<Value: Sendable>(
        at addresses: [IPAddress],
        port: Int,
        read: (HTTPResponseHead, inout Pieces) async throws -> Value
    ) async throws -> Value {
        var parts: [HTTPClientRequestPart] = [.head(request), .end(nil)]
        if let body { parts.insert(.body(.byteBuffer(body)), at: 1) }
        return try await connect(to: addresses, port: port)
            .executeThenClose { inbound, outbound in
                do {
                    try await outbound.write(contentsOf: parts)
                } catch is ChannelError {
                    // The other side has closed already; what it sent before, or the error that came of it, says why.
                }
                var pieces = Pieces(parts: inbound.makeAsyncIterator())
                guard case .head(let head) = try await pieces.parts.next() else { throw Failure.noAnswer }
                return try await read(head, &pieces)
            }
    }

    /// The body of an answer as it comes.
    struct Pieces {
        fileprivate var parts: NIOAsyncChannelInboundStream<HTTPClientResponsePart>.AsyncIterator

        /// The next piece, nil at the end.
        ///
        /// - Throws: what broke the answer off.
        mutating func next() async throws -> ByteBuffer? {
            switch try await parts.next() {
            case .body(let piece): piece
            case .end: nil
            case .head, nil: throw Failure.noAnswer
            }
        }
    }

    private func connect(to addresses: [IPAddress], port: Int) async throws -> Connection {
        var failure: any Error = Failure.noAddress
        for address in addresses.prefix(Self.mostAddresses) {
            try Task.checkCancellation()
            do {
                return try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                    .connectTimeout(TimeAmount(limits.connect))
                    .connect(to: address.socketAddress(port: port)) { channel in
                        channel.eventLoop.makeCompletedFuture { try self.connection(on: channel) }
                    }
            } catch {
                failure = error
            }
        }
        throw failure
    }

    private func connection(on channel: any Channel) throws -> Connection {
        var headerLimits = NIOHTTPDecoderLimitConfiguration()
        headerLimits.maxHeaderFieldSize = 16_384
        headerLimits.maxHeaderListSize = 65_536
        headerLimits.maxHeaderFieldCount = 100
        let decoder = HTTPResponseDecoder(
            leftOverBytesStrategy: .dropBytes,
            informationalResponseStrategy: .drop,
            limitConfiguration: headerLimits
        )
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(IdleStateHandler(readTimeout: TimeAmount(limits.idle)))
        if let tls {
            try pipeline.addHandler(NIOSSLClientHandler(context: tls.context, serverHostname: tls.name))
        }
        try pipeline.addHandler(HTTPRequestEncoder())
        try pipeline.addHandler(ByteToMessageHandler(decoder))
        try pipeline.addHandler(NIOHTTPRequestHeadersValidator())
        try pipeline.addHandler(IdleEnd())
        return try Connection(wrappingChannelSynchronously: channel)
    }

    /// Turns silence into an error.
    private final class IdleEnd: ChannelInboundHandler {
        typealias InboundIn = HTTPClientResponsePart

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            guard event is IdleStateHandler.IdleStateEvent else {
                return context.fireUserInboundEventTriggered(event)
            }
            context.fireErrorCaught(TimedOut())
            context.close(mode: .all, promise: nil)
        }
    }
}
