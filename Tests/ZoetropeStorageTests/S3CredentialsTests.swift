import AsyncHTTPClient
import Foundation
import Logging
import Synchronization
import Testing
import ZoetropeStorage
import ZoetropeTestKit
import ZoetropeWorkflow

/// Where credentials come from, and when they are fetched.
@Suite(.timeLimit(.minutes(1)))
struct S3CredentialsTests {
    private let folder: TemporaryFolder
    private static let expiry = "2026-11-01T01:00:00Z"
    private static let json =
        #"{"AccessKeyId":"json-id","SecretAccessKey":"hidden-1","Token":"hidden-2","Expiration":"\#(expiry)","Code":"Success"}"#

    init() throws {
        folder = try TemporaryFolder()
    }

    /// No metadata service is asked but the test's own.
    private func found(_ environment: [String: String]) async throws -> AWSCredentials {
        var environment = environment
        if environment["AWS_EC2_METADATA_SERVICE_ENDPOINT"] == nil { environment["AWS_EC2_METADATA_DISABLED"] = "true" }
        return try await AWSCredentialSources(environment: environment, region: "eu-west-1", client: .shared).fetch()
    }

    private func failure(_ environment: [String: String]) async throws -> String {
        let error = try #require(await #expect(throws: CredentialsError.self) { _ = try await found(environment) })
        #expect(!error.description.contains("hidden"))
        return error.description
    }

    private func file(_ text: String) throws -> String {
        let path = folder.path(UUID().uuidString)
        try Data(text.utf8).write(to: URL(filePath: path))
        return path
    }

    private func credentials(_ id: String, _ secret: String, _ token: String? = nil, expires: Date? = nil)
        -> AWSCredentials
    {
        AWSCredentials(
            accessKeyID: id,
            secretAccessKey: Secret(secret),
            sessionToken: token.map(Secret.init),
            expires: expires
        )
    }

    private static let expires = Date(timeIntervalSince1970: 1_793_494_800)

    @Test func `the environment comes first`() async throws {
        let environment = [
            "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "hidden",
            "AWS_SHARED_CREDENTIALS_FILE": try file("[default]"),
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:1/",
        ]
        #expect(try await found(environment) == credentials("id", "hidden"))
        #expect(
            try await found(environment.merging(["AWS_SESSION_TOKEN": "token"]) { $1 })
                == credentials("id", "hidden", "token")
        )
        for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
            #expect(try await failure([name: "hidden"]).contains(name))
        }
        _ = try await failure(["AWS_ACCESS_KEY_ID": "id\r\nx: y", "AWS_SECRET_ACCESS_KEY": "hidden"])
    }

    @Test func `the shared file has profiles`() async throws {
        let path = try file(
            """
            # comment
            [default]
            aws_access_key_id = one
            aws_secret_access_key=s/e+c=ret

            [ other ]
            aws_access_key_id=two
            aws_secret_access_key = second
            aws_session_token = token
            """
        )
        #expect(try await found(["AWS_SHARED_CREDENTIALS_FILE": path]) == credentials("one", "s/e+c=ret"))
        #expect(
            try await found(["AWS_SHARED_CREDENTIALS_FILE": path, "AWS_PROFILE": "other"])
                == credentials("two", "second", "token")
        )
        #expect(try await failure(["AWS_SHARED_CREDENTIALS_FILE": path, "AWS_PROFILE": "none"]).contains("\"none\""))
        try FileManager.default.createDirectory(atPath: folder.path(".aws"), withIntermediateDirectories: false)
        try FileManager.default.copyItem(atPath: path, toPath: folder.path(".aws/credentials"))
        #expect(try await found(["HOME": folder.url.path]).accessKeyID == "one")
    }

    @Test func `when there are none, it is said what was tried`() async throws {
        let text = try await failure(["HOME": folder.url.path])
        for word in ["environment", "web identity", ".aws/credentials", "container", "instance"] {
            #expect(text.contains(word))
        }
    }

    @Test func `a web identity is exchanged`() async throws {
        let server = try S3ScriptedServer { request, _ in
            request.text.contains("WebIdentityToken=hidden-jwt")
                ? .ok(
                    """
                    <AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">\
                    <AssumeRoleWithWebIdentityResult><Credentials><SessionToken>t</SessionToken>\
                    <SecretAccessKey>s</SecretAccessKey><Expiration>\(Self.expiry)</Expiration>\
                    <AccessKeyId>sts-id</AccessKeyId></Credentials></AssumeRoleWithWebIdentityResult>\
                    </AssumeRoleWithWebIdentityResponse>
                    """
                ) : .error(403, "AccessDenied")
        }
        var environment = [
            "AWS_WEB_IDENTITY_TOKEN_FILE": try file("hidden-jwt\n"), "AWS_ROLE_ARN": "arn:aws:iam::1:role/a b",
            "AWS_ENDPOINT_URL_STS": server.address,
        ]
        #expect(try await found(environment) == credentials("sts-id", "s", "t", expires: Self.expires))
        let form = try #require(server.requests.first?.text)
        #expect(form.contains("Action=AssumeRoleWithWebIdentity&"))
        #expect(form.contains("RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fa%20b"))
        environment["AWS_WEB_IDENTITY_TOKEN_FILE"] = try file("hidden-other")
        #expect(try await failure(environment).contains("status 403"))
        environment["AWS_WEB_IDENTITY_TOKEN_FILE"] = folder.path("nothing")
        #expect(try await failure(environment).contains("nothing"))
    }

    @Test func `a container's endpoint is asked with its token`() async throws {
        let server = try S3ScriptedServer { request, _ in
            request.headers["authorization"] == "hidden-token" ? .ok(Self.json) : .error(401)
        }
        var environment = [
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": "\(server.address)/creds",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": try file("hidden-token\n"),
        ]
        let expected = credentials("json-id", "hidden-1", "hidden-2", expires: Self.expires)
        #expect(try await found(environment) == expected)
        environment["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = nil
        environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "hidden-token"
        #expect(try await found(environment) == expected)
        environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "hidden-other"
        #expect(try await failure(environment).contains("status 401"))
        for url in ["http://example.com/", "http://10.0.0.1/", "ftp://127.0.0.1/", "http://127.0.0.1.example.com/"] {
            environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = url
            #expect(try await failure(environment).contains("must be https"))
        }
    }

    @Test func `an instance's metadata is asked with a token of its own`() async throws {
        let server = try S3ScriptedServer { request, _ in
            if request.method == "PUT", request.path == "/latest/api/token" { return .ok("imds-token") }
            guard request.headers["x-aws-ec2-metadata-token"] == "imds-token" else { return .error(401) }
            let path = "/latest/meta-data/iam/security-credentials/"
            return request.path == path
                ? .ok("my-role\n") : request.path == path + "my-role" ? .ok(Self.json) : .error(404)
        }
        #expect(
            try await found(["AWS_EC2_METADATA_SERVICE_ENDPOINT": server.address])
                == credentials("json-id", "hidden-1", "hidden-2", expires: Self.expires)
        )
        let other = try S3ScriptedServer { request, _ in request.method == "PUT" ? .ok("t") : .ok("{}") }
        #expect(try await failure(["AWS_EC2_METADATA_SERVICE_ENDPOINT": other.address]).contains("without credentials"))
    }

    // MARK: Renewal

    /// A clock and a source that the test sets.
    private final class Scene: Sendable {
        struct State {
            var now = Date(timeIntervalSince1970: 0)
            var fetches = 0
            var isBroken = false
        }

        let state = Mutex(State())

        func cache() -> AWSCredentialsCache {
            AWSCredentialsCache(
                now: { self.state.withLock(\.now) },
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            ) {
                try self.state.withLock { state in
                    state.fetches += 1
                    if state.isBroken { throw CredentialsError("broken") }
                    return AWSCredentials(
                        accessKeyID: "id\(state.fetches)",
                        secretAccessKey: Secret("s"),
                        expires: state.now + 3_600
                    )
                }
            }
        }

        func advance(_ seconds: TimeInterval) { state.withLock { $0.now += seconds } }

        func breaks(_ isBroken: Bool) { state.withLock { $0.isBroken = isBroken } }

        var fetches: Int { state.withLock(\.fetches) }
    }

    /// Waits for the fetch that goes on behind what is at hand.
    private func settle(_ scene: Scene, fetches: Int) async { while scene.fetches < fetches { await Task.yield() } }

    @Test func `they are renewed before they expire, while the old ones serve`() async throws {
        let scene = Scene()
        let cache = scene.cache()
        #expect(try await cache.current().accessKeyID == "id1")
        scene.advance(2_999)
        #expect(try await cache.current().accessKeyID == "id1")
        #expect(scene.fetches == 1)
        scene.advance(2)
        #expect(try await cache.current().accessKeyID == "id1", "nobody waits as long as these serve")
        await settle(scene, fetches: 2)
        while cache.latest?.accessKeyID != "id2" { await Task.yield() }
        #expect(try await cache.current().accessKeyID == "id2")
        #expect(scene.fetches == 2)
    }

    @Test func `a renewal that fails is tried again after a while, and told when nothing serves any more`() async throws
    {
        let scene = Scene()
        let cache = scene.cache()
        _ = try await cache.current()
        scene.breaks(true)
        scene.advance(3_100)
        #expect(try await cache.current().accessKeyID == "id1")
        await settle(scene, fetches: 2)
        scene.advance(30)
        #expect(try await cache.current().accessKeyID == "id1")
        #expect(scene.fetches == 2)
        scene.advance(500)
        await #expect(throws: CredentialsError.self) { _ = try await cache.current() }
        scene.breaks(false)
        #expect(try await cache.current().accessKeyID == "id\(scene.fetches)")
    }

    @Test func `all that wait share one fetch`() async throws {
        let scene = Scene()
        let cache = scene.cache()
        let ids = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<100 { group.addTask { try await cache.current().accessKeyID } }
            return try await group.reduce(into: Set()) { $0.insert($1) }
        }
        #expect(ids == ["id1"])
        #expect(scene.fetches == 1)
    }

    @Test func `keys that a server calls expired are fetched anew`() async throws {
        let path = try file("[default]\naws_access_key_id=old\naws_secret_access_key=s\naws_session_token=t\n")
        let server = try S3ScriptedServer { request, number in
            if number == 0 {
                try? Data("[default]\naws_access_key_id=new\naws_secret_access_key=s\naws_session_token=t\n".utf8)
                    .write(to: URL(filePath: path))
            }
            return request.headers["authorization"]?.contains("Credential=new/") == true
                ? .ok("<ListBucketResult/>") : .error(400, "ExpiredToken")
        }
        let store = S3ObjectStore(
            try S3Location(parsing: "s3://bucket?endpoint=\(server.address)", environment: [:]),
            environment: ["AWS_SHARED_CREDENTIALS_FILE": path],
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        #expect(try await store.list(prefix: "", after: nil, limit: 1).isEmpty)
        #expect(server.requests.count == 2)
    }
}
