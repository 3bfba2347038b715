import ArgumentParser
import NIOCore
import NIOHTTP1
import NIOPosix

/// Serves just enough of Replicate's protocol for a race, on one thread.
struct StubCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stub",
        abstract: "A provider whose predictions end some seconds after they were made."
    )

    @Option(help: "Where it listens; 0 takes any free port, which is printed.")
    var port = 0

    func run() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let provider = StubProvider()
        let channel = try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 4_096)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline(
                        withPipeliningAssistance: false,
                        withErrorHandling: false
                    )
                    try channel.pipeline.syncOperations.addHandler(StubHandler(provider))
                }
            }
            .bind(host: "127.0.0.1", port: port)
            .get()
        let bound = channel.localAddress?.port ?? 0
        provider.base = "http://127.0.0.1:\(bound)"
        print(bound)
        fflushStandardOutput()
        try await channel.closeFuture.get()
    }
}

/// A connection.
private final class StubHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let provider: StubProvider
    private var head: HTTPRequestHead?
    private var body = ByteBuffer()

    init(_ provider: StubProvider) { self.provider = provider }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            body.clear()
        case .body(var piece): body.writeBuffer(&piece)
        case .end:
            guard let head else { return }
            let answer = provider.answer(to: head, body, context.channel.allocator)
            var headers: HTTPHeaders = [
                "content-type": answer.contentType, "content-length": "\(answer.body.readableBytes)",
            ]
            if !head.isKeepAlive { headers.add(name: "connection", value: "close") }
            context.write(
                wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: answer.status, headers: headers))),
                promise: nil
            )
            context.write(wrapOutboundOut(.body(.byteBuffer(answer.body))), promise: nil)
            let written = context.writeAndFlush(wrapOutboundOut(.end(nil)))
            if !head.isKeepAlive {
                let channel = context.channel
                written.whenComplete { _ in channel.close(promise: nil) }
            }
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
