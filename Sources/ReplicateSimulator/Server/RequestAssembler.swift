import NIOCore
import NIOHTTP1

/// A request and how it wants its answer.
struct AssembledRequest: Sendable {
    var request: IncomingRequest
    var keepsAlive: Bool
}

/// Puts the parts of requests together; a request that is cut off never comes out.
final class RequestAssembler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = AssembledRequest
    typealias OutboundOut = HTTPServerResponsePart

    private let connection: Connection
    private var head: HTTPRequestHead?
    private var body: [UInt8] = []
    private var isTooLarge = false

    /// Room for a file of the largest size and the rest of its form; other bodies are smaller.
    private static let fileLimit = StoredFile.sizeLimit + 65_536
    private static let limit = 32 << 20

    init(_ connection: Connection) {
        self.connection = connection
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            body = []
            isTooLarge = false
            if head.headers.first(name: "expect")?.lowercased() == "100-continue" {
                let go = HTTPResponseHead(version: head.version, status: .continue)
                context.writeAndFlush(wrapOutboundOut(.head(go)), promise: nil)
            }
        case .body(let buffer):
            let limit = head?.uri.contains("/files") == true ? Self.fileLimit : Self.limit
            if body.count + buffer.readableBytes > limit { isTooLarge = true }
            if isTooLarge { body = [] } else { body += buffer.readableBytesView }
        case .end:
            guard let head else { return }
            connection.update { $0.requests += 1 }
            let request = IncomingRequest(
                origin: connection.origin,
                method: head.method.rawValue,
                target: head.uri,
                headers: head.headers.map { Header($0.name, $0.value) },
                body: body,
                isTooLarge: isTooLarge,
                connection: connection.number
            )
            self.head = nil
            body = []
            context.fireChannelRead(wrapInboundOut(AssembledRequest(request: request, keepsAlive: head.isKeepAlive)))
        }
    }
}
