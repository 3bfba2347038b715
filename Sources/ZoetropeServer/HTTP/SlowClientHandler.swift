import NIOCore
import Synchronization

/// Closes connections of clients that send no request, or that do not take what they asked for; and those beyond what one
/// address may have.
///
/// Stands behind the decoder: what it reads are whole heads and pieces of bodies. How slowly a body may come is the affair
/// of ``BodyPace``.
final class SlowClientHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = Never
    typealias OutboundIn = Never

    struct Limits: Sendable {
        /// From the connection on until the first request's head is there.
        var head = TimeAmount.seconds(15)
        /// How long a piece of an answer, of at most 256 kB, may be on its way into the client's hands.
        var write = TimeAmount.seconds(30)
    }

    private let limits: Limits
    private let counts: ConnectionCounts
    private var address: String?
    private var headDeadline: Scheduled<Void>?
    /// At the end of a write's time, and again as long as there are writes: one for many answers.
    private var watch: Scheduled<Void>?
    private var pendingWrites = 0
    /// Since when the oldest write on its way has had its time.
    private var waitingSince = NIODeadline.uptimeNanoseconds(0)

    init(_ limits: Limits = Limits(), counts: ConnectionCounts) {
        self.limits = limits
        self.counts = counts
    }

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { begin(context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        begin(context)
        context.fireChannelActive()
    }

    private func begin(_ context: ChannelHandlerContext) {
        guard headDeadline == nil else { return }
        if let address = context.remoteAddress?.ipAddress {
            guard counts.begin(address) else { return context.close(promise: nil) }
            self.address = address
        }
        headDeadline = context.eventLoop.assumeIsolated()
            .scheduleTask(in: limits.head) {
                context.close(promise: nil)
            }
    }

    func channelInactive(context: ChannelHandlerContext) {
        end()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { end() }

    private func end() {
        headDeadline?.cancel()
        watch?.cancel()
        if let address { counts.end(address) }
        address = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        headDeadline?.cancel()
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let promise = promise ?? context.eventLoop.makePromise()
        pendingWrites += 1
        if pendingWrites == 1 { waitingSince = context.eventLoop.now }
        if watch == nil { watch(context, for: limits.write) }
        promise.futureResult.assumeIsolated()
            .whenComplete { _ in
                self.pendingWrites -= 1
                // Whatever else is on its way has its own time from now on.
                if self.pendingWrites > 0 { self.waitingSince = context.eventLoop.now }
            }
        context.write(data, promise: promise)
    }

    private func watch(_ context: ChannelHandlerContext, for time: TimeAmount) {
        watch = context.eventLoop.assumeIsolated()
            .scheduleTask(in: time) {
                self.watch = nil
                guard self.pendingWrites > 0 else { return }
                let left = self.waitingSince + self.limits.write - context.eventLoop.now
                if left > .zero { self.watch(context, for: left) } else { context.close(promise: nil) }
            }
    }
}

/// How many connections each address has.
final class ConnectionCounts: Sendable {
    private let counts = Mutex<[String: Int]>([:])
    private let most: Int

    init(most: Int) { self.most = most }

    /// False when the address has as many as it may; this machine, where a proxy may stand, has no limit.
    func begin(_ address: String) -> Bool {
        counts.withLock { counts in
            let count = counts[address, default: 0]
            guard count < most || ServerSettings.isLoopback(address) else { return false }
            counts[address] = count + 1
            return true
        }
    }

    func end(_ address: String) {
        counts.withLock { counts in
            guard let count = counts[address] else { return }
            counts[address] = count > 1 ? count - 1 : nil
        }
    }
}
