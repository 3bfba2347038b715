import Foundation
import Replicate
import Testing

struct OriginTests {
    private static let usual = ["https://replicate.delivery", "https://*.replicate.delivery"]
        .compactMap(OriginPattern.init)

    private static func isAllowed(_ text: String) -> Bool {
        guard let url = URLComponents(string: text), let origin = Origin(url) else { return false }
        return usual.contains { $0.matches(origin) }
    }

    @Test(arguments: [
        "https://replicate.delivery/xezq/a/tmp.mp4", "https://replicate.delivery:443/a",
        "https://pbxt.replicate.delivery/a",
        "https://a.b.replicate.delivery/a?b=c", "HTTPS://Replicate.Delivery/a",
    ])
    func `outputs come from the delivery hosts`(url: String) {
        #expect(Self.isAllowed(url))
    }

    @Test(arguments: [
        "http://replicate.delivery/a", "https://replicate.delivery:8443/a", "https://replicate.delivery.evil.com/a",
        "https://evilreplicate.delivery/a", "https://replicate.delivery@evil.com/a",
        "https://user:pass@replicate.delivery/a",
        "https://evil.com/replicate.delivery", "https://evil.com#.replicate.delivery",
        "https://evil.com?.replicate.delivery",
        "https://evil.com\\.replicate.delivery/", "https://127.0.0.1/a", "https://[::1]/a", "file:///etc/passwd",
        "ftp://replicate.delivery/a", "//replicate.delivery/a", "replicate.delivery/a", "", "https://", "https:///a",
        "https://.replicate.delivery.", "https://replicate.delivery.:443/", "https://evil.com%2f.replicate.delivery/",
        "http://replicate.delivery:443/a", "https://replicate%2edelivery/", "gopher://replicate.delivery",
        "data:text/plain,x",
    ])
    func `and from nowhere else`(url: String) {
        #expect(!Self.isAllowed(url))
    }

    @Test(arguments: [
        "https://replicate.delivery/path", "https://u@replicate.delivery", "https://replicate.delivery?x",
        "*.replicate.delivery",
        "ftp://replicate.delivery", "https://a.*.delivery#x", "",
    ])
    func `a pattern that is no origin is refused`(text: String) {
        #expect(OriginPattern(text) == nil)
        var configuration = ReplicateClient.Configuration()
        configuration.outputOrigins = [text]
        #expect(throws: ReplicateError.self) { try ReplicateClient(token: "r8_x", configuration: configuration) }
    }

    @Test(arguments: [
        ("https://api.replicate.com", "https://api.replicate.com/v1/predictions/a"),
        ("https://api.replicate.com/", "https://api.replicate.com/v1/predictions/a"),
        ("https://api.replicate.com/v1", "https://api.replicate.com/v1/predictions/a"),
        ("https://api.replicate.com/v1/", "https://api.replicate.com/v1/predictions/a"),
        ("http://127.0.0.1:9090", "http://127.0.0.1:9090/v1/predictions/a"),
        ("http://[::1]:9090/proxy/v1", "http://[::1]:9090/proxy/v1/predictions/a"),
    ])
    func `a base URL may come with or without its version`(base: String, url: String) throws {
        let client = try ReplicateClient(token: "r8_x", baseURL: base)
        #expect(client.api.url(["predictions", "a"]) == url)
    }

    @Test(arguments: ["", "api.replicate.com", "ftp://x", "https://u:p@x", "https://x?y", "https://x#y", "https://"])
    func `a base URL that is none is refused by its name`(base: String) {
        #expect(throws: ReplicateError.self) { try ReplicateClient(token: "r8_x", baseURL: base) }
    }

    @Test(arguments: [
        ("a/b", "a%2Fb"), ("a?b#c", "a%3Fb%23c"), ("a b\r\n", "a%20b%0D%0A"),
        ("ü", "%C3%BC"),
        ("v1.5", "v1.5"), ("a%2Fb", "a%252Fb"),
    ])
    func `a hostile id stays one segment of the path`(id: String, escaped: String) throws {
        let client = try ReplicateClient(token: "r8_x", baseURL: "https://x")
        #expect(client.api.url(["predictions", id]) == "https://x/v1/predictions/\(escaped)")
    }

    @Test(arguments: ["", ".", ".."])
    func `an id that is none, or a way up, is refused before anything is sent`(id: String) async throws {
        let client = try ReplicateClient(token: "r8_x", baseURL: "http://127.0.0.1:9")
        let get = try await #require(throws: ReplicateError.self) {
            try await client.prediction(Prediction.ID(rawValue: id))
        }
        #expect(get.kind == .permanent)
        let delete = try await #require(throws: ReplicateError.self) {
            try await client.deleteFile(UploadedFile.ID(rawValue: id))
        }
        #expect(delete.kind == .permanent)
    }

    @Test
    func `a password in the base URL is not repeated`() throws {
        let error = try #require(throws: ReplicateError.self) {
            try ReplicateClient(token: "r8_x", baseURL: "https://user:s3cret@proxy.example")
        }
        #expect(!"\(error)".contains("s3cret"))
    }

    @Test
    func `a user agent that would break a header is refused`() throws {
        var configuration = ReplicateClient.Configuration()
        configuration.userAgent = "x\r\nX-Evil: 1"
        #expect(throws: ReplicateError.self) { try ReplicateClient(token: "r8_x", configuration: configuration) }
    }

    @Test(arguments: ["a b", "a\r\nX-Evil: 1", "tökén"])
    func `a token that would break a header is refused without being shown`(token: String) throws {
        let error = try #require(throws: ReplicateError.self) {
            try ReplicateClient(token: token, baseURL: "https://x")
        }
        #expect(!"\(error)".contains(token))
    }

    @Test
    func `a client does not show its token`() throws {
        let client = try ReplicateClient(token: "r8_verysecret", baseURL: "https://x")
        var dumped = ""
        dump(client, to: &dumped)
        #expect(!"\(client) \(String(reflecting: client)) \(dumped)".contains("verysecret"))
    }
}

struct DataURITests {
    @Test
    func `a base64 file comes out as it went in`() {
        let uri = DataURI("data:video/mp4;base64,AAECAw==")
        #expect(uri?.mediaType == "video/mp4")
        #expect(uri?.bytes == Data([0, 1, 2, 3]))
        #expect(DataURI("DATA:Video/MP4;charset=x;Base64,AAEC")?.mediaType == "video/mp4")
    }

    @Test
    func `plain text is unescaped and has a type of its own`() {
        #expect(DataURI("data:,a%20b")?.bytes == Data("a b".utf8))
        #expect(DataURI("data:,%FF%00")?.bytes == Data([0xFF, 0]))
        #expect(DataURI("data:;base64,AA%2BA")?.bytes == Data([0, 0x0F, 0x80]))
        #expect(DataURI("data:,a")?.mediaType == "text/plain")
    }

    @Test(arguments: [
        "", "data", "data:", "data:video/mp4;base64", "data:video/mp4;base64,AA*=", "data:video/mp4;base64,AAA",
        "data:,%zz",
        "http://x/data:,a", "data:;base64,AA%2", "data:,%f",
    ])
    func `anything else is none`(text: String) {
        #expect(DataURI(text) == nil)
    }

    @Test
    func `a file over the limit is none`() {
        #expect(DataURI("data:;base64,AAECAw==", limit: 3) == nil)
        #expect(DataURI("data:;base64,AAECAw==", limit: 4) != nil)
        #expect(DataURI("data:,abcd", limit: 3) == nil)
        #expect(DataURI("data:,abcd", limit: .max) != nil)
    }
}
