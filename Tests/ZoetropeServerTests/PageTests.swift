import Foundation
import HTTPTypes
import StrictJSON
import Testing
import ZoetropeCore
import ZoetropeServer
import ZoetropeWorkflow

/// What people see; a browser looks at the same pages in `scripts/check-pages.sh`.
@Suite(.timeLimit(.minutes(1)))
struct PageTests {
    private static let browser = ["accept": "text/html,*/*;q=0.8"]
    private static let ownForm = browser.merging(["origin": "http://localhost", "sec-fetch-site": "same-origin"]) {
        $1
    }
    private static let urlEncoded = ["content-type": "application/x-www-form-urlencoded"]

    /// Tokens are the users' names.
    private static func api() -> TestAPI {
        TestAPI(
            settings: ServerSettings(
                port: 0,
                auth: .token { token throws(AccessError) in
                    if token == "stale-token" { throw AccessError(.expired) }
                    if token.isEmpty { throw AccessError(.missing) }
                    return Caller(userID: String(token.split(separator: ".")[0]), tier: .free)
                }
            )
        )
    }

    private static func cookie(_ token: String) -> [String: String] { ["cookie": "zoetrope=\(token)"] }

    private static func text(_ answer: Answer) -> String { String(decoding: answer.body, as: UTF8.self) }

    /// What the forms of a user carry.
    private static func formToken(_ user: String) async throws -> String {
        let page = try await text(api().call(.get, "/", browser.merging(cookie(user)) { $1 }))
        return try String(#require(page.firstMatch(of: /name="token" value="([0-9a-f]{64})"/)).1)
    }

    // MARK: Markup

    @Test func `text that is put into markup is escaped, wherever it comes from`() {
        let hostile = "<script>\"'&\0</script>"
        let markup: HTML = "<p title=\"\(hostile)\">\(hostile)</p>"
        let safe = "&lt;script&gt;&quot;&#39;&amp;\u{FFFD}&lt;/script&gt;"
        #expect(markup.text == "<p title=\"\(safe)\">\(safe)</p>")
        let around: HTML = "<b>\(markup)\([markup])\(7)\(" checked", if: false)</b>"
        #expect(around.text == "<b>\(markup.text)\(markup.text)7</b>")
    }

    @Test func `a prompt is text in every place where a page shows it`() async throws {
        let api = TestAPI()
        let path = try await api.makeAnimation(["params": ["prompt": "\"><img src=x onerror=alert(1)>'"]])
        let id = path.suffix(36)
        for state in ["pending", "ready"] {
            if state == "ready" { try await api.makeReady(path) }
            for page in [
                "/", "/?again=\(id)", "/?q=%22%3E%3Cimg%20src%3Dx&status=ready", "/animations/\(id)",
                "/animations/\(id)/delete",
            ] {
                let answer = try await api.call(.get, page, Self.browser)
                #expect(answer.status == 200, "\(page)")
                #expect(!Self.text(answer).contains("<img src=x"), "\(page), \(state)")
            }
        }
        let shown = try await api.call(.get, "/animations/\(id)", Self.browser)
        #expect(Self.text(shown).contains("&quot;&gt;&lt;img src=x onerror=alert(1)&gt;&#39;"))
    }

    // MARK: Headers

    @Test(arguments: ["/", "/nowhere", "/animations/00000000-0000-4000-8000-000000000000"])
    func `a page may load and run nothing but what is ours`(path: String) async throws {
        let answer = try await TestAPI().call(.get, path, Self.browser)
        let policy = try #require(answer.headers[.contentSecurityPolicy])
        for rule in [
            "default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "form-action 'self'",
            "frame-ancestors 'none'", "base-uri 'none'", "img-src 'self' blob: data:", "media-src 'self' blob:",
        ] {
            #expect(
                policy.split(separator: ";").contains { $0.trimmingCharacters(in: .whitespaces) == rule },
                "\(rule)"
            )
        }
        for (name, value) in [
            ("x-content-type-options", "nosniff"), ("referrer-policy", "same-origin"), ("cache-control", "no-store"),
            ("content-type", "text/html; charset=utf-8"), ("cross-origin-opener-policy", "same-origin"),
        ] {
            #expect(answer.headers[try #require(HTTPField.Name(name))] == value)
        }
        let page = Self.text(answer)
        #expect(!page.contains(" style=") && !page.contains("<style") && !page.contains("javascript:"))
        // A script has an address, and no element has a handler.
        #expect(!page.contains(/<script(?![^>]* src="\/assets\/)/) && !page.contains(/<[^>]* on[a-z]+=/))
    }

    @Test func `pictures may come from the store that has them, and from nowhere else`() async throws {
        let urls = ObjectURLs(
            url: { key, _ in "https://s3.example:9000/bucket/\(key)?X-Amz-Signature=1" },
            verify: { _, _, _, _ in .forged }
        )
        let answer = try await TestAPI(urls: urls).call(.get, "/", Self.browser)
        let policy = try #require(answer.headers[.contentSecurityPolicy])
        #expect(policy.contains("img-src 'self' blob: data: https://s3.example:9000;"))
        #expect(policy.contains("media-src 'self' blob: https://s3.example:9000;"))
        #expect(policy.contains("connect-src 'self';"))
    }

    @Test func `assets are kept by browsers for as long as they are the same`() async throws {
        let api = TestAPI()
        let page = Self.text(try await api.call(.get, "/", Self.browser))
        let addresses = page.matches(of: /"(\/assets\/[^"]+)"/).map { String($0.1) }
        #expect(Set(addresses).count == 3)
        var size = page.utf8.count
        for address in addresses {
            let asset = try await api.call(.get, address)
            #expect(asset.status == 200)
            #expect(asset.headers[.cacheControl] == "public, max-age=31536000, immutable")
            size += asset.body.count
        }
        #expect(size < 100_000)
        #expect(try await api.call(.get, "/assets/other/zoetrope.css").status == 404)
        #expect(
            try await api.call(.get, "/assets/\(addresses[0].split(separator: "/")[1])/..%2fzoetrope.css").status == 404
        )
    }

    @Test func `what is not there is a page to a browser and a problem to a program`() async throws {
        let api = TestAPI()
        let page = try await api.call(.get, "/nowhere", Self.browser)
        #expect(page.status == 404 && Self.text(page).contains("Nothing here"))
        #expect(try await api.call(.get, "/nowhere").code == "not_found")
        #expect(try await api.call(.get, "/api/v1/nowhere", Self.browser).code == "not_found")
    }

    // MARK: Sessions

    @Test func `a token becomes a cookie that no script reads and no other site sends`() async throws {
        let api = Self.api()
        #expect(try await api.call(.get, "/?q=a", Self.browser).headers[.location] == "/sign-in?next=%2F%3Fq%3Da")
        let claims = try JSONValue.object(["exp": .integer(Int64(TestAPI.start.timeIntervalSince1970) + 90)]).encoded()
        let token = "ann.\(Data(claims).base64EncodedString().filter { $0 != "=" }).c2ln"
        let body = Array("access_token=%20\(token)%0D%0A&next=%2Fanimations%2Fx".utf8)
        let headers = Self.ownForm.merging(Self.urlEncoded) { $1 }
        let plain = try await api.call(.post, "/sign-in", headers, body: body)
        #expect(plain.status == 303 && plain.headers[.location] == "/animations/x")
        #expect(plain.headers[.setCookie] == "zoetrope=\(token); Path=/; HttpOnly; SameSite=Lax; Max-Age=89")
        let secure = try await api.call(
            .post,
            "/sign-in",
            headers.merging(["x-forwarded-proto": "https", "origin": "https://localhost"]) { $1 },
            body: body
        )
        #expect(
            secure.headers[.setCookie] == "__Host-zoetrope=\(token); Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=89"
        )
        #expect(try await api.call(.get, "/", Self.browser.merging(Self.cookie(token)) { $1 }).status == 200)
        // Over a secure connection only a cookie counts that was set over one.
        let tossed = Self.browser.merging(Self.cookie(token)) { $1 }.merging(["x-forwarded-proto": "https"]) { $1 }
        #expect(try await api.call(.get, "/", tossed).status == 303)
    }

    @Test(arguments: [
        ("stale-token", "has expired"), ("", "Paste an access token"),
        (String(repeating: "x", count: 4_000), "longer than"),
    ])
    func `a token that is not taken is answered with a sentence and no cookie`(token: String, words: String)
        async throws
    {
        let answer = try await Self.api()
            .call(
                .post,
                "/sign-in",
                Self.ownForm.merging(Self.urlEncoded) { $1 },
                body: Array("access_token=\(token)".utf8)
            )
        #expect(answer.status == 422 && Self.text(answer).contains(words))
        #expect(answer.headers[.setCookie] == nil)
        #expect(token.isEmpty || !Self.text(answer).contains(token))
    }

    @Test func `another site can bring a token, and the visitor is asked before it counts`() async throws {
        let headers = Self.browser.merging(Self.urlEncoded) { $1 }
            .merging(["origin": "https://shop.example", "sec-fetch-site": "cross-site"]) { $1 }
        let answer = try await Self.api().call(.post, "/sign-in", headers, body: Array("access_token=mallory".utf8))
        #expect(answer.status == 200 && Self.text(answer).contains("Sign in as mallory?"))
        #expect(answer.headers[.setCookie] == nil)
    }

    @Test(arguments: ["https://evil.example/", "//evil.example", "/%5Cevil.example", "evil", "/a%20b", "/%07"])
    func `nobody is sent elsewhere after signing in`(next: String) async throws {
        let headers = Self.ownForm.merging(Self.urlEncoded) { $1 }
        let body = Array("access_token=ann&next=\(next)".utf8)
        #expect(try await Self.api().call(.post, "/sign-in", headers, body: body).headers[.location] == "/")
    }

    @Test func `signing out takes the cookie away`() async throws {
        let headers = Self.ownForm.merging(Self.urlEncoded) { $1 }.merging(Self.cookie("ann")) { $1 }
        let body = Array("token=\(try await Self.formToken("ann"))".utf8)
        let answer = try await Self.api().call(.post, "/sign-out", headers, body: body)
        #expect(answer.status == 303 && answer.headers[.location] == "/sign-in")
        #expect(answer.headers[.setCookie] == "zoetrope=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0")
    }

    /// What a forged form lacks.
    enum Flaw: CaseIterable, Sendable {
        case otherOrigin, nullOrigin, noOrigin, otherSite, sameSite, noToken, othersToken
    }

    @Test(arguments: Flaw.allCases, ["sign-out", "delete", "cancel", "retry", "order"])
    func `a form of another site, or without the session's token, does nothing`(flaw: Flaw, action: String) async throws
    {
        let api = Self.api()
        let job = try await api.makeJob(as: "ann")
        let made = try await api.post("\(job)/animations", ["params": ["prompt": "x"]], ["authorization": "Bearer ann"])
        let id = try #require(made.json["id"]?.string)
        var headers = Self.ownForm.merging(Self.cookie("ann")) { $1 }
        var token: String? = try await Self.formToken("ann")
        switch flaw {
        case .otherOrigin: (headers["origin"], headers["sec-fetch-site"]) = ("http://evil.example", nil)
        case .nullOrigin: (headers["origin"], headers["sec-fetch-site"]) = ("null", nil)
        case .noOrigin: (headers["origin"], headers["sec-fetch-site"]) = (nil, nil)
        case .otherSite: headers["sec-fetch-site"] = "cross-site"
        case .sameSite: headers["sec-fetch-site"] = "same-site"
        case .noToken: token = nil
        case .othersToken: token = try await Self.formToken("bob")
        }
        let answer: Answer
        if action == "order" {
            var form = TestForm(image: TestForm.photo)
            if let token { form.add("token", Array(token.utf8)) }
            answer = try await api.call(.post, "/animations", headers.merging(form.headers) { $1 }, body: form.bytes)
        } else {
            headers.merge(Self.urlEncoded) { $1 }
            let path = action == "sign-out" ? "/sign-out" : "/animations/\(id)/\(action)"
            answer = try await api.call(.post, path, headers, body: Array((token.map { "token=\($0)" } ?? "").utf8))
        }
        #expect(answer.status == 403 && answer.headers[.setCookie] == nil)
        let all = try await api.call(.get, "\(job)/animations", ["authorization": "Bearer ann"]).json["animations"]?
            .array
        #expect(all?.map { $0["status"]?.string } == ["pending"])
    }

    @Test(arguments: [
        ([:], 401), (["x-zoetrope-page": "1"], 200), (["x-zoetrope-page": "1", "sec-fetch-site": "same-origin"], 200),
        (["x-zoetrope-page": "1", "sec-fetch-site": "cross-site"], 401), (["sec-fetch-site": "same-origin"], 401),
        (["x-zoetrope-page": "1", "origin": "http://evil.example"], 401),
        (["x-zoetrope-page": "1", "authorization": "Bearer stale-token"], 401),
    ])
    func `the API takes a cookie from our own script alone`(headers: [String: String], status: Int) async throws {
        let headers = headers.merging(Self.cookie("ann")) { $1 }
        #expect(try await Self.api().call(.get, "/api/v1/jobs", headers).status == status)
        #expect(try await Self.api().call(.get, "/v1/videos", headers).status == 401)
    }

    @Test func `without login a page of another site gets nothing either`() async throws {
        let api = TestAPI()
        let form = TestForm(image: TestForm.photo)
        let foreign = Self.browser.merging(form.headers) { $1 }.merging(["origin": "http://evil.example"]) { $1 }
        #expect(try await api.call(.post, "/animations", foreign, body: form.bytes).status == 403)
        #expect(try await api.call(.get, "/sign-in", Self.browser).headers[.location] == "/")
    }

    // MARK: Animations

    @Test func `another user's animation is as if it were not there`() async throws {
        let api = Self.api()
        let job = try await api.makeJob(as: "ann")
        let made = try await api.post("\(job)/animations", ["params": ["prompt": "x"]], ["authorization": "Bearer ann"])
        let id = try #require(made.json["id"]?.string)
        let unknown = "00000000-0000-4000-8000-000000000000"
        let bob = Self.ownForm.merging(Self.cookie("bob")) { $1 }.merging(["x-request-id": "same"]) { $1 }
        for path in ["", "/delete", "/download"] {
            let foreign = try await api.call(.get, "/animations/\(id)\(path)", bob)
            let missing = try await api.call(.get, "/animations/\(unknown)\(path)", bob)
            #expect(foreign.status == 404)
            #expect(foreign.body == missing.body && foreign.headers == missing.headers)
        }
        let body = Array("token=\(try await Self.formToken("bob"))".utf8)
        for action in ["delete", "cancel", "retry"] {
            let headers = bob.merging(Self.urlEncoded) { $1 }
            #expect(try await api.call(.post, "/animations/\(id)/\(action)", headers, body: body).status == 404)
        }
        let list = Self.text(try await api.call(.get, "/?again=\(id)", bob))
        #expect(!list.contains(id))
        #expect(Self.text(try await api.call(.get, "/", Self.browser.merging(Self.cookie("ann")) { $1 })).contains(id))
    }

    @Test func `the form alone makes an animation, and sent twice makes one`() async throws {
        let api = TestAPI()
        var form = TestForm(image: TestForm.photo)
        for (name, value) in [
            ("key", "k1"), ("prompt", "two\r\nlines"), ("model", "local"), ("motion", "push-in"),
            ("camera", "handheld"),
            ("duration", ""), ("resolution", "480p"),
        ] {
            form.add(name, Array(value.utf8))
        }
        let headers = Self.ownForm.merging(form.headers) { $1 }
        let first = try await api.call(.post, "/animations", headers, body: form.bytes)
        #expect(first.status == 303)
        let place = try #require(first.headers[.location])
        #expect(try await api.call(.post, "/animations", headers, body: form.bytes).headers[.location] == place)
        let page = Self.text(try await api.call(.get, place, Self.browser))
        // Without a script the page is read again until it is ready.
        #expect(page.contains("<noscript><meta http-equiv=\"refresh\"") && page.contains("Push in, In the hand"))
        let jobs = try await api.call(.get, "/api/v1/jobs").json["jobs"]?.array
        #expect(jobs?.count == 1)
        #expect(jobs?.first?["animation_attempts"]?.array?.first?["params"]?["prompt"] == "two\nlines")
        form.add("prompt", Array("other".utf8))
        #expect(try await api.call(.post, "/animations", headers, body: form.bytes).headers[.location] != place)
    }

    @Test func `what cannot be taken comes back with the form as it was filled in`() async throws {
        let api = TestAPI()
        var form = TestForm(image: TestForm.photo)
        form.add("model", Array("replicate_wan".utf8))
        form.add("motion", Array("pan-left".utf8))
        let answer = try await api.call(
            .post,
            "/animations",
            Self.ownForm.merging(form.headers) { $1 },
            body: form.bytes
        )
        #expect(answer.status == 422)
        #expect(Self.text(answer).contains("Prompt is required (max 500 characters)"))
        #expect(Self.text(answer).contains("value=\"pan-left\" checked"))
        var empty = TestForm()
        empty.add("image", [], file: "")
        let none = try await api.call(
            .post,
            "/animations",
            Self.ownForm.merging(empty.headers) { $1 },
            body: empty.bytes
        )
        #expect(none.status == 422 && Self.text(none).contains("Choose a photo first"))
    }

    @Test func `trying again and cancelling are forms, too`() async throws {
        let api = TestAPI()
        let id = try await api.makeAnimation().suffix(36)
        let headers = Self.ownForm.merging(Self.urlEncoded) { $1 }
        let cancel = try await api.call(.post, "/animations/\(id)/cancel", headers, body: [])
        #expect(cancel.headers[.location] == "/animations/\(id)")
        #expect(
            Self.text(try await api.call(.get, "/animations/\(id)", Self.browser))
                .contains("The animation was cancelled.")
        )
        let again = try await api.call(.post, "/animations/\(id)/retry", headers, body: Array("key=k".utf8))
        let place = try #require(again.headers[.location])
        #expect(place != "/animations/\(id)")
        let twice = try await api.call(.post, "/animations/\(id)/retry", headers, body: Array("key=k".utf8))
        #expect(twice.headers[.location] == place)
        #expect(Self.text(try await api.call(.get, place, Self.browser)).contains("waves"))
    }

    @Test func `the photo is deleted with the last animation of it`() async throws {
        let api = TestAPI()
        let job = try await api.makeJob()
        let headers = Self.ownForm.merging(Self.urlEncoded) { $1 }
        var ids: [String] = []
        for _ in 0..<2 {
            let made = try await api.post("\(job)/animations", ["params": ["prompt": "x"]])
            ids.append(try #require(made.json["id"]?.string))
        }
        for (id, status) in zip(ids, [200, 404]) {
            let answer = try await api.call(.post, "/animations/\(id)/delete", headers, body: [])
            #expect(answer.headers[.location] == "/?done=deleted")
            #expect(try await api.call(.get, job).status == status)
        }
    }

    @Test func `the gallery filters, searches and goes on where a page ends`() async throws {
        let api = TestAPI()
        let job = try await api.makeJob()
        for number in 1...30 {
            _ = try await api.post(
                "\(job)/animations",
                ["params": ["prompt": .string("Waves \(number % 2 == 0 ? "even" : "odd")")]]
            )
        }
        func cards(_ path: String) async throws -> (Int, String) {
            let page = Self.text(try await api.call(.get, path, Self.browser))
            return (page.matches(of: #/<li class="card /#).count, page)
        }
        let (first, page) = try await cards("/")
        #expect(first == 24)
        let next = try #require(page.firstMatch(of: /rel="next" href="([^"#]+)/)).1
        #expect(try await cards(String(next)).0 == 6)
        #expect(try await cards("/?q=EVEN").0 == 15)
        #expect(try await cards("/?q=nothing").1.contains("Nothing fits."))
        #expect(try await cards("/?status=ready").0 == 0)
        #expect(try await cards("/?model=replicate_wan&status=pending").0 == 24)
        #expect(try await cards("/?model=local").0 == 0)
        #expect(try await cards("/?after=00000000-0000-4000-8000-000000000000&status=&q=").0 == 24)
    }
}
