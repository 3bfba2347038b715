package import Foundation
import Logging
import ZoetropeCore

/// Sends callbacks that are due, each at least once and with one id on all its tries.
///
/// Any number of couriers share a store. One that dies in the middle of a try leaves a callback that is due again when its
/// lease is over.
package struct CallbackCourier: Sendable {
    private let store: any ServiceStore
    private let send: @Sendable (OutgoingCallback) async -> CallbackAnswer
    private let secret: @Sendable (_ userID: String) -> [UInt8]
    private let body: @Sendable (Callback, AnimationRecord?) -> [UInt8]
    private let time: EngineTime
    private let chance: Chance
    private let logger: Logger
    private let metrics: ServiceMetrics?
    private let now: @Sendable () -> Date

    /// Callbacks that are sent at a time.
    private static let most = 32
    /// Longer than a try may take.
    private static let lease = Duration.seconds(60)
    /// Between two looks without a ring.
    private static let idle = Duration.seconds(2)

    /// Makes a courier.
    ///
    /// - Parameters:
    ///   - environment: The store, which must be `store`'s, time, chance and log.
    ///   - store: Where callbacks are.
    ///   - send: Makes one try.
    ///   - secret: The key with which a user's callbacks are signed.
    ///   - body: What is sent; the record is nil when the animation's row is gone.
    ///   - now: The time that receivers compare with their own.
    package init(
        _ environment: WorkerEnvironment,
        store: any ServiceStore,
        send: @escaping @Sendable (OutgoingCallback) async -> CallbackAnswer,
        secret: @escaping @Sendable (_ userID: String) -> [UInt8],
        body: @escaping @Sendable (Callback, AnimationRecord?) -> [UInt8],
        now: @escaping @Sendable () -> Date
    ) {
        self.store = store
        self.send = send
        self.secret = secret
        self.body = body
        self.now = now
        time = environment.time
        chance = environment.chance
        logger = environment.logger
        metrics = environment.metrics
    }

    /// Works until the task is cancelled.
    package func run() async {
        let bell = Bell()
        await withDiscardingTaskGroup { group in
            group.addTask { for await _ in await self.store.changes() { bell.ring() } }
            while !Task.isCancelled {
                if await round() == 0 {
                    await withTaskGroup { group in
                        group.addTask { try? await self.time.sleep(Self.idle) }
                        group.addTask { await bell.wait() }
                        await group.next()
                        group.cancelAll()
                    }
                }
            }
            group.cancelAll()
        }
    }

    /// Sends what is due; returns how many were tried.
    package func round() async -> Int {
        let callbacks: [Callback]
        do {
            callbacks = try await store.claimCallbacks(Self.most, lease: Self.lease)
        } catch {
            logger.warning("callbacks cannot be read", metadata: .of(error))
            return 0
        }
        await withDiscardingTaskGroup { group in
            for callback in callbacks { group.addTask { await self.deliver(callback) } }
        }
        return callbacks.count
    }

    private func deliver(_ callback: Callback) async {
        do {
            let record = try await store.animation(callback.animationID)
            // Recalled since it was claimed: the animation is being made anew.
            if record?.attempt.status == .pending { return }
            let sentAt = now()
            let answer = await send(
                OutgoingCallback(
                    id: "msg_\(callback.id.text)",
                    url: callback.url,
                    body: body(callback, record),
                    secret: secret(callback.userID),
                    at: sentAt
                )
            )
            // What an interrupted call says is not what the receiver says; it is due again when the lease is over.
            if Task.isCancelled { return }
            metrics?.callbackTry(answer)
            let settled = callback.after(answer, unit: chance.unit(), now: try await store.nextWake().now)
            try await store.settle(settled)
            if settled.state == .exhausted {
                logger.warning(
                    "a callback was not taken at any try",
                    metadata: Logger.Metadata([
                        .animationID: "\(callback.animationID)", .detail: "\(settled.lastError ?? "")",
                    ])
                )
            }
        } catch {
            logger.warning("a callback was not settled", metadata: .of(error, callback.animationID))
        }
    }
}

extension Callback {
    /// What an answer means: it was delivered, is tried again later, or is given up.
    ///
    /// - Parameters:
    ///   - answer: What the receiver said to the try that ``tries`` counts last.
    ///   - unit: A random number in 0..<1.
    ///   - now: The database's clock.
    /// - Returns: The callback to be written.
    package func after(_ answer: CallbackAnswer, unit: Double, now: Date) -> Callback {
        var callback = self
        callback.wakeAt = nil
        callback.lastError = nil
        switch answer {
        case .delivered(let status):
            callback.state = .delivered
            callback.lastStatus = status
        case .gone:
            callback.state = .void
            callback.lastStatus = 410
            callback.lastError = "the receiver wants no more callbacks"
        case .failed(let status, let detail, let retryAfter):
            callback.lastStatus = status
            callback.lastError = detail.asDetail
            if let wait = CallbackSchedule.wait(after: tries, unit: unit, retryAfter: retryAfter) {
                callback.wakeAt = now + wait
            } else {
                callback.state = .exhausted
            }
        }
        return callback
    }
}
