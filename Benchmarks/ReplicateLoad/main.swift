import Foundation
import Glibc
import Replicate
import Synchronization

// Sends creates and gets at fixed rates for a while and prints one JSON line about what that cost this process.
// Usage: replicate-load GETS_PER_MINUTE CREATES_PER_MINUTE SECONDS; address and token come from the environment.

let arguments = CommandLine.arguments.dropFirst().compactMap(Double.init)
guard arguments.count == 3 else {
    print("usage: replicate-load GETS_PER_MINUTE CREATES_PER_MINUTE SECONDS")
    exit(2)
}
let load = Load(client: try ReplicateClient(), seconds: arguments[2])
let start = ContinuousClock.now
await withTaskGroup { group in
    group.addTask { await load.run(perMinute: arguments[1], from: start) { try await load.create() } }
    group.addTask { await load.run(perMinute: arguments[0], from: start) { try await load.get() } }
}
print(load.report(elapsed: start.duration(to: .now)))

/// An open loop: calls begin when the schedule says, whether or not earlier ones have ended.
final class Load: Sendable {
    private struct Tally {
        var ids: [Prediction.ID] = []
        var next = 0
        var creates = 0
        var gets = 0
        var errors = 0
        var latencies: [Double] = []
        var latest = 0.0
    }

    private let client: ReplicateClient
    private let seconds: Double
    private let tally = Mutex(Tally())

    init(client: ReplicateClient, seconds: Double) {
        self.client = client
        self.seconds = seconds
    }

    func run(
        perMinute rate: Double,
        from start: ContinuousClock.Instant,
        _ call: @escaping @Sendable () async throws -> Bool
    ) async {
        let count = Int(rate * seconds / 60)
        // One that forgets what has ended: the memory to be measured is the client's.
        await withDiscardingTaskGroup { group in
            for number in 0..<count {
                let due = start + .seconds(Double(number) * 60 / rate)
                try? await Task.sleep(until: due)
                group.addTask { await self.measure(due: due, call) }
            }
        }
    }

    private func measure(due: ContinuousClock.Instant, _ call: @Sendable () async throws -> Bool) async {
        let begin = ContinuousClock.now
        let succeeded = (try? await call()) ?? false
        let end = ContinuousClock.now
        tally.withLock { tally in
            if !succeeded { tally.errors += 1 }
            tally.latencies.append(begin.duration(to: end) / .milliseconds(1))
            tally.latest = max(tally.latest, due.duration(to: begin) / .milliseconds(1))
        }
    }

    func create() async throws -> Bool {
        let prediction = try await client.createPrediction(
            .model("minimax/video-01-live"),
            input: ["prompt": "The person walks forward.", "first_frame_image": "https://example.com/photo.jpg"],
            cancelAfter: .seconds(1_200)
        )
        tally.withLock {
            $0.creates += 1
            $0.ids.append(prediction.id)
        }
        return true
    }

    /// Looks at the predictions in turn; before there is one there is nothing to look at.
    func get() async throws -> Bool {
        var id: Prediction.ID?
        while id == nil {
            id = tally.withLock { tally in
                guard !tally.ids.isEmpty else { return nil }
                tally.next = (tally.next + 1) % tally.ids.count
                return tally.ids[tally.next]
            }
            if id == nil { try await Task.sleep(for: .milliseconds(5)) }
        }
        guard let id else { return false }
        _ = try await client.prediction(id)
        tally.withLock { $0.gets += 1 }
        return true
    }

    func report(elapsed: Duration) -> String {
        var usage = rusage()
        getrusage(Int32(RUSAGE_SELF.rawValue), &usage)
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
        return tally.withLock { tally in
            let latencies = tally.latencies.sorted()
            func percentile(_ share: Double) -> Double { latencies[Int(Double(latencies.count - 1) * share)] }
            let line: JSONValue = [
                "client": "Zoetrope's Replicate",
                "gets": .integer(Int64(tally.gets)),
                "creates": .integer(Int64(tally.creates)),
                "errors": .integer(Int64(tally.errors)),
                "seconds": .number(elapsed / .seconds(1)),
                "cpu_seconds": .number(seconds(usage.ru_utime) + seconds(usage.ru_stime)),
                "peak_rss_mib": .number(Double(usage.ru_maxrss) / 1_024),
                "late_max_ms": .number(tally.latest),
                "latency_ms": ["p50": .number(percentile(0.5)), "p99": .number(percentile(0.99))],
            ]
            return String(decoding: (try? line.encoded()) ?? [], as: UTF8.self)
        }
    }
}
