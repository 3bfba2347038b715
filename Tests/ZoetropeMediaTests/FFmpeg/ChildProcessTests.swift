import Foundation
import SystemPackage
import Testing
import ZoetropeMedia
import ZoetropeTestKit

/// The programs of this machine, with and without bubblewrap.
enum TestTools {
    static let searchPath = ProcessInfo.processInfo.environment["PATH", default: "/usr/bin:/bin"]

    static func find(_ policy: SandboxPolicy = .auto) async throws -> MediaTools {
        try await MediaTools.find(policy: policy, searchPath: searchPath)
    }

    /// Whether bubblewrap works here; a container may forbid it.
    static func hasBubblewrap() async -> Bool {
        (try? await find(.bubblewrap)) != nil
    }
}

@Suite(.serialized, .timeLimit(.minutes(5)))
struct ChildProcessTests {
    private func shell(_ script: String, deadline: Duration = .seconds(20)) -> ChildProcess {
        ChildProcess("/bin/sh", ["-c", script], limits: .clip, deadline: deadline)
    }

    private func run(_ child: ChildProcess, _ policy: SandboxPolicy) async throws -> ChildProcess.Outcome {
        let tools = try await TestTools.find(policy)
        return try await child.run(in: tools.sandbox, prlimit: tools.prlimit)
    }

    @Test(arguments: [SandboxPolicy.auto, .limits])
    func `what a child says and how it ends come back`(policy: SandboxPolicy) async throws {
        let outcome = try await run(shell("echo out; echo err >&2; exit 3"), policy)
        #expect(!outcome.succeeded)
        #expect(outcome.ending == "exit code 3")
        #expect(outcome.standardOutput == "out\n")
        #expect(outcome.standardError == "err\n")
    }

    @Test(arguments: [SandboxPolicy.auto, .limits])
    func `a child that hangs is stopped at its deadline, with its own children`(policy: SandboxPolicy) async throws {
        let mark = "86\(UInt32.random(in: 100_000...999_999))"
        await #expect(throws: MediaError.self) {
            _ = try await run(
                shell("trap '' TERM; sleep \(mark) & sleep \(mark)", deadline: .milliseconds(300)),
                policy
            )
        }
        #expect(await RunningProcesses.vanish(containing: "sleep \(mark)"), "a child is left")
    }

    @Test(arguments: [SandboxPolicy.auto, .limits])
    func `cancelling stops the child before it returns`(policy: SandboxPolicy) async throws {
        let mark = "87\(UInt32.random(in: 100_000...999_999))"
        let task = Task { try await run(shell("echo; sleep \(mark)"), policy) }
        while RunningProcesses.commands(containing: "sleep \(mark)").isEmpty { await Task.yield() }
        task.cancel()
        await #expect(throws: CancellationError.self) { _ = try await task.value }
        #expect(await RunningProcesses.vanish(containing: "sleep \(mark)"), "a child is left")
    }

    @Test func `a child that talks without end is refused`() async throws {
        let error = await #expect(throws: MediaError.self) { _ = try await run(shell("yes >&2"), .auto) }
        #expect(error?.code == .toolFailed)
    }

    @Test func `a program that is not there is said to be missing`() async throws {
        let error = await #expect(throws: MediaError.self) {
            _ = try await MediaTools.find(ffmpeg: "no-such-ffmpeg", searchPath: TestTools.searchPath)
        }
        #expect(error?.code == .toolMissing)
        #expect(error?.message.contains("no-such-ffmpeg") == true)
    }

    @Test(arguments: [SandboxPolicy.auto, .limits])
    func `memory, files and processor time are limited, and there is no environment`(policy: SandboxPolicy) async throws
    {
        let limits = ResourceLimits(addressSpace: 1 << 30, cpuSeconds: 7, fileSize: 1 << 20)
        let child = ChildProcess(
            "/bin/sh",
            ["-c", "ulimit -v; ulimit -t; ulimit -f; ulimit -c; env | grep -v ^PWD= | grep -v ^_="],
            limits: limits,
            deadline: .seconds(20)
        )
        let outcome = try await run(child, policy)
        // In KiB, seconds and 512-byte blocks.
        #expect(outcome.standardOutput.split(separator: "\n") == ["1048576", "7", "2048", "0"])
    }

    @Test(.enabled("bubblewrap must work") { await TestTools.hasBubblewrap() })
    func `behind bubblewrap there is no network, no home and no other process`() async throws {
        let canary = try TemporaryFolder()
        try Data("canary".utf8).write(to: canary.url.appending(path: "canary"))
        let outcome = try await run(
            shell("cat \(canary.path("canary")); ls /home /root /etc/passwd; ls /sys/class/net; ls -d /proc/[0-9]*"),
            .bubblewrap
        )
        #expect(!outcome.standardOutput.contains("canary"))
        #expect(!outcome.standardOutput.contains("/etc/passwd"))
        // Only bubblewrap's own, the shell and ls.
        #expect(outcome.standardOutput.split(separator: "\n").filter { $0.hasPrefix("/proc/") }.count <= 3)
    }

    @Test(.enabled("bubblewrap must work") { await TestTools.hasBubblewrap() })
    func `a folder of work can be read, and written to only where that is meant`() async throws {
        let folder = try TemporaryFolder()
        try Data("in".utf8).write(to: folder.url.appending(path: "in"))
        var child = shell("cat in; echo out > out")
        child.folder = FilePath(folder.url.path)
        let readOnly = try await run(child, .bubblewrap)
        #expect(readOnly.standardOutput == "in" && !readOnly.succeeded)
        child.folderAccess = .readWrite
        let readWrite = try await run(child, .bubblewrap)
        #expect(readWrite.succeeded)
        #expect(FileManager.default.fileExists(atPath: folder.path("out")))
    }
}
