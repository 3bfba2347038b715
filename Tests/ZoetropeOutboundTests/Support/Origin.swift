import Foundation
import NIOCore
import NIOPosix
import Synchronization

/// A TCP server that answers each request with bytes written down before, whether or not they are HTTP.
final class Origin: Sendable {
    enum Answer: Sendable {
        /// These bytes, and the connection stays open.
        case bytes(String)
        /// These bytes, and the end of the connection.
        case closing(String)
        /// The first text, then the second again and again for as long as somebody reads, with a pause between.
        case endless(String, String, pause: Duration)

        static func ok(_ body: String, _ headers: String...) -> Answer {
            let lines = headers.map { "\($0)\r\n" }.joined()
            return .bytes("HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\(lines)\r\n\(body)")
        }

        static func status(_ status: Int, _ headers: String...) -> Answer {
            let lines = headers.map { "\($0)\r\n" }.joined()
            return .bytes("HTTP/1.1 \(status) Text\r\nContent-Length: 0\r\n\(lines)\r\n")
        }
    }

    private let answer: @Sendable (_ request: String) -> Answer
    private let arrived = Mutex<[String]>([])
    private let left = Atomic(0)

    private init(_ answer: @escaping @Sendable (_ request: String) -> Answer) {
        self.answer = answer
    }

    /// The requests so far, head and body.
    var requests: [String] { arrived.withLock { $0 } }
    /// Connections that have ended.
    var ended: Int { left.load(ordering: .sequentiallyConsistent) }

    /// Runs `body` with a server and its port.
    static func run(
        at host: String = "127.0.0.77",
        answer: @escaping @Sendable (_ request: String) -> Answer,
        _ body: (Origin, Int) async throws -> Void
    ) async throws {
        let origin = Origin(answer)
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { child in
                child.eventLoop.makeCompletedFuture {
                    try child.pipeline.syncOperations.addHandler(Handler(origin))
                }
            }
            .bind(host: host, port: 0).get()
        do {
            try await body(origin, channel.localAddress?.port ?? 0)
        } catch {
            try await channel.close()
            throw error
        }
        try await channel.close()
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let origin: Origin
        private var received = ""

        init(_ origin: Origin) { self.origin = origin }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            received += String(buffer: unwrapInboundIn(data))
            guard let end = received.range(of: "\r\n\r\n") else { return }
            let length = received.firstMatch(of: /(?i)content-length: (\d+)/).flatMap { Int($0.1) } ?? 0
            guard received[end.upperBound...].utf8.count >= length else { return }
            let request = received
            received = ""
            origin.arrived.withLock { $0.append(request) }
            let channel = context.channel
            switch origin.answer(request) {
            case .bytes(let text): channel.writeAndFlush(ByteBuffer(string: text), promise: nil)
            case .closing(let text):
                channel.writeAndFlush(ByteBuffer(string: text)).whenComplete { _ in channel.close(promise: nil) }
            case .endless(let head, let piece, let pause):
                channel.writeAndFlush(ByteBuffer(string: head), promise: nil)
                Self.repeat(ByteBuffer(string: piece), TimeAmount(pause), on: channel)
            }
        }

        private static func `repeat`(_ piece: ByteBuffer, _ pause: TimeAmount, on channel: any Channel) {
            channel.writeAndFlush(piece)
                .whenSuccess {
                    channel.eventLoop.scheduleTask(in: pause) { Self.repeat(piece, pause, on: channel) }
                }
        }

        func channelInactive(context: ChannelHandlerContext) {
            origin.left.add(1, ordering: .sequentiallyConsistent)
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            context.close(promise: nil)
        }
    }
}
