import AsyncHTTPClient
import FoundationEssentials
import Synchronization

/// The shell around a ``World``: its lock, its clock, its log and its effects.
final class Core: Sendable {
    let configuration: ReplicateSimulator.Configuration
    let clock: SimulatorClock
    let videos: VideoStore
    let http: HTTPClient
    let work = WorkCount()
    let uploads = CogUploads()
    private let state: Mutex<State>

    struct State: Sendable {
        var world: World
        /// Counted up by every reset, so that work of an earlier world is not booked in a later one.
        var generation = 0
        var requests = BoundedLog<RecordedRequest>(limit: 100_000)
        var connections = BoundedLog<RecordedConnection>(limit: 100_000)
        /// Those that are not closed, by number.
        var open: [Int: Connection] = [:]
    }

    init(_ configuration: ReplicateSimulator.Configuration, http: HTTPClient) {
        self.configuration = configuration
        self.http = http
        videos = VideoStore(folder: configuration.videoFolder)
        let epoch = Moment(configuration.startTime ?? Date())
        clock = SimulatorClock(mode: configuration.clock, epoch: epoch)
        state = Mutex(State(world: configuration.world(now: epoch)))
    }

    /// Reads or changes the state; what falls due earlier than before wakes the driver.
    func withState<Result: Sendable>(_ body: (inout State) -> Result) -> Result {
        let (result, due) = state.withLock { state in
            let before = state.world.nextDue
            let result = body(&state)
            let after = state.world.nextDue
            return (result, after == before ? nil : after)
        }
        if let due { clock.wakeUp.ring(before: due) }
        return result
    }

    /// The world at this moment.
    func withWorld<Result: Sendable>(_ body: (inout World, Moment) -> Result) -> Result {
        // The time is read under the lock, so that created_at never runs backwards.
        withState { body(&$0.world, clock.now) }
    }

    /// Forgets everything but the ports; rules and switches, too.
    func reset() {
        withState { state in
            let port = state.world.outputPort
            state.world = configuration.world(now: clock.now)
            state.world.outputPort = port
            state.generation += 1
            // The numbers go on, since connections of before are still open.
            let (requests, connections) = (state.requests, state.connections)
            state.requests = BoundedLog(limit: requests.limit, firstNumber: requests.nextNumber)
            state.connections = BoundedLog(limit: connections.limit, firstNumber: connections.nextNumber)
        }
        clock.poke()
    }
}
