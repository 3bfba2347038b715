import Foundation
import HTTPTypes
import Hummingbird
import Testing
import Yams
import ZoetropeCore
import ZoetropeServer
import ZoetropeWorkflow

/// The document against the server's routes and sources; `scripts/check-openapi.sh` holds it against its answers.
struct OpenAPITests {
    private static let methods: [HTTPRequest.Method] = [
        .get, .post, .put, .patch, .delete, .options, .trace,
    ]

    @Test func `every route is in the document, and nothing else`() async throws {
        let api = TestAPI()
        var registered: Set<String> = []
        for path in Set(api.server.router().routes.map { "\($0.path)" }) where !Self.isPage(path) {
            for method in Self.methods {
                let place = path.replacing("**", with: "a/b").replacing(/\{\w+\}/, with: UUID().uuidString)
                let answer = try await api.call(method, place)
                if answer.status != 405 {
                    registered.insert("\(method.rawValue) \(path.replacing("**", with: "{key}"))")
                }
            }
        }
        // HEAD is made from GET; where it is described, it has its own words.
        let described = try await Self.operations(of: api).filter { !$0.hasPrefix("HEAD ") }
        #expect(described.subtracting(registered).isEmpty)
        #expect(registered.subtracting(described).isEmpty)
        #expect(registered.count >= 18)
    }

    /// Pages are for people, and no part of the API.
    private static func isPage(_ path: String) -> Bool {
        let pages = ["", "admin", "animations", "assets", "docs", "sign-in", "sign-out"]
        return pages.contains(String(path.split(separator: "/").first ?? ""))
    }

    @Test func `the document is served with an entity tag, without login`() async throws {
        let settings = ServerSettings(
            port: 0,
            auth: .token { (_: String) async throws(AccessError) -> Caller in throw AccessError(.missing)
            }
        )
        let api = TestAPI(settings: settings)
        let answer = try await api.call(.get, "/openapi.yaml")
        #expect(answer.status == 200)
        #expect(answer.headers[.contentType] == "application/yaml")
        let tag = try #require(answer.headers[.eTag])
        #expect(try await api.call(.get, "/openapi.yaml", ["if-none-match": tag]).status == 304)
        #expect(try await api.call(.get, "/openapi.yaml", ["if-none-match": "\"other\""]).status == 200)
    }

    @Test func `every problem code of the sources is in the document and in docs, and nothing else`()
        async throws
    {
        let sources = try Self.problemCodes()
        #expect(sources.count > 40)
        let document = try #require(
            Yams.load(yaml: try await Self.text(of: TestAPI())) as? [String: Any]
        )
        let codes = Self.value(
            document,
            "components",
            "schemas",
            "Problem",
            "properties",
            "code",
            "enum"
        )
        let described = Set(codes as? [String] ?? [])
        #expect(described.subtracting(sources).isEmpty)
        #expect(sources.subtracting(described).isEmpty)
        #expect(try Self.documentedCodes(under: "## Problems") == sources)
    }

    @Test func `every failure code is in the document and in docs, and nothing else`() async throws {
        let failures = Set(FailureCode.allCases.map(\.rawValue))
        let document = try #require(
            Yams.load(yaml: try await Self.text(of: TestAPI())) as? [String: Any]
        )
        let codes = Self.value(
            document,
            "components",
            "schemas",
            "Failure",
            "properties",
            "code",
            "enum"
        )
        #expect(Set(codes as? [String] ?? []) == failures)
        #expect(try Self.documentedCodes(under: "## Failed animations") == failures)
    }

    private static func text(of api: TestAPI) async throws -> String {
        let answer = try await api.call(.get, "/openapi.yaml")
        return String(decoding: answer.body, as: UTF8.self)
    }

    private static func operations(of api: TestAPI) async throws -> Set<String> {
        let document = try #require(Yams.load(yaml: try await text(of: api)) as? [String: Any])
        let paths = try #require(document["paths"] as? [String: [String: Any]])
        let known = Set((methods + [.head]).map(\.rawValue))
        return Set(
            paths.flatMap { path, item in
                item.keys.map { $0.uppercased() }.filter(known.contains).map { "\($0) \(path)" }
            }
        )
    }

    private static func value(_ document: [String: Any], _ path: String...) -> Any? {
        path.reduce(document as Any?) { ($0 as? [String: Any])?[$1] }
    }

    private static let root = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    /// Codes as the sources write them, and those that are made of other enumerations.
    private static func problemCodes() throws -> Set<String> {
        var codes = Set(ImageError.Code.allCases.map(\.rawValue))
        for code in OutboundError.Code.allCases where code != .storage {
            codes.formUnion(["image_url_\(code.rawValue)", "callback_url_\(code.rawValue)"])
        }
        let folder = root.appending(path: "Sources/ZoetropeServer")
        let files = try #require(
            FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
        )
        for case let file as URL in files
        where file.pathExtension == "swift" && !file.path.contains("/OpenAI/") {
            let text = try String(contentsOf: file, encoding: .utf8)
            // Problem(.notFound, "code", …), .limited("code", …), and tuples of switches: case .x: ("code", …)
            for match in text.matches(of: /(?:Problem|self\.init)\(\s*\.\w+,\s*"([a-z_]+)"/) {
                codes.insert(String(match.1))
            }
            for match in text.matches(of: /limited\(\s*"([a-z_]+)"/) { codes.insert(String(match.1)) }
            for match in text.matches(of: /(?:case [^\n]*|default): \("([a-z_]+)",/) {
                codes.insert(String(match.1))
            }
        }
        return codes
    }

    /// The first cells of the table under a heading of docs/errors.md.
    private static func documentedCodes(under heading: String) throws -> Set<String> {
        let text = try String(contentsOf: root.appending(path: "docs/errors.md"), encoding: .utf8)
        let start = try #require(text.range(of: heading + "\n")).upperBound
        let section = text[start...]
            .prefix(
                upTo: text[start...].range(of: "\n## ")?.lowerBound ?? text.endIndex
            )
        return Set(section.matches(of: /(?m)^\| `([a-z_]+)` \|/).map { String($0.1) })
    }
}
