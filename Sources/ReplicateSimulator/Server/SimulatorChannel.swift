import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import Synchronization

/// The pipeline of one connection of Hummingbird's server: the tap, HTTP/1.1, whole requests.
///
/// Hummingbird's own HTTP channel is not used, since its body ends quietly when a client vanishes in the middle of it, and
/// a fault must be able to break an answer anywhere.
struct SimulatorChannel: ServerChildChannel {
    let origin: Origin
    let core: Core

    /// The channel and what is known of its connection.
    ///
    /// A server that stops drops connections that it has accepted; an asynchronous channel that is dropped would stop the
    /// process, so one that nobody has handled is closed in due form.
    final class Value: ServerChildChannelValue {
        let asynchronous: NIOAsyncChannel<AssembledRequest, HTTPServerResponsePart>
        let connection: Connection
        let isHandled = Atomic(false)

        init(_ asynchronous: NIOAsyncChannel<AssembledRequest, HTTPServerResponsePart>, _ connection: Connection) {
            self.asynchronous = asynchronous
            self.connection = connection
        }

        var channel: any Channel { asynchronous.channel }

        deinit {
            guard !isHandled.load(ordering: .relaxed) else { return }
            // Owned by nobody: it ends as soon as the socket is closed.
            Task { [asynchronous] in try? await asynchronous.executeThenClose { _, _ in } }
        }
    }

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        channel.eventLoop.makeCompletedFuture {
            let connection = core.open(origin)
            let pipeline = channel.pipeline.syncOperations
            // A client that closes is gone; Hummingbird would let it listen on.
            try channel.syncOptions?.setOption(.allowRemoteHalfClosure, value: false)
            try channel.syncOptions?.setOption(.tcpOption(.tcp_nodelay), value: 1)
            try pipeline.addHandler(ConnectionTap(connection) { core.close(connection) })
            try pipeline.configureHTTPServerPipeline(withPipeliningAssistance: true, withErrorHandling: true)
            try pipeline.addHandler(RequestAssembler(connection))
            return Value(try NIOAsyncChannel(wrappingChannelSynchronously: channel), connection)
        }
    }

    func handle(value: Value, logger: Logger) async {
        value.isHandled.store(true, ordering: .relaxed)
        let channel = value.channel
        await withTaskCancellationHandler {
            // Clients come and go, and faults close connections: neither is an error of the server's.
            try? await value.asynchronous.executeThenClose { inbound, outbound in
                for try await assembled in inbound {
                    let exchange = HTTPExchange(
                        core: core,
                        connection: value.connection,
                        channel: channel,
                        outbound: outbound
                    )
                    guard try await exchange.run(assembled) else {
                        // What the client has not read yet would be lost with a full close.
                        try? await channel.close(mode: .output)
                        return
                    }
                }
            }
        } onCancel: {
            channel.close(promise: nil)
        }
    }
}
