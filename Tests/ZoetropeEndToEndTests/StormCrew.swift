import Foundation
import Synchronization
import Testing
import ZoetropeTestKit

/// The processes of a storm: each place holds one, and gets a new one as soon as that ends.
final class StormCrew: Sendable {
    /// One process, with what was done to it.
    struct Member: Sendable {
        let number: Int
        let isWorker: Bool
        let process: ServiceProcess
        let startedAt: Double
        var killedAt: Double?
        /// From when to when it was stopped.
        var frozen: [(from: Double, to: Double)] = []
        /// The end that nobody asked for.
        var oddEnd: String?

        var name: String { "\(isWorker ? "worker" : "api")-\(number)" }
        var isFrozen: Bool { frozen.last.map { $0.to == .infinity } ?? false }
    }

    private struct State {
        var members: [Member] = []
        /// The newest member of each place; services come first.
        var places: [Int: Int] = [:]
        var isClosing = false
    }

    /// Where the services are, and where the workers are.
    let services, workers: Range<Int>
    private let state = Mutex(State())
    private let start: @Sendable (_ place: Int, _ name: String) throws -> ServiceProcess

    /// `start` starts the process of a place, which is known to the database by a name.
    init(
        services: Int,
        workers: Int,
        start: @escaping @Sendable (_ place: Int, _ name: String) throws -> ServiceProcess
    ) {
        self.services = 0..<services
        self.workers = services..<(services + workers)
        self.start = start
    }

    var members: [Member] { state.withLock { $0.members } }

    /// Keeps a place filled until ``close()``.
    func keep(_ place: Int) async throws {
        while let number = try fill(place) {
            let process = state.withLock { $0.members[number].process }
            let end = try await process.end()
            state.withLock { state in
                guard state.members[number].killedAt == nil, !state.isClosing else { return }
                state.members[number].oddEnd = "\(end.wasKilled ? "signal" : "exit code") \(end.status)"
            }
            // A process that cannot start, because the database is gone, is tried again like any supervisor does it.
            if state.withLock({ $0.members[number].killedAt }) == nil { try await Task.sleep(for: .milliseconds(200)) }
        }
    }

    /// Starts a process in a place; nil when the storm is over.
    private func fill(_ place: Int) throws -> Int? {
        try state.withLock { state in
            if state.isClosing { return nil }
            let number = state.members.count
            let isWorker = workers.contains(place)
            let process = try start(place, "\(isWorker ? "worker" : "api")-\(number)")
            state.members.append(
                Member(number: number, isWorker: isWorker, process: process, startedAt: Date().timeIntervalSince1970)
            )
            state.places[place] = number
            return number
        }
    }

    /// Kills what is at one of these places, unless it is frozen or gone; returns whether it did.
    func kill(oneOf places: Range<Int>, _ random: inout SplitMix64) -> Bool {
        state.withLock { state in
            let victims = places.compactMap { state.places[$0] }
                .filter {
                    state.members[$0].process.isRunning && !state.members[$0].isFrozen
                        && state.members[$0].killedAt == nil
                }
            guard let victim = victims.randomElement(using: &random) else { return false }
            state.members[victim].killedAt = Date().timeIntervalSince1970
            state.members[victim].process.signal(SIGKILL)
            return true
        }
    }

    /// Stops a worker as if its host slept, unless it is the last that is awake; returns whether it did.
    func freeze(processID: Int32) -> Bool {
        state.withLock { state in
            let awake = state.places.filter { workers.contains($0.key) && !state.members[$0.value].isFrozen }.values
            guard awake.count > 1,
                let number = awake.first(where: { state.members[$0].process.processID == processID }),
                state.members[number].process.isRunning, state.members[number].killedAt == nil
            else { return false }
            state.members[number].process.signal(SIGSTOP)
            state.members[number].frozen.append((Date().timeIntervalSince1970, .infinity))
            return true
        }
    }

    /// Lets a stopped process go on.
    func thaw(processID: Int32) {
        state.withLock { state in
            guard let number = state.members.firstIndex(where: { $0.process.processID == processID }),
                let last = state.members[number].frozen.indices.last
            else { return }
            state.members[number].frozen[last].to = Date().timeIntervalSince1970
            state.members[number].process.signal(SIGCONT)
        }
    }

    /// Ends everything politely; returns what did not end well.
    func close() async throws -> [String] {
        let last = state.withLock { state in
            state.isClosing = true
            return state.places.values.map { state.members[$0] }
        }
        var problems: [String] = []
        for member in last where member.process.isRunning {
            member.process.signal(SIGTERM)
            let end = try await member.process.end()
            if end.wasKilled || end.status != 0 {
                problems.append("\(member.name) ended with \(end) after SIGTERM: \(member.process.log.suffix(500))")
            }
        }
        return problems
    }
}
