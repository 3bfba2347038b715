import Subprocess
package import SystemPackage

/// A program that works on bytes from strangers, run so that it can do no harm and cannot stay.
package struct ChildProcess: Sendable {
    /// Absolute path of the program.
    package var program: FilePath
    package var arguments: [String]
    /// Read as its standard input; nil is an empty one.
    ///
    /// The caller keeps and closes it.
    package var input: FileDescriptor?
    /// Written as its standard output; nil collects up to 64 KiB of text.
    ///
    /// The caller keeps and closes it.
    package var output: FileDescriptor?
    /// The only folder that it may see; arguments name files in it by their bare names.
    package var folder: FilePath?
    package var folderAccess = Sandbox.FolderAccess.readOnly
    package var limits: ResourceLimits
    /// After this it is asked to stop, and killed half a second later.
    package var deadline: Duration

    package init(
        _ program: FilePath,
        _ arguments: [String],
        limits: ResourceLimits,
        deadline: Duration
    ) {
        self.program = program
        self.arguments = arguments
        self.limits = limits
        self.deadline = deadline
    }

    /// What is left of a child that ended by itself.
    package struct Outcome: Sendable {
        /// Whether it ended with exit code 0.
        package let succeeded: Bool
        /// How it ended, for operators: "exit code 1", "signal 9".
        package let ending: String
        package let standardOutput: String
        package let standardError: String

        /// Whether the program itself came to its end: it was not killed, and what starts and walls it off worked.
        ///
        /// Only then does a failure say something about the file.
        package let isVerdict: Bool

        /// For operators: how it ended and the last that it said.
        package var detail: String { "\(ending): \(standardError.suffix(2_000))" }
    }

    /// The most text that is read from a child: more than any of our commands says.
    private static let textLimit = 64 << 10

    /// Runs it to its end.
    ///
    /// A cancelled task stops the child as the deadline does. When this returns or throws, the child is gone; what it had
    /// started was killed with it and is gone within milliseconds.
    /// - Throws: ``MediaError`` with `tool_missing` or `tool_timed_out`; `CancellationError`. A non-zero exit code is an outcome.
    package func run(in sandbox: Sandbox, prlimit: FilePath) async throws -> Outcome {
        let words = sandbox.wrap(
            [program.string] + arguments,
            folder: folder,
            access: folderAccess,
            limits: limits,
            prlimit: prlimit
        )
        var options = PlatformOptions()
        options.createSession = true
        options.teardownSequence = [
            .send(
                signal: .terminate,
                toProcessGroup: true,
                allowedDurationToNextStep: .milliseconds(500)
            ),
            .send(signal: .kill, toProcessGroup: true, allowedDurationToNextStep: .seconds(1)),
        ]
        let configuration = Configuration(
            executable: .path(FilePath(words[0])),
            arguments: Arguments(Array(words.dropFirst())),
            environment: .custom([:]),
            workingDirectory: folder ?? "/",
            platformOptions: options
        )

        let deadline = deadline
        let outcome = try await withThrowingTaskGroup(of: Outcome?.self) { group in
            group.addTask { try await start(configuration) }
            group.addTask {
                try await Task.sleep(for: deadline)
                return nil
            }
            defer { group.cancelAll() }
            return try await group.next() ?? nil
        }
        try Task.checkCancellation()
        guard let outcome else {
            throw MediaError(
                .toolTimedOut,
                "\(name) did not finish within \(deadline) and was stopped",
                isRetryable: true
            )
        }
        return outcome
    }

    /// The program's name, as people know it.
    private var name: String { program.lastComponent?.string ?? program.string }

    private func start(_ configuration: Configuration) async throws -> Outcome {
        let nothing = try FileDescriptor.open("/dev/null", .readOnly, options: .closeOnExec)
        defer { try? nothing.close() }
        let input = FileDescriptorInput.fileDescriptor(
            input ?? nothing,
            closeAfterSpawningProcess: false
        )
        do {
            guard let output else {
                let result = try await Subprocess.run(
                    configuration,
                    input: input,
                    output: .string(limit: Self.textLimit),
                    error: .string(limit: Self.textLimit)
                )
                return Outcome(result.terminationStatus, result.standardOutput, result.standardError)
            }
            let result = try await Subprocess.run(
                configuration,
                input: input,
                output: .fileDescriptor(output, closeAfterSpawningProcess: false),
                error: .string(limit: Self.textLimit)
            )
            return Outcome(result.terminationStatus, "", result.standardError)
        } catch let error as SubprocessError {
            try Task.checkCancellation()
            guard error.code != .outputLimitExceeded else {
                throw MediaError(.toolFailed, "\(name) reported more errors than a usable file can have")
            }
            throw MediaError(.toolMissing, "\(name) could not be run", detail: String(describing: error))
        }
    }
}

extension ChildProcess.Outcome {
    fileprivate init(_ status: TerminationStatus, _ standardOutput: String, _ standardError: String) {
        succeeded = status.isSuccess
        ending =
            switch status {
            case .exited(let code): "exit code \(code)"
            case .signaled(let signal): "signal \(signal)"
            }
        // From 126 on: not startable, or killed by a signal. The wrappers speak under their own names.
        isVerdict =
            if case .exited(let code) = status {
                code < 126 && !["bwrap: ", "prlimit: "].contains { standardError.hasPrefix($0) }
            } else {
                false
            }
        self.standardOutput = standardOutput
        self.standardError = standardError
    }
}
