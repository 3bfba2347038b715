import Testing
import ZoetropeServer
import ZoetropeTestKit

/// What becomes of a body must not depend on how it is cut into pieces.
@Suite(.timeLimit(.minutes(2)))
struct MultipartParserTests {
    /// The parts of a body, or why it is refused.
    enum Outcome: Equatable {
        case parts([String])
        case refused(String)
    }

    static func outcome(of body: [UInt8], boundary: String = "b", piece: () -> Int) throws -> Outcome {
        var parser = MultipartParser(boundary: try #require(MultipartBoundary(boundary)))
        var parts: [(name: String, content: [UInt8], isComplete: Bool)] = []
        var rest = body[...]
        do throws(MultipartError) {
            while !rest.isEmpty {
                let count = min(max(1, piece()), rest.count)
                parser.feed(rest.prefix(count))
                rest = rest.dropFirst(count)
                while let event = try parser.next() {
                    switch event {
                    case .part(let name): parts.append((name, [], false))
                    case .content(let bytes): parts[parts.count - 1].content += bytes
                    case .end: parts[parts.count - 1].isComplete = true
                    }
                }
            }
            try parser.finish()
        } catch {
            return .refused(error.description)
        }
        #expect(!parts.contains { !$0.isComplete })
        return .parts(parts.map { "\($0.name)=\(String(decoding: $0.content, as: UTF8.self))" })
    }

    private static func form(_ contents: String...) -> [UInt8] {
        let parts = contents.map { "--b\r\nContent-Disposition: form-data; name=x\r\n\r\n\($0)\r\n" }
        return Array("\(parts.joined())--b--\r\n".utf8)
    }

    static let bodies: [[UInt8]] = [
        form("1"), form("", "\r\n", "\r\r\n\r", "--b", "\n--b", "\r\n--a", "\r\n-", "\r\n--\r\n--"),
        Array(
            "preamble --b \r\n--b \t \r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n--b--\r\n--b\r\n\r\n".utf8
        ),
        Array("--b\r\nX: \(String(repeating: "y", count: 8_000))\r\n".utf8) + form("2").dropFirst(5),
    ]

    @Test func `content is every byte between the empty line and the line's end before the boundary`() throws {
        let contents = ["", "\r\n", "\r\r\n\r", "--b", "\n--b", "\r\n--a", "\r\n-", "\r\n--\r\n--"]
        #expect(try Self.outcome(of: Self.bodies[1]) { 3 } == .parts(contents.map { "x=\($0)" }))
    }

    @Test func `a body is the same whole, byte by byte and in pieces of any size`() throws {
        for body in Self.bodies {
            let whole = try Self.outcome(of: body) { .max }
            guard case .parts = whole else {
                Issue.record("\(whole)")
                continue
            }
            for piece in 1...120 { #expect(try Self.outcome(of: body) { piece } == whole, "pieces of \(piece)") }
        }
    }

    @Test func `30,000 damaged bodies are the same in pieces`() throws {
        let words = ["\r\n", "\r\n\r\n", "--", "\r\n--b", "--b", "\"", ";", ": ", "name=", "\0", "\r", "\n", " ", "-"]
        var fuzzer = MutationFuzzer(
            corpus: Self.bodies,
            dictionary: words.map { Array($0.utf8) },
            maxBytes: 12_000,
            seed: 1
        )
        var random = SplitMix64(seed: 2)
        var good = 0
        for number in 0..<30_000 {
            let body = fuzzer.next()
            let whole = try Self.outcome(of: body) { .max }
            if case .parts = whole { good += 1 }
            let pieces = try Self.outcome(of: body) { .random(in: 1...40, using: &random) }
            #expect(pieces == whole, "mutant \(number): \(body)")
            guard number.isMultiple(of: 10) else { continue }
            #expect(try Self.outcome(of: body) { 1 } == whole, "mutant \(number): \(body)")
        }
        #expect(good > 1_000)
    }

    @Test func `headers of 8,192 bytes with their empty line are taken and no more`() throws {
        for (count, isTaken) in [(8_192, true), (8_193, false)] {
            let line = "Content-Disposition: form-data; name=x\r\nA: "
            let filling = String(repeating: "y", count: count - line.utf8.count - 4)
            let body = Array("--b\r\n\(line)\(filling)\r\n\r\n1\r\n--b--".utf8)
            for piece in [1, 7, .max] {
                let expected: Outcome =
                    isTaken ? .parts(["x=1"]) : .refused("A part has more than 8192 bytes of headers")
                #expect(try Self.outcome(of: body) { piece } == expected)
            }
        }
    }
}
