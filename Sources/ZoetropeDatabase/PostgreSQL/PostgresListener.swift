import Foundation
import Synchronization

/// Listens on a channel until it is told to stop, on a thread of its own.
final class PostgresListener: Sendable {
    private let channel: String
    private let options: PostgresOptions
    private let yield: @Sendable (String) -> Void
    private let finish: @Sendable () -> Void
    /// A byte that is written to one end, and never read from the other, ends every wait.
    private let pipe: (reading: Int32, writing: Int32)
    private let stopped = Mutex(false)

    /// Nil when the process has no file descriptors left.
    ///
    /// `yield` gets each payload, and an empty text whenever listening has begun; `finish` is called once, at the end.
    init?(
        _ channel: String,
        _ options: PostgresOptions,
        yield: @escaping @Sendable (String) -> Void,
        finish: @escaping @Sendable () -> Void
    ) {
        var ends: [Int32] = [-1, -1]
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else { return nil }
        pipe = (ends[0], ends[1])
        self.channel = channel
        self.options = options
        self.yield = yield
        self.finish = finish
    }

    deinit {
        Foundation.close(pipe.reading)
        Foundation.close(pipe.writing)
    }

    var isStopped: Bool { stopped.withLock { $0 } }

    func start() {
        let thread = Thread { self.run() }
        thread.name = "postgres-listener"
        thread.start()
    }

    func stop() {
        let isFirst = stopped.withLock { stopped in
            defer { stopped = true }
            return !stopped
        }
        if isFirst { _ = write(pipe.writing, [0], 1) }
    }

    private func run() {
        var failures = 0
        while !isStopped {
            do {
                let connection = try PostgresConnection.open(options)
                try connection.run(script: "LISTEN \(connection.quoted(name: channel))")
                failures = 0
                yield("")
                receive(connection)
                // A server that takes connections and drops them must not be asked without a pause.
                if !isStopped { wait(milliseconds: Backoff.delay(after: 1).milliseconds) }
            } catch {
                failures += 1
                wait(milliseconds: Backoff.delay(after: failures).milliseconds)
            }
        }
        finish()
    }

    /// Returns when the connection is lost or listening has stopped.
    private func receive(_ connection: PostgresConnection) {
        while !isStopped {
            guard let payloads = connection.takeNotifications() else { return }
            for payload in payloads { yield(payload) }
            wait(on: connection.socket, milliseconds: -1)
        }
    }

    /// Returns when there is something to read, the time is over (never when negative), or listening has stopped.
    private func wait(on socket: Int32 = -1, milliseconds: Int) {
        var descriptors = [
            pollfd(fd: pipe.reading, events: Int16(POLLIN), revents: 0),
            pollfd(fd: socket, events: Int16(POLLIN), revents: 0),
        ]
        poll(&descriptors, 2, Int32(milliseconds))
    }
}
