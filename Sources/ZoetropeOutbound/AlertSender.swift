import AsyncHTTPClient
package import Foundation
package import Logging
import NIOCore
import NIOHTTP1
import StrictJSON
import Synchronization
package import ZoetropeWorkflow

/// Posts alerts to the operators' webhook, and tells them when a trouble is over.
///
/// Whoever raises an alert never waits: a bounded queue holds what ``run()`` delivers. The address is not guarded, because
/// operators may name a host of their own network, and it is a secret: nothing here writes it anywhere.
package final class AlertSender: Sendable {
    /// Posts a body of JSON and returns the status of the answer.
    package typealias Post = @Sendable (_ body: [UInt8]) async throws -> Int

    private struct State {
        var policy = AlertPolicy()
        var queue: [AlertPolicy.Notice] = []
        var dropped = 0
    }

    package static let longestQueue = 100
    /// Before each further try to deliver an alert.
    private static let waits: [Duration] = [.seconds(1), .seconds(5), .seconds(30)]
    /// How often alerts that were held back are looked at.
    private static let heldBackPeriod = Duration.seconds(60)
    /// How long delivering goes on after the end.
    private static let farewell = Duration.seconds(2)

    private let state = Mutex(State())
    private let bell: (sounds: AsyncStream<Void>, ring: AsyncStream<Void>.Continuation)
    private let post: Post
    private let now: @Sendable () -> Date
    private let sleep: @Sendable (Duration) async throws -> Void
    private let logger: Logger

    /// Creates a sender that posts to an `http` or `https` address.
    package convenience init(
        url: String,
        logger: Logger,
        now: @escaping @Sendable () -> Date = { Date() },
        sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    ) {
        let webhook = AlertWebhook(url: url)
        self.init(post: { try await webhook.post($0) }, logger: logger, now: now, sleep: sleep)
    }

    package init(
        post: @escaping Post,
        logger: Logger,
        now: @escaping @Sendable () -> Date,
        sleep: @escaping @Sendable (Duration) async throws -> Void
    ) {
        (self.post, self.logger, self.now, self.sleep) = (post, logger, now, sleep)
        let (sounds, ring) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        bell = (sounds, ring)
    }

    /// Alerts that were lost because too many waited.
    package var dropped: Int { state.withLock { $0.dropped } }

    /// Takes an alert; returns at once.
    package func raise(_ alert: Alert) {
        let now = now()
        enqueue { policy in policy.raise(alert, at: now).map { [$0] } ?? [] }
    }

    /// Tells that the trouble of a code is over, if anybody was told that it began; returns at once.
    package func resolve(code: String, text: String) {
        let now = now()
        enqueue { policy in policy.resolve(code, text, at: now).map { [$0] } ?? [] }
    }

    /// Delivers until the task is cancelled, and then for two seconds more; may be called once.
    package func run() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                for await _ in self.bell.sounds { await self.deliverQueue() }
            }
            group.addTask {
                while !Task.isCancelled, (try? await self.sleep(Self.heldBackPeriod)) != nil {
                    let now = self.now()
                    self.enqueue { policy in policy.due(at: now) }
                }
            }
        }
        // Owned by this call, which waits for it: the task that runs us is cancelled already.
        await Task { try? await withTimeout(Self.farewell) { await self.deliverQueue() } }.value
    }

    private func enqueue(_ decide: (inout AlertPolicy) -> [AlertPolicy.Notice]) {
        let lost = state.withLock { state in
            state.queue += decide(&state.policy)
            let lost = Array(state.queue.prefix(max(0, state.queue.count - Self.longestQueue)))
            state.queue.removeFirst(lost.count)
            state.dropped += lost.count
            return lost
        }
        for notice in lost {
            logger.error("an alert was dropped: too many wait", metadata: Logger.Metadata([.code: "\(notice.code)"]))
        }
        bell.ring.yield()
    }

    /// Delivers what waits, in order, until nothing does or the task is cancelled; what is cut off stays in the queue.
    private func deliverQueue() async {
        while !Task.isCancelled, let notice = state.withLock({ $0.queue.isEmpty ? nil : $0.queue.removeFirst() }) {
            guard await deliver(notice) else {
                state.withLock { $0.queue.insert(notice, at: 0) }
                return
            }
        }
    }

    /// Tries a few times; false when cancelled before the end of it.
    private func deliver(_ notice: AlertPolicy.Notice) async -> Bool {
        var reason = ""
        for wait in [nil] + Self.waits {
            do {
                if let wait { try await sleep(wait) }
                let status = try await post(notice.json())
                if (200..<300).contains(status) { return true }
                reason = "status \(status)"
                if (400..<500).contains(status), status != 408, status != 429 { break }
            } catch {
                if Task.isCancelled { return false }
                // Not the whole error: some hold the address.
                reason = (error as? HTTPClientError)?.shortDescription ?? "no connection"
            }
        }
        logger.error(
            "an alert was not delivered",
            metadata: Logger.Metadata([.code: "\(notice.code)", .reason: "\(reason)"])
        )
        return true
    }
}

extension AlertPolicy.Notice {
    /// The alert as the webhook gets it.
    fileprivate func json() throws -> [UInt8] {
        let value: JSONValue = [
            "text": .string(text),
            "severity": .string(severity),
            "code": .string(code),
            "animation_id": animationID.map { .string("\($0)") } ?? nil,
            "time": .string(at.formatted(.iso8601)),
        ]
        return try value.encoded()
    }
}

/// The operators' address and the connections to it.
private final class AlertWebhook: Sendable {
    private let url: String
    private let client: HTTPClient

    init(url: String) {
        self.url = url
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.timeout.connect = .seconds(5)
        configuration.connectionPool.retryConnectionEstablishment = false
        client = HTTPClient(configuration: configuration)
    }

    deinit {
        client.shutdown { _ in }
    }

    func post(_ body: [UInt8]) async throws -> Int {
        var request = HTTPClientRequest(url: url)
        request.method = .POST
        request.headers = ["content-type": "application/json"]
        request.body = .bytes(ByteBuffer(bytes: body))
        let response = try await client.execute(request, timeout: .seconds(10))
        // Read, so that the connection can be used again.
        _ = try? await response.body.collect(upTo: 65_536)
        return Int(response.status.code)
    }
}
