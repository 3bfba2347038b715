import FoundationEssentials
import ReplicateSimulator
import Testing

/// JSON with the order of its keys.
struct JSONTests {
    @Test(arguments: [
        #"{"b":1,"a":[true,false,null,-2.5,"x/y"],"c":{}}"#, #"[]"#, #""é\n\"\\""#, "12", "-0.5",
        #"{"nested":{"z":[[[]]],"y":{"x":"w"}}}"#,
    ])
    func `a text comes back as it was`(text: String) throws {
        #expect(try JSONValue(parsing: text.utf8).text == text)
    }

    @Test(arguments: [
        (#""\u00e9\ud83d\ude00\/""#, "é😀/"), (#""\b\f\t""#, "\u{8}\u{C}\t"),
    ])
    func `escapes are read`(text: String, value: String) throws {
        #expect(try JSONValue(parsing: text.utf8).string == value)
    }

    @Test(arguments: [
        "", "{", "[1,]", "{\"a\":}", "{a:1}", "01", "1.", "1e", "tru", "\"\u{1}\"", "\"a", #""\ud800""#, #""\x""#,
        "1 2",
        "[1}", "+1", "NaN", "1e999", #""\u+123""#, String(repeating: "[", count: 100_000),
        #"{"a"#, #"{"a":1"#,
    ])
    func `what is no JSON is refused, whatever it is`(text: String) {
        #expect(throws: JSONError.self) { try JSONValue(parsing: text.utf8) }
    }

    @Test func `bytes that are no UTF-8 are refused`() {
        #expect(throws: JSONError.self) { try JSONValue(parsing: [0x22, 0xFF, 0x22]) }
    }

    @Test func `of a repeated key the last value counts`() throws {
        #expect(try JSONValue(parsing: #"{"a":1,"b":2,"a":3}"#.utf8).text == #"{"a":3,"b":2}"#)
    }

    @Test func `whole numbers are written without a fraction`() {
        #expect(JSONValue.double(150).text == "150")
        #expect(JSONValue.double(5.64).text == "5.64")
        #expect(JSONValue.double(.infinity).text == "null")
    }

    @Test func `it goes through a Codable encoder and back`() throws {
        let value: JSONValue = ["a": [1, 2.5, "x", nil, true], "b": ["c": [:]]]
        let data = try JSONEncoder().encode(value)
        #expect(try JSONDecoder().decode(JSONValue.self, from: data) == value)
    }
}
