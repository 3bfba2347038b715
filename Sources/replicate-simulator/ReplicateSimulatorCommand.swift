import ArgumentParser
import Glibc
import ReplicateSimulator

/// The simulator as a program.
struct ReplicateSimulatorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replicate-simulator",
        abstract: "Replicate's HTTP API on this machine: real videos, webhooks and faults, and no bill.",
        discussion: """
            Try it:
              replicate-simulator                 API on port 9090, outputs on 9091, at 20x
              replicate-simulator --speed 1x      as slow as the real service
              replicate-simulator --script f.json rules from the start

            While it runs:
              curl -s localhost:9090/_simulator          all that it can be asked
              curl -s localhost:9090/_simulator/ledger   what would have been paid
              curl -s localhost:9090/_simulator/script -d '{"rules":[
                {"on":"create","fault":{"kind":"close","when":"after"}},
                {"on":"create","plan":{"error_code":"E005"}}]}'

            Exit codes: 0 stopped; 1 it could not start (the reason is on standard
            error); 2 wrong usage.
            """
    )

    @Option(help: ArgumentHelp("Port of the API; 0 takes any that is free.", valueName: "port"))
    var port = 9090

    @Option(
        help: ArgumentHelp("Port of the host that serves the outputs; 0 takes any that is free.", valueName: "port")
    )
    var outputPort = 9091

    @Option(
        help: ArgumentHelp("Port of a self-hosted Cog model server; without this there is none.", valueName: "port")
    )
    var cogPort: Int?

    @Option(
        help: ArgumentHelp("How many times faster than real time predictions run: 1x to 1000x.", valueName: "factor")
    )
    var speed = Speed(factor: 20)

    @Option(
        help: ArgumentHelp("Address to listen on; 0.0.0.0 lets other machines and containers in.", valueName: "address")
    )
    var host = "127.0.0.1"

    @Option(help: ArgumentHelp("API token that is accepted.", valueName: "token"))
    var token: String?

    @Option(help: ArgumentHelp("Seed of ids, URLs and random faults.", valueName: "number"))
    var seed: UInt64 = 1

    @Option(
        help: ArgumentHelp("JSON file with rules and switches, as POST /_simulator/script takes it.", valueName: "file")
    )
    var script: String?

    @Option(
        help: ArgumentHelp(
            "Folder of the files that a plan's video.file names.",
            valueName: "folder"
        )
    )
    var videos: String?

    @Flag(help: "Six creates per minute, as Replicate allows with less than $5 of credit.")
    var lowCredit = false

    @Flag(help: "Time stands still until POST /_simulator/clock moves it.")
    var manualClock = false

    @Flag(help: "A line for each exchange on standard error.")
    var verbose = false

    func validate() throws {
        var ports: [(String, Int)] = [("--port", port), ("--output-port", outputPort)]
        if let cogPort { ports.append(("--cog-port", cogPort)) }
        for (name, value) in ports where !(0...65_535).contains(value) {
            throw ValidationError("\(name) must be from 0 to 65535, got \(value)")
        }
        for (index, (name, value)) in ports.enumerated() where value != 0 {
            if let (other, _) = ports[..<index].first(where: { $0.1 == value }) {
                throw ValidationError("\(name) must be another port than \(other), got \(value) for both")
            }
        }
        if let token, token.isEmpty || !token.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) {
            throw ValidationError("--token must be visible ASCII characters without spaces, got \"\(token)\"")
        }
    }

    func run() async throws {
        var configuration = ReplicateSimulator.Configuration(
            host: host,
            port: port,
            outputPort: outputPort,
            cogPort: cogPort,
            clock: manualClock ? .manual : .scaled(speed.factor),
            seed: seed,
            videoFolder: videos
        )
        if let token { configuration.token = token }
        if let script { try configuration.apply(scriptFile: script) }
        if lowCredit { configuration.switches.lowCredit = true }
        if verbose { configuration.onExchange = { Console.error(Narrator.line(for: $0)) } }

        let isManual = manualClock
        let speed = speed
        let ledger = try await ReplicateSimulator.run(configuration) { simulator in
            print(Narrator.greeting(of: simulator, speed: isManual ? "by hand" : speed.defaultValueDescription))
            // Standard output may be a file or a pipe that somebody waits on.
            fflush(nil)
        }
        print(Narrator.farewell(ledger))
    }
}

@main
enum Main {
    static func main() async {
        // A closed pipe shows as an error of `write`, not as sudden death.
        signal(SIGPIPE, SIG_IGN)
        do {
            let command = try ReplicateSimulatorCommand.parse()
            try await command.run()
        } catch let error as SimulatorError {
            Console.error("Error: \(error)")
            exit(1)
        } catch {
            let text = ReplicateSimulatorCommand.fullMessage(for: error)
            // `--help` arrives as an error, too.
            if ReplicateSimulatorCommand.exitCode(for: error).isSuccess {
                print(text)
                exit(0)
            }
            Console.error(text)
            exit(2)
        }
    }
}

/// `20x`, or `20`.
struct Speed: ExpressibleByArgument {
    let factor: Double

    init(factor: Double) {
        self.factor = factor
    }

    init?(argument: String) {
        let digits = argument.hasSuffix("x") ? String(argument.dropLast()) : argument
        guard let factor = Double(digits), (1...1000).contains(factor) else { return nil }
        self.factor = factor
    }

    var defaultValueDescription: String {
        factor == factor.rounded() ? "\(Int(factor))x" : "\(factor)x"
    }
}

/// Standard error, for people.
enum Console {
    static func error(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        // One write per line keeps lines of several threads whole.
        _ = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
