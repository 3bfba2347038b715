import Foundation
import Replicate
import Testing

struct TimestampTests {
    @Test(arguments: [
        ("1970-01-01T00:00:00Z", 0.0),
        ("2025-07-30T01:38:07Z", 1_753_839_487.0),
        ("2025-07-30T01:38:07.1Z", 1_753_839_487.1),
        ("2025-07-30T01:38:07.143Z", 1_753_839_487.143),
        ("2025-07-30T01:38:07.143000Z", 1_753_839_487.143),
        ("2025-07-30T01:38:07.143000001Z", 1_753_839_487.143),
        ("2025-07-30t01:38:07z", 1_753_839_487.0),
        ("2025-07-30 03:08:07+01:30", 1_753_839_487.0),
        ("2024-02-29T23:59:59Z", 1_709_251_199.0),
        ("1969-12-31T23:59:59Z", -1.0),
    ])
    func `a time stamp with 0 to 9 digits is the instant that it names`(text: String, seconds: Double) throws {
        let date = try #require(Timestamp.parse(text))
        #expect(abs(date.timeIntervalSince1970 - seconds) < 0.000_001)
    }

    @Test(arguments: [
        "", "Z", "2025", "2025-07-30", "2025-07-30T01:38:07", "2025-07-30T01:38:07.Z",
        "2025-07-30T01:38:07.1234567890Z",
        "2025-02-29T00:00:00Z", "2025-13-01T00:00:00Z", "2025-00-01T00:00:00Z", "2025-07-32T00:00:00Z",
        "2025-07-30T24:00:00Z", "2025-07-30T01:60:07Z", "2025-07-30T01:38:61Z", "2025-07-30T01:38:07ZZ",
        "2025-07-30T01:38:07+1", "２025-07-30T01:38:07Z", "-025-07-30T01:38:07Z",
    ])
    func `anything else is none`(text: String) {
        #expect(Timestamp.parse(text) == nil)
    }

    @Test
    func `a written stamp is exact to the microsecond`() {
        #expect(Timestamp.text(Date(timeIntervalSince1970: 1_753_839_487.143)) == "2025-07-30T01:38:07.143000Z")
        #expect(Timestamp.text(Date(timeIntervalSince1970: 1_753_839_487.000_001)) == "2025-07-30T01:38:07.000001Z")
        #expect(Timestamp.text(Date(timeIntervalSince1970: 1_753_839_487.999_999_9)) == "2025-07-30T01:38:08.000000Z")
        #expect(Timestamp.text(Date(timeIntervalSince1970: -0.5)) == "1969-12-31T23:59:59.500000Z")
    }

    @Test
    func `days agree with Foundation's calendar over four centuries`() throws {
        for day in stride(from: -40_000, to: 110_000, by: 97) {
            let date = Date(timeIntervalSince1970: Double(day) * 86_400 + 45_296)
            #expect(Timestamp.parse(Timestamp.text(date)) == date)
        }
    }
}
