import ArgumentParser
import Glibc

/// The root of the commands.
struct Zoetrope: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "zoetrope",
        abstract: "Turns a still image into a short, web-ready video.",
        discussion: """
            Try it:
              zoetrope animate photo.jpg     makes photo.mp4: a walk into the photo
              zoetrope animate photo.jpg -o out.mp4 --motion push-in --poster out.jpg
              zoetrope serve                 the service, on http://127.0.0.1:8080
              zoetrope doctor                says whether all that is needed is there

            Exit codes: 0 done; 1 the animation failed (the reason is on standard
            error) or something that it needs does not work; 2 wrong usage or settings;
            130 interrupted.
            """,
        version: version,
        subcommands: [
            AnimateCommand.self, ServeCommand.self, WorkerCommand.self, RunsCommand.self, MigrateCommand.self,
            CleanupCommand.self, TokenCommand.self, ProvenanceCommand.self, DoctorCommand.self, ConfigCommand.self,
        ]
    )

    static let version = "0.1.0"
}

@main
enum Main {
    static func main() async {
        // A closed terminal or pipe shows as an error of `write`, not as sudden death with files left behind.
        signal(SIGPIPE, SIG_IGN)
        let interruption = Interruption.start()
        let work = Task {
            var command = try Zoetrope.parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        }
        interruption.cancels(work)
        switch await work.result {
        case .success: exit(ExitCodes.done)
        case .failure(let error) where interruption.happened:
            let failure = error as? CommandFailure
            Console.error(
                failure?.exitCode == ExitCodes.interrupted
                    ? failure?.message ?? "" : "Interrupted; nothing was left behind."
            )
            exit(ExitCodes.interrupted)
        case .failure(let error): exit(report(error))
        }
    }

    /// Says what went wrong and returns the exit code for it.
    private static func report(_ error: any Error) -> Int32 {
        if let failure = error as? CommandFailure {
            Console.error("Error: \(failure.message)")
            return failure.exitCode
        }
        guard !Zoetrope.exitCode(for: error).isSuccess else {
            // `--help` and `--version` arrive as errors.
            print(Zoetrope.fullMessage(for: error))
            return ExitCodes.done
        }
        let message = Zoetrope.fullMessage(for: error)
        Console.error(message.isEmpty ? "Error: \(error)" : message)
        return ExitCodes.usage
    }
}

/// The contract's exit codes.
enum ExitCodes {
    static let done: Int32 = 0
    static let failed: Int32 = 1
    static let usage: Int32 = 2
    static let interrupted: Int32 = 130
}

/// One clear sentence for the person at the terminal, and the exit code that goes with it.
struct CommandFailure: Error {
    let exitCode: Int32
    let message: String

    /// The animation failed, or what the command needs does not work now.
    static func failed(_ message: String) -> CommandFailure {
        CommandFailure(exitCode: ExitCodes.failed, message: message)
    }

    /// Stopped by a signal, with something to say.
    static func interrupted(_ message: String) -> CommandFailure {
        CommandFailure(exitCode: ExitCodes.interrupted, message: message)
    }

    /// The command or the settings are wrong.
    static func usage(_ message: String) -> CommandFailure {
        CommandFailure(exitCode: ExitCodes.usage, message: message)
    }
}
