import Dispatch
import Glibc
import Synchronization

/// Ctrl-C and its relatives: the first one cancels the work, which then cleans up; the second one ends the process.
final class Interruption: Sendable {
    private struct State {
        var count = 0
        var work: Task<Void, any Error>?
    }

    private let state = Mutex(State())
    // Proof: written once in `start()` before anybody else knows this object, then only kept alive.
    private nonisolated(unsafe) var sources: [any DispatchSourceSignal] = []

    /// Begins to listen.
    static func start() -> Interruption {
        let interruption = Interruption()
        interruption.sources = [SIGINT, SIGTERM, SIGHUP]
            .map { number in
                // The default action must be off for the source to see the signal.
                signal(number, SIG_IGN)
                let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
                source.setEventHandler { interruption.arrived() }
                source.resume()
                return source
            }
        return interruption
    }

    private func arrived() {
        state.withLock { state in
            state.count += 1
            guard state.count == 1 else { _exit(ExitCodes.interrupted) }
            state.work?.cancel()
        }
    }

    /// Names what the first signal cancels.
    func cancels(_ work: Task<Void, any Error>) {
        state.withLock { state in
            state.work = work
            if state.count > 0 { work.cancel() }
        }
    }

    var happened: Bool { state.withLock { $0.count > 0 } }
}
