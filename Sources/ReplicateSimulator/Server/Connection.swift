import Glibc
import NIOCore
import Synchronization

/// One TCP connection: what is recorded of it, and the order to cut it.
final class Connection: Sendable {
    let number: Int
    let origin: Origin
    private let state: Mutex<State>
    /// Ends when the connection does.
    private let (life, lifeEnd) = AsyncStream<Never>.makeStream()

    struct State {
        var received = 0
        /// Whole requests that have arrived.
        var requests = 0
        var sent = 0
        /// Cut when this many bytes have come in all.
        var receiveLimit: Int?
        /// Cut when this many bytes have gone out in all.
        var sendLimit: Int?
        /// Set at the next write, which is an answer's head: this many bytes of the body still go out.
        var bodyLimit: Int?
        var resets = false
        var wasCut = false
    }

    init(number: Int, origin: Origin, cut: Cut?) {
        self.number = number
        self.origin = origin
        var state = State()
        if let cut {
            state.resets = cut.reset
            switch cut.point {
            case .received(let count): state.receiveLimit = count
            case .sent(let count): state.sendLimit = count
            case .random(let seed, let probability, let receivedUpTo, let sentUpTo):
                var random = SeededRandom(seed: seed &+ UInt64(truncatingIfNeeded: number) &* 0xD1B5_4A32_D192_ED03)
                if random.fraction() < probability {
                    if random.next() & 1 == 0 {
                        state.receiveLimit = Int.random(in: 0...max(0, receivedUpTo), using: &random)
                    } else {
                        state.sendLimit = Int.random(in: 0...max(0, sentUpTo), using: &random)
                    }
                }
            }
        }
        self.state = Mutex(state)
    }

    func update<Result: Sendable>(_ change: (inout State) -> Result) -> Result { state.withLock { change(&$0) } }

    /// The connection is closed.
    func end() { lifeEnd.finish() }

    /// Returns when the connection is closed or the task is cancelled.
    func waitUntilClosed() async {
        for await _ in life {}
    }

    var snapshot: State { state.withLock { $0 } }

    /// The next answer is cut after this many bytes of all that it writes.
    func cutAfter(moreBytes count: Int, reset: Bool) {
        state.withLock {
            $0.sendLimit = $0.sent + count
            $0.resets = reset
        }
    }

    /// The next answer is cut after its head and this many bytes of its body.
    func cutAfterHead(bodyBytes count: Int, reset: Bool) {
        state.withLock {
            $0.bodyLimit = count
            $0.resets = reset
        }
    }
}

/// Counts the bytes of a connection, below HTTP, and cuts it where a fault says so.
final class ConnectionTap: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = IOData
    typealias OutboundOut = IOData

    private let connection: Connection
    private let onClose: @Sendable () -> Void
    private var isCut = false
    private var isFirstRead = true

    init(_ connection: Connection, onClose: @escaping @Sendable () -> Void) {
        self.connection = connection
        self.onClose = onClose
    }

    func channelActive(context: ChannelHandlerContext) {
        context.fireChannelActive()
        let limits = connection.update { ($0.receiveLimit, $0.sendLimit) }
        if limits.0 == 0 { cut(context) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        onClose()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isCut else { return }
        var buffer = unwrapInboundIn(data)
        if isFirstRead {
            isFirstRead = false
            // A test that cuts every connection must still be able to ask the simulator what happened.
            if buffer.getString(at: buffer.readerIndex, length: min(24, buffer.readableBytes))?
                .contains(" /_simulator") == true
            {
                connection.update { ($0.receiveLimit, $0.sendLimit) = (nil, nil) }
            }
        }
        let arrived = buffer.readableBytes
        let allowed = connection.update { state -> Int? in
            let left = state.receiveLimit.map { max(0, $0 - state.received) }
            state.received += min(arrived, left ?? arrived)
            return left.flatMap { $0 <= arrived ? $0 : nil }
        }
        guard let allowed else {
            context.fireChannelRead(data)
            return
        }
        // What came before the cut has arrived: a request that ends there is a whole one.
        if let part = buffer.readSlice(length: allowed), allowed > 0 {
            context.fireChannelRead(wrapInboundOut(part))
            context.fireChannelReadComplete()
        }
        cut(context)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard !isCut, case .byteBuffer(var buffer) = unwrapOutboundIn(data) else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        let size = buffer.readableBytes
        let allowed = connection.update { state -> Int? in
            let left = state.sendLimit.map { max(0, $0 - state.sent) }
            if let bodyLimit = state.bodyLimit {
                state.bodyLimit = nil
                state.sendLimit = state.sent + size + bodyLimit
            }
            state.sent += min(size, left ?? size)
            return left.flatMap { $0 <= size ? $0 : nil }
        }
        guard let allowed else {
            context.write(data, promise: promise)
            return
        }
        isCut = true
        if allowed > 0, let part = buffer.readSlice(length: allowed) {
            context.writeAndFlush(wrapOutboundOut(.byteBuffer(part)), promise: promise)
        } else {
            promise?.fail(ChannelError.ioOnClosedChannel)
        }
        cut(context)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // The server stops: nobody waits for clients here.
        if event is ChannelShouldQuiesceEvent { context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }

    private func cut(_ context: ChannelHandlerContext) {
        isCut = true
        let resets = connection.update { state in
            state.wasCut = true
            return state.resets
        }
        if resets { context.channel.makeReset() }
        context.close(promise: nil)
    }
}

extension Channel {
    /// Makes the coming close a RST: what is not sent yet is thrown away.
    func makeReset() {
        (self as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenComplete { _ in }
    }
}
