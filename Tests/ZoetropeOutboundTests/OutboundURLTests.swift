import Testing
import ZoetropeOutbound
import ZoetropeWorkflow

struct OutboundURLTests {
    @Test(arguments: [
        ("http://example.com", false, "example.com", 80, "/"),
        ("https://example.com", true, "example.com", 443, "/"),
        ("HTTPS://Example.COM/A.jpg", true, "example.com", 443, "/A.jpg"),
        ("https://example.com:443/a", true, "example.com", 443, "/a"),
        ("https://example.com:80/a", true, "example.com:80", 80, "/a"),
        ("http://example.com:443/a", false, "example.com:443", 443, "/a"),
        ("https://example.com./a", true, "example.com", 443, "/a"),
        ("https://example.com?x=1", true, "example.com", 443, "/?x=1"),
        ("https://example.com#part", true, "example.com", 443, "/"),
        ("https://example.com/a?x=/..//@:#part", true, "example.com", 443, "/a?x=/..//@:"),
        ("https://example.com//two", true, "example.com", 443, "//two"),
        ("https://xn--bcher-kva.example/%C3%BC", true, "xn--bcher-kva.example", 443, "/%C3%BC"),
        ("https://a_b-c.example.com/", true, "a_b-c.example.com", 443, "/"),
        ("http://8.8.8.8/", false, "8.8.8.8", 80, "/"),
        ("http://8.8.8.8./", false, "8.8.8.8", 80, "/"),
        ("http://[2606:4700::1111]/", false, "[2606:4700::1111]", 80, "/"),
        ("http://[2606:4700::1111]:443/", false, "[2606:4700::1111]:443", 443, "/"),
    ])
    func `an address is taken apart`(text: String, isSecure: Bool, authority: String, port: Int, target: String) throws
    {
        let url = try OutboundURL(text)
        #expect(url.isSecure == isSecure)
        #expect(url.authority == authority)
        #expect(url.port == port)
        #expect(url.target == target)
    }

    @Test(arguments: [
        "", "x", "example.com", "//example.com", "/a", "http", "http:", "http:/", "http://", "http:///a",
        "http:/127.0.0.1",
        "http:example.com", "http:\\\\example.com", "http://\\example.com", "http://example.com\\@127.0.0.1",
        "file:///etc/passwd", "ftp://example.com", "gopher://example.com", "data:image/png;base64,AA",
        "dict://example.com",
        "concat:a|b", "subfile,,start,0,end,9,,:a", "unix:/run/x", "jar:http://example.com!/", "FILE:///etc/passwd",
        "javascript:x", "httpss://example.com", " http://example.com", "http ://example.com", "ws://example.com",
        "http+unix://%2Frun%2Fx/", "https+unix://x/", "view-source:http://example.com",
        "http://user@example.com", "http://user:word@example.com", "http://@example.com", "http://good@127.0.0.1",
        "http://good%40127.0.0.1", "http://good:80@127.0.0.1:80",
        "http://example.com:", "http://example.com:22", "http://example.com:25", "http://example.com:6379",
        "http://example.com:0", "http://example.com:65536", "http://example.com:080", "http://example.com:+80",
        "http://example.com:-80", "http://example.com:80 ", "http://example.com:8080", "http://example.com:80:80",
        "http://example.com:99999999999999999999", "http://example.com:0x50", "http://[::1]80", "http://[::1",
        "http://::1",
        "http://[::1]:22", "http://]::1[", "http://[127.0.0.1]", "http://[]", "http://[fe80::1%25eth0]",
        "http://[fe80::1%eth0]", "http://[::1].example.com", "http://[example.com]",
        "http://.example.com", "http://example..com", "http://example.com..", "http://.", "http://..",
        "http://exa mple.com", "http://exam\tple.com", "http://exam\nple.com", "http://exam\rple.com",
        "http://example.com/a b", "http://example.com/\r\nX-Evil: 1", "http://example.com/\u{0}",
        "http://exam\u{0}ple.com",
        "http://example.com/\u{7F}", "http://example.com/ü", "http://bücher.example", "http://ex%61mple.com",
        "http://good%00.127.0.0.1", "http://%31%32%37.0.0.1", "http://１２７.0.0.1", "http://127。0。0。1",
        "http://127．0．0．1", "http://①②⑦.0.0.1", "http://exаmple.com", "http://example.com\u{200B}",
        "http://2130706433", "http://0x7f000001", "http://0x7f.1", "http://0177.0.0.1", "http://127.1",
        "http://127.0.1",
        "http://0", "http://00000000", "http://127.0.0.1.0x", "http://1.2.3.4.5", "http://256.1.1.1",
        "http://127.0.0.01",
        "http://0x7f.0x0.0x0.0x1", "http://017700000001", "http://127.0.0.0x1", "http://a.b.1", "http://1.",
        "http://127.1.",
        "http://exam!ple.com", "http://exam$ple.com", "http://a,b.com", "http://a;b.com", "http://<a>.com",
    ])
    func `what can be read in two ways is refused`(text: String) {
        #expect(throws: OutboundError.self) { try OutboundURL(text) }
        #expect((try? OutboundURL(text)) == nil)
        do throws(OutboundError) {
            _ = try OutboundURL(text)
        } catch {
            #expect(error.code == .invalidURL)
            #expect(error.message.count > 20 && error.message.count < 250, "\(error)")
        }
    }

    @Test func `a name without a domain is nobody's public name`() {
        for text in ["http://localhost/", "http://localhost./", "http://LOCALHOST", "https://db:443/"] {
            #expect { try OutboundURL(text) } throws: { ($0 as? OutboundError)?.code == .forbiddenAddress }
        }
    }

    @Test func `lengths are limited`() throws {
        let start = "http://example.com/"
        _ = try OutboundURL(start + String(repeating: "a", count: 2_048 - start.utf8.count))
        #expect(throws: OutboundError.self) {
            try OutboundURL(start + String(repeating: "a", count: 2_049 - start.utf8.count))
        }
        let label = String(repeating: "a", count: 63)
        _ = try OutboundURL("http://\(label).com")
        #expect(throws: OutboundError.self) { try OutboundURL("http://a\(label).com") }
        #expect(throws: OutboundError.self) { try OutboundURL("http://\(label).\(label).\(label).\(label)") }
    }

    @Test(arguments: [
        ("https://other.example/x", "other.example", "/x"),
        ("//other.example/x", "other.example", "/x"),
        ("/x", "example.com", "/x"),
        ("x", "example.com", "/a/x"),
        ("../x", "example.com", "/a/../x"),
        ("?q=2", "example.com", "/a/b?q=2"),
        ("", "example.com", "/a/b"),
        ("#f", "example.com", "/a/b"),
        ("x?u=http://y", "example.com", "/a/x?u=http://y"),
    ])
    func `a redirect is read like a browser reads it`(location: String, authority: String, target: String) throws {
        let next = try OutboundURL("https://example.com/a/b?q=1").redirected(to: location, ports: [443])
        #expect(next.authority == authority)
        #expect(next.target == target)
    }

    @Test(arguments: [
        "http://example.com/a", "http://user@example.com", "\\\\127.0.0.1\\a", "/\\127.0.0.1", "http:/127.0.0.1",
        "file:///etc/passwd", "https://example.com:22/", "https://2130706433/", "x y", "a:b",
    ])
    func `a redirect from https is never to http, and as strict as any address`(location: String) throws {
        let url = try OutboundURL("https://example.com/a")
        #expect(throws: OutboundError.self) { try url.redirected(to: location, ports: OutboundURL.usualPorts) }
    }
}
