import Foundation
import Replicate
import Testing
import ZoetropeTestKit

struct JSONValueTests {
    private static func parse(_ text: String) throws -> JSONValue { try JSONValue(parsing: text.utf8) }

    private static let values: [(String, JSONValue)] = [
        ("null", nil), (" true ", true), ("false", false), ("0", 0), ("-0", 0), ("1", 1), ("-7", -7), ("1.5", 1.5),
        ("-0.5", -0.5),
        ("9223372036854775807", .integer(.max)), ("-9223372036854775808", .integer(.min)),
        ("9223372036854775808", .number(9_223_372_036_854_775_808)), ("1e3", 1e3), ("1E+300", 1e300), ("1e-7", 1e-7),
        ("1e400", .number(.greatestFiniteMagnitude)), ("-1e400", .number(-.greatestFiniteMagnitude)), ("1e-400", 0.0),
        (#""""#, ""), (#""a""#, "a"), (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{C}\n\r\t"), (#""\u00fc\u2717""#, "ü✗"),
        (#""\ud83d\ude00""#, "😀"), (#""a\udc80b""#, "a\u{FFFD}b"), (#""\ud83dx""#, "\u{FFFD}x"),
        (#""\ud83d\u0041""#, "\u{FFFD}A"), ("\"\t\u{1}\"", "\t\u{1}"), ("[]", []), ("[ ]", []), ("[1,[]]", [1, []]),
        ("{}", [:]),
        (#"{"a":{"b":null}}"#, ["a": ["b": nil]]), (#" { "a" : 1 , "a" : 2 } "#, ["a": 2]), ("\u{FEFF}[1]", [1]),
    ]

    @Test(arguments: values)
    func `JSON of every kind reads as what it is, and reads the same when it is written`(text: String, value: JSONValue)
        throws
    {
        #expect(try Self.parse(text) == value)
        let written = try value.encoded()
        let again = try JSONValue(parsing: written)
        #expect(again == value || again.number == value.number)
        #expect(throws: Never.self) {
            try JSONSerialization.jsonObject(with: Data(written), options: .fragmentsAllowed)
        }
    }

    @Test(arguments: [
        "", " ", "nul", "True", "01", "-", "+1", "1.", ".5", "1e", "1e+", "0x1", "NaN", "Infinity", "'a'", #"""#,
        #""\x""#, #""\u12""#,
        #""\u12g4""#, "[", "[1", "[1,", "[1,]", "[,]", "{", #"{"a"}"#, #"{"a":}"#, #"{"a":1,}"#, "{1:2}", "[1]]", "1 2",
        "[1}",
    ])
    func `anything else is an error, not a crash`(text: String) {
        #expect(throws: JSONError.self) { try Self.parse(text) }
    }

    @Test
    func `deep nesting is an error, however deep`() {
        let level = [
            String(repeating: "[", count: 129) + String(repeating: "]", count: 129),
            String(repeating: "[", count: 5_000_000), String(repeating: #"{"a":"#, count: 100_000),
        ]
        for text in level {
            #expect(throws: JSONError.self) { try JSONValue(parsing: text.utf8) }
        }
    }

    @Test
    func `128 levels are read`() throws {
        let text = String(repeating: "[", count: 128) + String(repeating: "]", count: 128)
        #expect(try Self.parse(text).array?.count == 1)
    }

    @Test
    func `broken UTF-8 is repaired`() throws {
        let bytes: [UInt8] = [0x22, 0x61, 0xFF, 0xC3, 0x22]
        #expect(try JSONValue(parsing: bytes) == "a\u{FFFD}\u{FFFD}")
    }

    @Test(arguments: [Double.nan, .infinity, -.infinity])
    func `a number that JSON cannot hold is an error`(number: Double) {
        #expect(throws: JSONError.self) { try JSONValue.array([.number(number)]).encoded() }
    }

    /// What a decoder that tries one type after the other needs hours for.
    @Test
    func `a megabyte of any shape is read`() throws {
        let nested = String(repeating: "[", count: 100) + String(repeating: "]", count: 100)
        #expect(
            try Self.parse("[" + Array(repeating: nested, count: 5_000).joined(separator: ",") + "]").array?.count
                == 5_000
        )
        #expect(
            try Self.parse("[" + Array(repeating: "7", count: 500_000).joined(separator: ",") + "]").array?.count
                == 500_000
        )
        #expect(
            try Self.parse("[" + Array(repeating: "{}", count: 300_000).joined(separator: ",") + "]").array?.count
                == 300_000
        )
        let text = try Self.parse("\"" + String(repeating: "\\u0041", count: 200_000) + "\"")
        #expect(text.string?.count == 200_000)
    }

    /// Whether the value survives what Foundation makes of it.
    private static func agrees(_ value: JSONValue, _ other: Any) -> Bool {
        switch value {
        case .null: other is NSNull
        case .string(let text): other as? String == text
        case .array(let elements):
            (other as? [Any]).map { $0.count == elements.count && zip(elements, $0).allSatisfy(agrees) } ?? false
        case .object(let members):
            (other as? [String: Any])
                .map { others in
                    others.count == members.count && members.allSatisfy { agrees($1, others[$0] ?? NSNull()) }
                }
                ?? false
        case .bool, .integer, .number: other is NSNumber
        }
    }

    @Test
    func `mutated documents are read as Foundation reads them, or refused`() throws {
        let seed =
            #"{"id":"a1","n":[1,-2.5,1e3,true,null],"o":{"k":"\u00fc\"x","e":[]},"t":"2025-07-30T01:38:07.143Z"}"#
        var random = SplitMix64(seed: 42)
        var accepted = 0
        for _ in 0..<20_000 {
            var bytes = Array(seed.utf8)
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let index = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[index] = UInt8.random(in: 0x20...0x7e, using: &random)
                case 1: bytes.remove(at: index)
                default: bytes.insert(Array(#"[]{},:"\01eu-."#.utf8).randomElement(using: &random) ?? 0, at: index)
                }
            }
            let theirs = try? JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)
            guard let ours = try? JSONValue(parsing: bytes) else {
                // Foundation also takes numbers like 01; we need not.
                continue
            }
            accepted += 1
            if let theirs { #expect(Self.agrees(ours, theirs), "\(String(decoding: bytes, as: UTF8.self))") }
        }
        #expect(accepted > 1_000)
    }
}
