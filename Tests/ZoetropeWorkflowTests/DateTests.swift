import Foundation
import Testing
import ZoetropeWorkflow

struct DateTests {
    @Test(arguments: [
        (0, "1970-01-01T00:00:00.000Z"), (1_767_225_600.25, "2026-01-01T00:00:00.250Z"),
        (951_782_399.9996, "2000-02-29T00:00:00.000Z"), (-0.001, "1969-12-31T23:59:59.999Z"),
        (253_402_300_799, "9999-12-31T23:59:59.000Z"), (1e18, "9999-12-31T23:59:59.000Z"),
        (1_709_164_800, "2024-02-29T00:00:00.000Z"),
    ])
    func `a time is written to the millisecond`(seconds: Double, text: String) {
        #expect(Date(timeIntervalSince1970: seconds).rfc3339 == text)
    }
}
