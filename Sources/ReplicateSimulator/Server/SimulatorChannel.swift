import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1

/// The pipeline of one connection of Hummingbird's server: the tap, HTTP/1.1, whole requests.
///
/// Hummingbird's own HTTP channel is not used, since its body ends quietly when a client vanishes in the middle of it, and
/// a fault must be able to break an answer anywhere.
struct SimulatorChannel: ServerChildChannel {
    let origin: Origin
    let core: Core

    /// A connection that nobody handles yet; one that nobody ever does is closed.
    final class Value: ServerChildChannelValue {
        let channel: any Channel
        let connection: Connection

        init(_ channel: any Channel, _ connection: Connection) {
            self.channel = channel
            self.connection = connection
        }

        deinit {
            channel.close(promise: nil)
        }
    }

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        channel.eventLoop.makeCompletedFuture {
            let connection = core.open(origin)
            let pipeline = channel.pipeline.syncOperations
            // Nothing is read before somebody handles it.
            try channel.syncOptions?.setOption(.autoRead, value: false)
            // A client that closes is gone; Hummingbird would let it listen on.
            try channel.syncOptions?.setOption(.allowRemoteHalfClosure, value: false)
            try channel.syncOptions?.setOption(.tcpOption(.tcp_nodelay), value: 1)
            try pipeline.addHandler(ConnectionTap(connection) { core.close(connection) })
            try pipeline.configureHTTPServerPipeline(withPipeliningAssistance: true, withErrorHandling: true)
            try pipeline.addHandler(RequestAssembler(connection))
            return Value(channel, connection)
        }
    }

    /// Makes the channel asynchronous.
    ///
    /// Not in `setup`: a server that stops drops connections that it has accepted, and an asynchronous channel that is dropped
    /// stops the process.
    private static func begin(_ channel: any Channel) async throws
        -> NIOAsyncChannel<AssembledRequest, HTTPServerResponsePart>
    {
        try await channel.eventLoop
            .submit {
                guard channel.isActive else { throw ChannelError.ioOnClosedChannel }
                let asynchronous = try NIOAsyncChannel<AssembledRequest, HTTPServerResponsePart>(
                    wrappingChannelSynchronously: channel
                )
                try? channel.syncOptions?.setOption(.autoRead, value: true)
                return asynchronous
            }
            .get()
    }

    func handle(value: Value, logger: Logger) async {
        let channel = value.channel
        await withTaskCancellationHandler {
            // Clients come and go, and faults close connections: neither is an error of the server's.
            try? await Self.begin(channel)
                .executeThenClose { inbound, outbound in
                    for try await assembled in inbound {
                        let exchange = HTTPExchange(
                            core: core,
                            connection: value.connection,
                            channel: channel,
                            outbound: outbound
                        )
                        guard try await exchange.run(assembled) else { return }
                    }
                }
        } onCancel: {
            channel.close(promise: nil)
        }
    }
}
