import HTTPTypes
import HummingbirdTesting
import StrictJSON
import Testing
import ZoetropeServer
import ZoetropeTestKit

@Suite(.timeLimit(.minutes(2)))
struct MultipartTests {
    private let api = TestAPI()

    private func post(_ body: [UInt8], type: String = "multipart/form-data; boundary=b") async throws -> Answer {
        try await api.call(.post, "/api/v1/jobs", ["content-type": type], body: body)
    }

    private static let image = "Content-Disposition: form-data; name=\"image\"; filename=\"a.jpg\""

    private static func form(_ head: String, _ tail: String) -> [UInt8] {
        Array(head.utf8) + TestForm.photo + Array(tail.utf8)
    }

    @Test(arguments: [
        form("--b\r\n\(image)\r\n\r\n", "\r\n--b--"),
        form("preamble\r\n--b\r\n\(image)\r\n\r\n", "\r\n--b--\r\nepilogue --b"),
        form("\r\n--b \t \r\n\(image)\r\n\r\n", "\r\n--b-- \r\n"),
        form("--b\r\ncontent-disposition:form-data;NAME=image;filename*=UTF-8''%e2%82%ac\r\n\r\n", "\r\n--b--"),
        form("--b\r\nContent-Disposition: Form-Data; name=\"im\\age\"; filename=\"a\\\"b;c\"\r\n\r\n", "\r\n--b--"),
        form("--b\r\n\(image)\r\nContent-Type: image/jpeg\r\nX: é\r\n\r\n", "\r\n--b--"),
        form("--b\r\n\(image)\r\nContent-Transfer-Encoding: BINARY\r\n\r\n", "\r\n--b--"),
        form(
            "--b\r\nContent-Disposition: form-data; name=\"\"\r\n\r\n\r\n--b\r\n\(image)\r\n\r\n",
            "\r\n--b--"
        ),
        form("--b\r\n\(image)\r\n\r\n", "\r\n--b\r\nContent-Disposition: form-data; name=x\r\n\r\n\r\n--\r\n--b--"),
    ])
    func `what RFC 2046 and browsers allow is taken`(body: [UInt8]) async throws {
        let answer = try await post(body)
        #expect(answer.status == 201, "\(answer.detail ?? "")")
    }

    @Test(arguments: [
        "multipart/form-data; boundary=\"b\"", "Multipart/Form-Data;charset=utf-8; boundary=b ;",
        "multipart/form-data; boundary=\"\\b\"",
    ])
    func `the boundary is read from any legal header`(type: String) async throws {
        let answer = try await post(Self.form("--b\r\n\(Self.image)\r\n\r\n", "\r\n--b--"), type: type)
        #expect(answer.status == 201, "\(answer.detail ?? "")")
    }

    @Test(arguments: [
        ("multipart/form-data", "The Content-Type has no boundary"),
        ("multipart/form-data; boundary=", "The Content-Type is malformed"),
        ("multipart/form-data; boundary=\"b", "The Content-Type is malformed"),
        ("multipart/form-data; boundary=b; boundary=c", "The Content-Type is malformed"),
        ("multipart/form-data; boundary=\"\"", "The boundary must be 1 to 70 characters of those that RFC 2046 allows"),
        (
            "multipart/form-data; boundary=\"b \"",
            "The boundary must be 1 to 70 characters of those that RFC 2046 allows"
        ),
        ("multipart/form-data; boundary=a*b", "The boundary must be 1 to 70 characters of those that RFC 2046 allows"),
        (
            "multipart/form-data; boundary=\(String(repeating: "b", count: 71))",
            "The boundary must be 1 to 70 characters of those that RFC 2046 allows"
        ),
    ])
    func `a header without a good boundary is refused`(type: String, message: String) async throws {
        let answer = try await post([], type: type)
        #expect(answer.status == 400)
        #expect(answer.code == "invalid_multipart")
        #expect(answer.detail == message)
    }

    @Test(arguments: ["", "multipart/mixed; boundary=b", "text/plain", ";"])
    func `another type of body is refused`(type: String) async throws {
        let answer = try await post([], type: type)
        #expect(answer.status == 415)
        #expect(answer.code == "unsupported_media_type")
    }

    private static let part = "--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n1\r\n"

    @Test(arguments: [
        ("", "The body does not contain its boundary"),
        ("hello", "The body does not contain its boundary"),
        ("x--b\r\n", "The body does not contain its boundary"),
        ("--b", "A boundary is not followed by the end of its line"),
        ("--bx\r\n", "A boundary is not followed by the end of its line"),
        ("--b-\r\n", "A boundary is not followed by the end of its line"),
        (
            "--b\nContent-Disposition: form-data; name=x\n\n1\n--b--",
            "A boundary is not followed by the end of its line"
        ),
        ("--b\r\n", "The headers of a part do not end"),
        ("--b\r\nContent-Disposition: form-data; name=x\r\n", "The headers of a part do not end"),
        ("--b\r\n\(image)\r\n\r\nabc", "The form ends without its closing boundary"),
        ("--b\r\n\(image)\r\n\r\nabc\r\n--", "The form ends without its closing boundary"),
        ("--b\r\n\r\nabc\r\n--b--", "A part has no Content-Disposition"),
        ("--b\r\nContent-Type: a/b\r\n\r\nabc\r\n--b--", "A part has no Content-Disposition"),
        ("--b\r\n\(image)\r\n\(image)\r\n\r\nabc\r\n--b--", "A part has two Content-Dispositions"),
        (
            "--b\r\nContent-Disposition: form-data\r\n\r\nabc\r\n--b--",
            "The Content-Disposition of a part must be form-data with a name"
        ),
        (
            "--b\r\nContent-Disposition: attachment; name=\"image\"\r\n\r\nabc\r\n--b--",
            "The Content-Disposition of a part must be form-data with a name"
        ),
        (
            "--b\r\nContent-Disposition: form-data; name=\"a\"; name=\"b\"\r\n\r\nabc\r\n--b--",
            "The Content-Disposition of a part is malformed"
        ),
        (
            "--b\r\nContent-Disposition: form-data; name=\"a\r\n\r\nabc\r\n--b--",
            "The Content-Disposition of a part is malformed"
        ),
        (
            "--b\r\nContent-Disposition: form-data name=\"a\"\r\n\r\nabc\r\n--b--",
            "The Content-Disposition of a part is malformed"
        ),
        ("--b\r\nContent-Disposition:\r\n\r\nabc\r\n--b--", "The Content-Disposition of a part is malformed"),
        (
            "--b\r\nContent-Disposition: form-data; name=\"a\";\r\n filename=\"b\"\r\n\r\nabc\r\n--b--",
            "A header of a part is not of the form \"name: value\""
        ),
        ("--b\r\nhello\r\n\r\nabc\r\n--b--", "A header of a part is not of the form \"name: value\""),
        ("--b\r\n: x\r\n\r\nabc\r\n--b--", "A header of a part is not of the form \"name: value\""),
        ("--b\r\nA\u{0}: x\r\n\r\nabc\r\n--b--", "A header of a part has a control character"),
        ("--b\r\nA: x\ny: z\r\n\r\nabc\r\n--b--", "A header of a part has a control character"),
        ("--b\r\nA: x\rB: y\r\n\r\nabc\r\n--b--", "A header of a part has a control character"),
        (
            "--b\r\n\(image)\r\nContent-Transfer-Encoding: base64\r\n\r\nabc\r\n--b--",
            "A part is encoded; send its bytes as they are"
        ),
        (
            "--b\r\nA: \(String(repeating: "x", count: 8_192))\r\n\r\nabc\r\n--b--",
            "A part has more than 8192 bytes of headers"
        ),
        (String(repeating: part, count: 33) + "--b--", "The form has more than 32 parts"),
    ])
    func `a malformed form is refused with its reason`(body: String, message: String) async throws {
        let answer = try await post(Array(body.utf8))
        #expect(answer.status == 400)
        #expect(answer.code == "invalid_multipart")
        #expect(answer.detail == message)
    }

    @Test func `headers that are not UTF-8 are refused`() async throws {
        let answer = try await post(Array("--b\r\nA: ".utf8) + [0xFF] + Array("\r\n\r\n1\r\n--b--".utf8))
        #expect(answer.detail == "The headers of a part are not UTF-8")
    }

    @Test func `32 parts are taken`() async throws {
        let other = String(repeating: Self.part, count: 31)
        let body = Self.form("\(other)--b\r\n\(Self.image)\r\n\r\n", "\r\n--b--")
        #expect(try await post(body).status == 201)
    }

    @Test func `a part is every byte between its empty line and the line's end before the boundary`() async throws {
        // A kind that is exactly "scene" proves both ends; one more byte on either side is another value.
        for (content, status) in [
            ("scene", 201), ("\r\nscene", 422), ("scene\r\n", 422), ("scene ", 422), ("scene\r", 422),
        ] {
            let head =
                "--b\r\nContent-Disposition: form-data; name=kind\r\n\r\n\(content)\r\n--b\r\n\(Self.image)\r\n\r\n"
            #expect(try await post(Self.form(head, "\r\n--b--")).status == status)
        }
    }

    /// Time is bounded by the suite's limit: 25 MB of nothing but beginnings of boundaries.
    @Test(arguments: ["\r", "\r\n", "\r\n-", "\r\n--", "\r\n--bbbbbbbbbbbb"])
    func `a body of half boundaries costs no more than any other`(piece: String) async throws {
        let boundary = String(repeating: "b", count: 70)
        let filling = [[UInt8]](repeating: Array(piece.utf8), count: 25_000_000 / piece.utf8.count).joined()
        let head = "--\(boundary)\r\n\(Self.image)\r\n\r\n"
        let start = ContinuousClock().now
        let answer = try await post(
            Array(head.utf8) + filling,
            type: "multipart/form-data; boundary=\(boundary)"
        )
        #expect(answer.detail == "The form ends without its closing boundary")
        #expect(start.duration(to: .now) < .seconds(60))
    }

    @Test func `20,000 damaged forms are answered without a fault of ours`() async throws {
        var form = TestForm("kind", "scene")
        form.add("on_failure", Array("keep".utf8))
        let words = [
            "\r\n", "\r\n\r\n", "--", "\r\n--\(TestForm.boundary)", "\"", "\\", ";", ": ", "name=", "\0", "\u{80}",
        ]
        var fuzzer = MutationFuzzer(corpus: [form.bytes], dictionary: words.map { Array($0.utf8) }, seed: 1)
        var counts: [Int: Int] = [:]
        let headers = form.headers
        let variants = (0..<20_000).map { _ in fuzzer.next() }
        let answers = try await api.server.application()
            .test(.router) { client in
                var answers: [Answer] = []
                for variant in variants {
                    answers.append(try await client.call(.post, "/api/v1/jobs", headers, body: variant))
                }
                return answers
            }
        for answer in answers {
            counts[answer.status, default: 0] += 1
            if answer.status != 201 { #expect(answer.detail?.isEmpty == false) }
        }
        #expect(Set(counts.keys) == [201, 400, 415, 422])
        #expect(!api.log.lines.contains { $0.hasPrefix("error") })
    }
}
