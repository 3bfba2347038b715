import Foundation
import Synchronization
import Testing
import ZoetropeServer
import ZoetropeTestKit
import ZoetropeWorkflow

/// A server on a port of its own, run as `zoetrope serve` runs it.
enum LiveServer {
    /// Serves while the body runs, then cancels the server and waits for its end.
    static func run<Result: Sendable>(
        _ settings: ServerSettings = ServerSettings(port: 0),
        objects: any ObjectStore = MemoryObjectStore(),
        _ body: @Sendable (TestAPI, Int) async throws -> Result
    ) async throws -> Result {
        let (ports, told) = AsyncStream<Int>.makeStream()
        let api = TestAPI(settings: settings, objects: objects, onRunning: { port in told.yield(port) })
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                defer { told.finish() }
                try await api.server.run()
            }
            var port = 0
            for await told in ports {
                port = told
                break
            }
            try #require(port > 0)
            let result = try await body(api, port)
            group.cancelAll()
            try await group.waitForAll()
            return result
        }
    }
}

/// A curl that runs.
final class Curl: Sendable {
    private struct State {
        var text = ""
        var isOver = false
        var waiters: [(String?, CheckedContinuation<Bool, Never>)] = []
    }

    private let process: Process
    private let state = Mutex(State())

    init(_ arguments: [String]) throws {
        let process = Process()
        self.process = process
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["curl", "--max-time", "40"] + arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        try process.start()
        let thread = Thread { [self] in
            while true {
                let data = pipe.fileHandleForReading.availableData
                take(data)
                if data.isEmpty { return }
            }
        }
        thread.start()
    }

    private func take(_ data: Data) {
        let woken = state.withLock { state -> [(CheckedContinuation<Bool, Never>, Bool)] in
            state.text += String(decoding: data, as: UTF8.self)
            state.isOver = data.isEmpty
            var woken: [(CheckedContinuation<Bool, Never>, Bool)] = []
            state.waiters.removeAll { wanted, waiter in
                let isThere = wanted.map { state.text.contains($0) } ?? state.isOver
                guard isThere || state.isOver else { return false }
                woken.append((waiter, isThere))
                return true
            }
            return woken
        }
        for (waiter, isThere) in woken { waiter.resume(returning: isThere) }
    }

    private func wait(for wanted: String?) async -> Bool {
        await withCheckedContinuation { waiter in
            let isDecided = state.withLock { state -> Bool? in
                if wanted.map({ state.text.contains($0) }) ?? state.isOver { return true }
                if state.isOver { return false }
                state.waiters.append((wanted, waiter))
                return nil
            }
            if let isDecided { waiter.resume(returning: isDecided) }
        }
    }

    /// Returns when it has printed a text.
    func waitFor(_ text: String) async throws {
        try #require(await wait(for: text), "curl ended without \"\(text)\"")
    }

    /// Everything that it printed, at its end.
    func end() async throws -> String {
        _ = await wait(for: nil)
        return state.withLock { $0.text }
    }
}
