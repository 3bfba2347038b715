import Foundation
import NIOCore
import NIOPosix
import Synchronization

/// A TCP server that answers each connection with bytes written down before, whether or not they are HTTP.
final class RawServer: Sendable {
    /// What one connection gets.
    struct Script: Sendable {
        /// Sent when the request's head and this many bytes of its body have arrived.
        let answer: String
        /// Bytes of the body to wait for.
        var after = 0
        /// Whether the connection is closed after the answer.
        var closes = true
    }

    private struct State {
        var scripts: [Script]
        var requests: [String] = []
    }

    private let state: Mutex<State>
    private let channel: Mutex<(any Channel)?> = Mutex(nil)

    private init(_ scripts: [Script]) {
        state = Mutex(State(scripts: scripts))
    }

    /// What arrived, connection by connection.
    var requests: [String] { state.withLock { $0.requests } }

    /// Runs `body` with a server and its address; connections beyond the last script are closed at once.
    static func run(_ scripts: [Script], _ body: @Sendable (RawServer, String) async throws -> Void) async throws {
        let server = RawServer(scripts)
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { child in
                child.eventLoop.makeCompletedFuture {
                    try child.pipeline.syncOperations.addHandler(Handler(server))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        do {
            try await body(server, "http://127.0.0.1:\(channel.localAddress?.port ?? 0)")
        } catch {
            try await channel.close()
            throw error
        }
        try await channel.close()
    }

    private func begin() -> (number: Int, script: Script?) {
        state.withLock { state in
            state.requests.append("")
            return (state.requests.count - 1, state.scripts.isEmpty ? nil : state.scripts.removeFirst())
        }
    }

    private func note(_ text: String, of number: Int) {
        state.withLock { $0.requests[number] = text }
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let server: RawServer
        private var number = 0
        private var script: Script?
        private var received = ""
        private var hasAnswered = false

        init(_ server: RawServer) { self.server = server }

        func channelActive(context: ChannelHandlerContext) {
            (number, script) = server.begin()
            if script == nil { context.close(promise: nil) }
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            received += String(buffer: unwrapInboundIn(data))
            server.note(received, of: number)
            guard let script, !hasAnswered, let end = received.range(of: "\r\n\r\n"),
                received[end.upperBound...].utf8.count >= script.after
            else { return }
            hasAnswered = true
            let written = context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: script.answer)))
            if script.closes {
                let channel = context.channel
                written.whenComplete { _ in channel.close(promise: nil) }
            }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            context.close(promise: nil)
        }
    }
}
