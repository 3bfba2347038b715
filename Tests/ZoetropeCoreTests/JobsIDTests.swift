import Foundation
import Testing
import ZoetropeCore

struct JobsIDTests {
    private static let text = "0a1b2c3d-4e5f-4607-8899-aabbccddeeff"

    @Test func `an id is written in lower case and read back`() throws {
        let uuid = try #require(UUID(uuidString: Self.text))
        #expect(JobID(uuid).description == Self.text)
        #expect(JobID(Self.text) == JobID(uuid))
        #expect(RestoreID(Self.text) == RestoreID(uuid))
        #expect(AnimationID(Self.text) == AnimationID(uuid))
        #expect("\(AnimationID(uuid))" == Self.text)
    }

    @Test(arguments: [
        "", " ", "0a1b2c3d", text.uppercased(), text + " ", " " + text, text + "\n", "{\(text)}", text + "\0",
        text.replacing("-", with: ""), text.replacing("-", with: "_"), "0A" + text.dropFirst(2),
        "ga1b2c3d-4e5f-4607-8899-aabbccddeeff", "0a1b2c3d4e5f-46-07-8899-aabbccddeeff",
        "0a1b2c3d-4e5f-4607-8899-aabbccddee\u{FF46}f", "../../../../../../../../../../etc/passwd",
        "+a1b2c3d-4e5f-4607-8899-aabbccddeeff", String(repeating: "-", count: 36), String(repeating: "0", count: 36),
    ])
    func `any other spelling is no id`(text: String) {
        #expect(JobID(text) == nil)
    }

    @Test func `ids have the order of their text`() throws {
        let texts = (0..<100).map { _ in UUID().uuidString.lowercased() }
        #expect(try texts.map { try #require(JobID($0)) }.sorted().map(\.description) == texts.sorted())
    }
}
