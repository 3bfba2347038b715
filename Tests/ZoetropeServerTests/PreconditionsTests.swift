import Foundation
import HTTPTypes
import Testing
import ZoetropeServer

struct PreconditionsTests {
    private static let tag = "a,b"
    /// 2026-01-01T00:00:00.250Z.
    private static let modifiedAt = Date(timeIntervalSince1970: 1_767_225_600.25)
    private static let before = "Wed, 31 Dec 2025 23:59:59 GMT"
    private static let same = "Thu, 01 Jan 2026 00:00:00 GMT"
    private static let after = "Thu, 01 Jan 2026 00:00:01 GMT"

    private func preconditions(_ fields: [(HTTPField.Name, String)]) -> Preconditions {
        var headers = HTTPFields()
        for (name, value) in fields { headers.append(HTTPField(name: name, value: value)) }
        return Preconditions(headers)
    }

    @Test(
        arguments: [
            ([], .met),
            ([(.ifNoneMatch, "\"a,b\"")], .notModified), ([(.ifNoneMatch, "W/\"a,b\"")], .notModified),
            ([(.ifNoneMatch, "*")], .notModified), ([(.ifNoneMatch, "\"x\", \"a,b\"")], .notModified),
            ([(.ifNoneMatch, "\"x\",W/\"a,b\",")], .notModified),
            ([(.ifNoneMatch, "\"x\""), (.ifNoneMatch, "\"a,b\"")], .notModified),
            ([(.ifNoneMatch, "\"x\"")], .met), ([(.ifNoneMatch, "\"a\",\"b\"")], .met), ([(.ifNoneMatch, "")], .met),
            ([(.ifNoneMatch, "a,b")], .met), ([(.ifNoneMatch, "\"a,b")], .met), ([(.ifNoneMatch, "w/\"a,b\"")], .met),
            ([(.ifNoneMatch, "\"a,b\", x")], .met), ([(.ifNoneMatch, "W/")], .met), ([(.ifNoneMatch, "\"A,B\"")], .met),

            ([(.ifModifiedSince, same)], .notModified), ([(.ifModifiedSince, after)], .notModified),
            ([(.ifModifiedSince, before)], .met), ([(.ifModifiedSince, "yesterday")], .met),
            ([(.ifModifiedSince, "")], .met), ([(.ifModifiedSince, same), (.ifModifiedSince, same)], .met),
            ([(.ifNoneMatch, "\"x\""), (.ifModifiedSince, same)], .met),
            ([(.ifNoneMatch, "\"a,b\""), (.ifModifiedSince, before)], .notModified),

            ([(.ifMatch, "\"a,b\"")], .met), ([(.ifMatch, "*")], .met), ([(.ifMatch, "\"x\", \"a,b\"")], .met),
            ([(.ifMatch, "W/\"a,b\"")], .failed), ([(.ifMatch, "\"x\"")], .failed), ([(.ifMatch, "x")], .failed),
            ([(.ifMatch, "\"a,b\""), (.ifNoneMatch, "\"a,b\"")], .notModified),

            ([(.ifUnmodifiedSince, before)], .failed), ([(.ifUnmodifiedSince, same)], .met),
            ([(.ifUnmodifiedSince, after)], .met), ([(.ifUnmodifiedSince, "x")], .met),
            ([(.ifMatch, "\"a,b\""), (.ifUnmodifiedSince, before)], .met),
        ] as [([(HTTPField.Name, String)], Preconditions.Verdict)]
    )
    func `conditions are met or not`(fields: [(HTTPField.Name, String)], verdict: Preconditions.Verdict) {
        #expect(preconditions(fields).verdict(entityTag: Self.tag, modifiedAt: Self.modifiedAt) == verdict)
    }

    @Test(
        arguments: [
            (nil, true), ("\"a,b\"", true), (same, true), ("W/\"a,b\"", false), ("\"x\"", false), ("a,b", false),
            (before, false), (after, false), ("*", false), ("", false),
        ] as [(String?, Bool)]
    )
    func `a range counts only for what the client has a part of`(field: String?, isAllowed: Bool) {
        let preconditions = preconditions(field.map { [(.ifRange, $0)] } ?? [])
        #expect(preconditions.allowsRange(entityTag: Self.tag, modifiedAt: Self.modifiedAt) == isAllowed)
    }

    @Test(arguments: [
        (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
        (1_767_225_600, same), (1_709_164_800, "Thu, 29 Feb 2024 00:00:00 GMT"),
        (4_102_444_799, "Thu, 31 Dec 2099 23:59:59 GMT"),
    ])
    func `dates are written and read`(seconds: Int, text: String) throws {
        #expect(Date(timeIntervalSince1970: Double(seconds) + 0.9).httpDate == text)
        #expect(try #require(Date(httpDate: text)).timeIntervalSince1970 == Double(seconds))
    }

    @Test(arguments: [
        "", "x", "Fri, 01 Jan 2026 00:00:00 GMT", "Thu, 1 Jan 2026 00:00:00 GMT", "Thu, 01 Jan 2026 00:00:00 GMT ",
        "Thu, 01 Jan 2026 00:00:00 UTC", "Thu, 01 Jan 2026 24:00:00 GMT", "Sat, 30 Feb 2026 00:00:00 GMT",
        "thu, 01 jan 2026 00:00:00 GMT", "Thursday, 01-Jan-26 00:00:00 GMT", "2026-01-01T00:00:00Z",
        "Thu,  01 Jan 2026 00:00:00 GMT", "Thu, 01 Jan 2026 00:00:00 GMT, Thu, 01 Jan 2026 00:00:00 GMT",
    ])
    func `what is not a date in the usual form is none`(text: String) {
        #expect(Date(httpDate: text) == nil)
    }
}
