import Foundation
import StrictJSON
import Testing
import ZoetropeStorage
import ZoetropeTestKit

/// AWS's own examples.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>,
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>, and `aws-sig-v4-test-suite`.
struct S3SigningTests {
    private static let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    private static let host = "examplebucket.s3.amazonaws.com"

    private func signer(
        id: String = "AKIAIOSFODNN7EXAMPLE",
        secret: String = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        token: String? = nil,
        service: String = "s3"
    ) -> SigV4 {
        SigV4(
            credentials: AWSCredentials(
                accessKeyID: id,
                secretAccessKey: Secret(secret),
                sessionToken: token.map(Secret.init)
            ),
            region: "us-east-1",
            service: service
        )
    }

    /// 2013-05-24 00:00:00 UTC.
    private static let date = Date(timeIntervalSince1970: 1_369_353_600)

    private func authorization(_ request: SigV4.Request, _ payloadHash: String = Self.empty) -> String? {
        signer().headers(for: request, payloadHash: payloadHash, at: Self.date).last { $0.name == "authorization" }?
            .value
    }

    private func expected(_ names: String, _ signature: String) -> String {
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
            + "SignedHeaders=\(names), Signature=\(signature)"
    }

    @Test func `GET object`() {
        let request = SigV4.Request(
            method: "GET",
            host: Self.host,
            path: "/test.txt",
            headers: [("Range", "bytes=0-9")]
        )
        #expect(
            authorization(request)
                == expected(
                    "host;range;x-amz-content-sha256;x-amz-date",
                    "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
                )
        )
    }

    @Test func `PUT object`() {
        let request = SigV4.Request(
            method: "PUT",
            host: Self.host,
            path: "/test$file.text",
            headers: [("Date", "Fri, 24 May 2013 00:00:00 GMT"), ("x-amz-storage-class", "REDUCED_REDUNDANCY")]
        )
        #expect(
            authorization(request, "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072")
                == expected(
                    "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
                    "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"
                )
        )
    }

    @Test func `GET bucket lifecycle`() {
        let request = SigV4.Request(method: "GET", host: Self.host, path: "/", query: [("lifecycle", "")])
        #expect(
            authorization(request)
                == expected(
                    "host;x-amz-content-sha256;x-amz-date",
                    "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"
                )
        )
    }

    @Test func `list objects`() {
        let request = SigV4.Request(
            method: "GET",
            host: Self.host,
            path: "/",
            query: [("max-keys", "2"), ("prefix", "J")]
        )
        #expect(
            authorization(request)
                == expected(
                    "host;x-amz-content-sha256;x-amz-date",
                    "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
                )
        )
    }

    @Test func `presigned address`() {
        let query = signer()
            .query(
                presigning: SigV4.Request(method: "GET", host: Self.host, path: "/test.txt"),
                seconds: 86_400,
                at: Self.date
            )
        #expect(
            query
                == "X-Amz-Algorithm=AWS4-HMAC-SHA256"
                + "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
                + "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
                + "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
        )
    }

    /// A case of `aws-sig-v4-test-suite`.
    struct SuiteCase: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var method = "GET"
        var path = "/"
        var query: [(name: String, value: String)] = []
        var headers: [(name: String, value: String)] = []
        let names: String
        let signature: String
    }

    @Test(arguments: [
        SuiteCase(
            testDescription: "get-vanilla",
            names: "host;x-amz-date",
            signature: "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
        ),
        SuiteCase(
            testDescription: "get-vanilla-query-order-key-case",
            query: [("Param2", "value2"), ("Param1", "value1")],
            names: "host;x-amz-date",
            signature: "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"
        ),
        SuiteCase(
            testDescription: "post-vanilla",
            method: "POST",
            names: "host;x-amz-date",
            signature: "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"
        ),
        SuiteCase(
            testDescription: "get-header-value-trim",
            headers: [("My-Header1", " value1"), ("My-Header2", " \"a   b   c\"")],
            names: "host;my-header1;my-header2;x-amz-date",
            signature: "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"
        ),
    ])
    func `test suite`(testCase: SuiteCase) {
        let request = SigV4.Request(
            method: testCase.method,
            host: "example.amazonaws.com",
            path: testCase.path,
            query: testCase.query,
            headers: testCase.headers
        )
        let headers = signer(id: "AKIDEXAMPLE", secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", service: "service")
            // 2015-08-30 12:36:00 UTC.
            .headers(for: request, payloadHash: Self.empty, at: Date(timeIntervalSince1970: 1_440_938_160))
        #expect(
            headers.last { $0.name == "authorization" }?.value
                == "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
                + "SignedHeaders=\(testCase.names), Signature=\(testCase.signature)"
        )
    }

    @Test func `a secret never shows itself`() {
        let credentials = AWSCredentials(
            accessKeyID: "id",
            secretAccessKey: Secret("hidden-1"),
            sessionToken: Secret("hidden-2")
        )
        var dumped = ""
        dump(credentials, to: &dumped)
        for text in ["\(credentials)", String(reflecting: credentials), dumped, "\([credentials])"] {
            #expect(!text.contains("hidden"), "\(text)")
        }
    }

    /// Signs what `scripts/check-s3-signing.sh` wants to compare with another implementation.
    @Test(.enabled(if: environment["ZOETROPE_SIGNING_CASES"] != nil, "scripts/check-s3-signing.sh runs it"))
    func `cases of the comparison`() throws {
        let input = try #require(Self.environment["ZOETROPE_SIGNING_CASES"])
        let output = try #require(Self.environment["ZOETROPE_SIGNING_RESULTS"])
        let cases = try #require(try JSONValue(parsing: Data(contentsOf: URL(filePath: input))).array)
        let results = try cases.map { JSONValue.string(try Self.signed($0)) }
        try Data(JSONValue.array(results).encoded()).write(to: URL(filePath: output))
    }

    private static let environment = ProcessInfo.processInfo.environment

    /// The `Authorization` header, or the whole query of a presigned address.
    private static func signed(_ value: JSONValue) throws -> String {
        func text(_ name: String) throws -> String { try #require(value[name]?.string) }
        func pairs(_ name: String) throws -> [(name: String, value: String)] {
            try #require(value[name]?.array)
                .map { pair in
                    let parts = try #require(pair.array)
                    return (try #require(parts[0].string), try #require(parts[1].string))
                }
        }
        let signer = SigV4(
            credentials: AWSCredentials(
                accessKeyID: try text("id"),
                secretAccessKey: Secret(try text("secret")),
                sessionToken: value["token"]?.string.map(Secret.init)
            ),
            region: try text("region"),
            service: "s3"
        )
        let request = SigV4.Request(
            method: try text("method"),
            host: try text("host"),
            path: try text("path"),
            query: try pairs("query"),
            headers: try pairs("headers")
        )
        let date = Date(timeIntervalSince1970: TimeInterval(try #require(value["time"]?.integer)))
        if let seconds = value["expires"]?.integer {
            return signer.query(presigning: request, seconds: Int(seconds), at: date)
        }
        let headers = signer.headers(for: request, payloadHash: try text("payload_hash"), at: date)
        return try #require(headers.last { $0.name == "authorization" }?.value)
    }
}
