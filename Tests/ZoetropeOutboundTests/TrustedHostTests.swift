import Testing
import ZoetropeOutbound
import ZoetropeWorkflow

/// What the operators let us call in their own network.
struct TrustedHostTests {
    private static let trusted: Set<String> = ["backend.internal:8080", "127.0.0.1:9000", "receiver:80", "[::1]:9000"]

    @Test(arguments: [
        "http://backend.internal:8080/hook", "HTTP://Backend.Internal:8080", "http://127.0.0.1:9000/x?y",
        "http://receiver/hook", "http://receiver:80", "https://[::1]:9000/",
    ])
    func `a host and port that they named may be called`(text: String) throws {
        #expect(try OutboundURL(text, trusting: Self.trusted).isTrusted)
    }

    @Test(arguments: [
        "http://backend.internal:8081/", "http://127.0.0.1:9001", "http://127.1:9000", "http://2130706433:9000",
        "http://receiver:443", "https://receiver/", "http://a@127.0.0.1:9000", "http://127.0.0.1:09000",
        "http://backend.internal.:8080/", "http://x.backend.internal:8080",
    ])
    func `whatever else it is spelt like may not`(text: String) {
        let url = try? OutboundURL(text, trusting: Self.trusted)
        #expect(url?.isTrusted != true)
    }

    @Test func `a redirect to another port is judged like any other address`() throws {
        let url = try OutboundURL("http://127.0.0.1:9000/a", trusting: Self.trusted)
        #expect(try url.redirected(to: "/b", ports: [80, 443], trusting: Self.trusted).isTrusted)
        #expect(throws: OutboundError.self) {
            try url.redirected(to: "http://127.0.0.1:9001/", ports: [80, 443], trusting: Self.trusted)
        }
    }
}
