import Foundation
import Replicate
import ReplicateSimulator
import Testing
import ZoetropeProviders
import ZoetropeTestKit
import ZoetropeWorkflow

/// Results are fetched whole or not at all, and predictions are cancelled.
@Suite(.timeLimit(.minutes(2)))
struct ResultTests {
    /// A prediction that has succeeded, and its output.
    private static func done(
        rules: [Rule] = [],
        configure: @Sendable (inout ReplicateClient.Configuration) -> Void = { _ in },
        _ body: @Sendable (SimulatedProvider, _ output: String, _ order: GenerationOrder) async throws -> Void
    ) async throws {
        try await SimulatedProvider.run(rules: rules, configure: configure) { world in
            let id = try await world.submit(tag: "tag1").id
            await world.simulator.advance(by: .seconds(200))
            guard case .found(let generation) = await world.provider.status(of: [id])[id],
                case .succeeded(let output) = generation.state
            else { throw ProviderError(.missing, id) }
            try await body(world, output, try SimulatedProvider.order(tag: "tag1"))
        }
    }

    @Test(arguments: [nil, .shortRead(bytes: 1_000), .ignoresRange, .changingETag] as [Fault?])
    func `a result arrives whole`(fault: Fault?) async throws {
        try await Self.done(rules: fault.map { [.fault(.output, $0)] } ?? []) { world, output, order in
            let path = world.folder.path("part.mp4")
            try await world.provider.fetch(output, of: order, to: path)
            let bytes = try Data(contentsOf: URL(filePath: path))
            #expect(bytes.dropFirst(4).prefix(4) == Data("ftyp".utf8))
            #expect(world.folder.contents == ["part.mp4"])
        }
    }

    struct Row: Sendable, CustomTestStringConvertible {
        let name: String
        let fault: Fault?
        let kind: ProviderError.Kind
        var output: String?

        var testDescription: String { name }
    }

    static let rows: [Row] = [
        Row(name: "404", fault: .answer(.init(404)), kind: .expired),
        Row(name: "410", fault: .answer(.init(410)), kind: .expired),
        Row(name: "403", fault: .answer(.init(403)), kind: .unavailable),
        Row(name: "503", fault: .answer(.init(503)), kind: .unavailable),
        Row(name: "throttled", fault: .throttle(.init(.plain, retryAfter: 90, header: .seconds)), kind: .throttled),
        Row(name: "cut short for ever", fault: .shortRead(bytes: 0), kind: .unavailable),
        Row(name: "empty", fault: .notVideo(.empty), kind: .invalidOutput),
        Row(
            name: "redirect to a foreign host",
            fault: .redirect(to: "https://example.com/x.mp4"),
            kind: .invalidOutput
        ),
        Row(name: "foreign host", fault: nil, kind: .invalidOutput, output: "https://example.com/x.mp4"),
        Row(name: "no URL", fault: nil, kind: .invalidOutput, output: "hello"),
        Row(name: "a file", fault: nil, kind: .invalidOutput, output: "file:///etc/passwd"),
        Row(name: "broken data URI", fault: nil, kind: .invalidOutput, output: "data:video/mp4;base64,%%%"),
    ]

    @Test(arguments: rows)
    func `a result that cannot be had says why, and leaves nothing`(row: Row) async throws {
        let rules = row.fault.map { [Rule.fault(.output, $0, times: nil)] } ?? []
        try await Self.done(rules: rules) { world, output, order in
            let error = await #expect(throws: ProviderError.self) {
                try await world.provider.fetch(row.output ?? output, of: order, to: world.folder.path("part.mp4"))
            }
            #expect(error?.kind == row.kind, "\(error as Any)")
            #expect(world.folder.contents == [])
        }
    }

    @Test
    func `a body without an end is given up at 200 MB`() async throws {
        try await Self.done(rules: [.fault(.output, .endless, times: nil)]) { world, output, order in
            let error = await #expect(throws: ProviderError.self) {
                try await world.provider.fetch(output, of: order, to: world.folder.path("part.mp4"))
            }
            #expect(error?.kind == .invalidOutput, "\(error as Any)")
            #expect(world.folder.contents == [])
        }
    }

    @Test
    func `a result is gone after an hour`() async throws {
        try await Self.done { world, output, order in
            await world.simulator.advance(by: .seconds(3_700))
            let error = await #expect(throws: ProviderError.self) {
                try await world.provider.fetch(output, of: order, to: world.folder.path("part.mp4"))
            }
            #expect(error?.kind == .expired)
        }
    }

    @Test
    func `a folder that is not there is our own trouble`() async throws {
        try await Self.done { world, output, order in
            let error = await #expect(throws: ProviderError.self) {
                try await world.provider.fetch(output, of: order, to: world.folder.path("none/part.mp4"))
            }
            #expect(error?.kind == .storage, "\(error as Any)")
        }
    }

    // MARK: Cancelling

    @Test
    func `a cancel ends a prediction, before and after its start`() async throws {
        try await SimulatedProvider.run { world in
            let waiting = try await world.submit(tag: "tag1").id
            #expect(try await world.provider.cancel(waiting).state == .canceled(hasStarted: false))
            let running = try await world.submit(tag: "tag2").id
            await world.simulator.advance(by: .seconds(30))
            #expect(try await world.provider.cancel(running).state == .canceled(hasStarted: true))
        }
    }

    @Test
    func `a cancel may lag`() async throws {
        let plan = Plan(queueSeconds: 1, runSeconds: 100, cancelLag: 10)
        try await SimulatedProvider.run(rules: [.plan(plan)]) { world in
            let id = try await world.submit(tag: "tag1").id
            await world.simulator.advance(by: .seconds(5))
            #expect(try await world.provider.cancel(id).state == .running(hasStarted: true))
            await world.simulator.advance(by: .seconds(10))
            #expect(try await world.provider.cancel(id).state == .canceled(hasStarted: true))
        }
    }

    @Test(arguments: [200, 400, 404, 422])
    func `what is finished stays as it is`(status: Int) async throws {
        try await Self.done { world, output, order in
            world.simulator.switches.cancelFinishedStatus = status
            let id = try #require(world.simulator.ledger.creates.first?.id)
            #expect(try await world.provider.cancel(id).state == .succeeded(output: output))
        }
    }

    @Test(arguments: [(Fault?.none, ProviderError.Kind.missing), (.answer(.init(503)), .unavailable)])
    func `a cancel that brings nothing says why`(fault: Fault?, kind: ProviderError.Kind) async throws {
        let rules = fault.map { [Rule.fault(.cancel, $0, times: nil), .fault(.get, $0, times: nil)] } ?? []
        try await SimulatedProvider.run(rules: rules) { world in
            let error = await #expect(throws: ProviderError.self) {
                try await world.provider.cancel("nosuchid00000000000000000a")
            }
            #expect(error?.kind == kind)
        }
    }
}
