import Foundation
import Testing
import ZoetropeCore
import ZoetropeStorage

struct S3LocationTests {
    private func location(_ text: String, _ environment: [String: String] = [:]) throws -> S3Location {
        try S3Location(parsing: text, environment: environment)
    }

    @Test(arguments: [
        ("s3://bucket", "https", "bucket.s3.us-east-1.amazonaws.com", "/a%20b"),
        ("s3://bucket/", "https", "bucket.s3.us-east-1.amazonaws.com", "/a%20b"),
        ("s3://bucket/p/q?region=eu-central-1", "https", "bucket.s3.eu-central-1.amazonaws.com", "/p/q/a%20b"),
        ("s3://bucket/p%20q/", "https", "bucket.s3.us-east-1.amazonaws.com", "/p%20q/a%20b"),
        ("s3://my.bucket", "https", "s3.us-east-1.amazonaws.com", "/my.bucket/a%20b"),
        ("s3://my.bucket?path_style=false", "https", "my.bucket.s3.us-east-1.amazonaws.com", "/a%20b"),
        ("s3://bucket?endpoint=http://127.0.0.1:9000", "http", "127.0.0.1:9000", "/bucket/a%20b"),
        ("s3://bucket?endpoint=http://[::1]:9000/", "http", "[::1]:9000", "/bucket/a%20b"),
        ("s3://bucket?endpoint=http://localhost", "http", "localhost", "/bucket/a%20b"),
        ("s3://bucket?endpoint=https://Minio.Example:443", "https", "bucket.minio.example", "/a%20b"),
        ("s3://bucket?endpoint=http://minio:9000&path_style=true", "http", "minio:9000", "/bucket/a%20b"),
        ("s3://bucket?endpoint=http%3A%2F%2Fminio%3A80", "http", "bucket.minio", "/a%20b"),
    ])
    func `an address says where objects are`(text: String, scheme: String, host: String, path: String) throws {
        let location = try location(text)
        #expect(location.scheme == scheme)
        #expect(location.host == host)
        let key = try #require(ObjectKey("a b"))
        #expect(SigV4.encoded(path: location.path(key)) == path)
    }

    @Test func `the region is the address's, else the environment's`() throws {
        let environment = ["AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-2"]
        #expect(try location("s3://bucket?region=auto", environment).region == "auto")
        #expect(try location("s3://bucket", environment).region == "eu-west-1")
        #expect(try location("s3://bucket", ["AWS_DEFAULT_REGION": "eu-west-2"]).region == "eu-west-2")
        #expect(try location("s3://bucket").region == "us-east-1")
    }

    @Test(arguments: [
        ("s3:bucket", "s3://"), ("s3://", "bucket's name"), ("s3://ab", "\"ab\""), ("s3://Bucket", "bucket's name"),
        ("s3://a_b_c", "bucket's name"), ("s3://-bucket", "bucket's name"), ("s3://a..b", "bucket's name"),
        ("s3://192.168.0.1", "bucket's name"), ("s3://\(String(repeating: "b", count: 64))", "bucket's name"),
        ("s3://bucket:9000", "port"), ("s3://id:hidden@bucket", "AWS_SECRET_ACCESS_KEY"), ("s3://bucket#x", "fragment"),
        ("s3://bucket//p", "prefix"), ("s3://bucket/a//b", "prefix"), ("s3://bucket/../a", "prefix"),
        ("s3://bucket/\(String(repeating: "p", count: 600))", "prefix"), ("s3://bucket?foo=1", "\"foo\""),
        ("s3://bucket?region=a&region=b", "once"), ("s3://bucket?region=", "region"),
        ("s3://bucket?region=a/b", "\"a/b\""),
        ("s3://bucket?path_style=yes", "\"yes\""), ("s3://bucket?path_style", "path_style"),
        ("s3://bucket?endpoint=minio:9000", "endpoint"), ("s3://bucket?endpoint=http://u:hidden@minio", "endpoint"),
        ("s3://bucket?endpoint=http://minio/path", "endpoint"), ("s3://bucket?endpoint=ftp://minio", "endpoint"),
        ("s3://bucket?endpoint=http://minio:0", "endpoint"), ("s3://bucket?endpoint=http://minio:99999", "endpoint"),
        ("s3://bucket?endpoint=http://a%0D%0Ab", "endpoint"),
        ("s3://bucket?endpoint=http://127.0.0.1&path_style=false", "path_style"),
    ])
    func `what is wrong is named`(text: String, word: String) throws {
        let problem = try #require(#expect(throws: S3Location.Problem.self) { _ = try location(text) })
        #expect(problem.description.contains(word))
        #expect(!problem.description.contains("hidden"))
    }
}
