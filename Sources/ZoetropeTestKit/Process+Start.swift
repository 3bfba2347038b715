package import Foundation
import Synchronization

extension Process {
    /// Starts it; use this in place of `run()` wherever tests start processes.
    ///
    /// Foundation learns of a process's end from a socket that the process alone should hold, but which is not
    /// close-on-exec: of two `run()` at the same time, one process may inherit the other's. When that one is a server, the
    /// other never seems to end, and who waits for it waits for ever. So they start one at a time.
    package func start() throws {
        try starting.withLock { _ in try run() }
    }
}

private let starting = Mutex(())
