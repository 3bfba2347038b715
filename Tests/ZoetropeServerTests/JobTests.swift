import Foundation
import HTTPTypes
import StrictJSON
import Testing
import ZoetropeCore
import ZoetropeWorkflow

@Suite(.timeLimit(.minutes(1)))
struct JobTests {
    private let api = TestAPI()

    @Test func `a photo becomes a job, which is then shown as it was answered`() async throws {
        let answer = try await api.post("/api/v1/jobs", TestForm(image: TestForm.photo))
        #expect(answer.status == 201)
        #expect(answer.headers[.contentType] == "application/json")
        let id = try #require(answer.json["id"]?.string)
        #expect(JobID(id) != nil)
        #expect(answer.headers[.location] == "/api/v1/jobs/\(id)")
        let source = try #require(answer.json["source"])
        #expect(source["s3_key"] == .string("uploads/\(id)/source.jpg"))
        #expect(source["content_type"] == "image/jpeg")
        #expect(source["width"] == 64)
        #expect(source["height"] == 64)
        #expect(source["sha256"]?.string?.utf8.count == 64)
        var rest = try #require(answer.json.object)
        rest["id"] = nil
        rest["source"] = nil
        #expect(
            rest == [
                "user_id": "local", "session_id": nil, "kind": "photo", "on_failure": "keep",
                "created_at": "2026-01-01T00:00:00.250Z", "restore_attempts": [], "animation_attempts": [],
            ]
        )
        #expect(try await api.call(.get, "/api/v1/jobs/\(id)").json == answer.json)
    }

    @Test(arguments: [
        ("kind", "scene", "scene", "rollback"), ("kind", "photo", "photo", "keep"),
        ("on_failure", "rollback", "photo", "rollback"), ("colour", "blue", "photo", "keep"),
    ])
    func `fields of the form are taken, unknown ones do nothing`(
        name: String,
        value: String,
        kind: String,
        onFailure: String
    ) async throws {
        let answer = try await api.post("/api/v1/jobs", TestForm(name, value))
        #expect(answer.status == 201)
        #expect(answer.json["kind"] == .string(kind))
        #expect(answer.json["on_failure"] == .string(onFailure))
    }

    @Test(arguments: [
        ("kind", "Photo", "Invalid kind. Choose photo or scene"),
        ("kind", "", "Invalid kind. Choose photo or scene"),
        ("kind", "photo\u{0}", "Invalid kind. Choose photo or scene"),
        ("on_failure", "delete", "Invalid on_failure. Choose keep or rollback"),
        ("image", "twice", "Send image once"),
    ])
    func `a field with another value is refused`(name: String, value: String, message: String) async throws {
        let answer = try await api.post("/api/v1/jobs", TestForm(name, value))
        #expect(answer.status == 422)
        #expect(answer.code == "validation_failed")
        #expect(answer.detail == message)
        #expect(answer.fields == [name])
    }

    @Test func `everything that is wrong with a form is said at once`() async throws {
        var form = TestForm()
        form.add("kind", Array("x".utf8))
        form.add("on_failure", [0xFF])
        let answer = try await api.post("/api/v1/jobs", form)
        #expect(answer.fields == ["image", "kind", "on_failure"])
        #expect(answer.detail?.hasPrefix("Image is required; ") == true)
    }

    @Test(arguments: [
        ([], 422, "image_empty"), (Array("GIF89a".utf8), 415, "image_unsupported"),
        (Array("hello".utf8), 415, "image_unsupported"), (Array(TestForm.photo.prefix(40)), 422, "image_damaged"),
    ])
    func `a file that is no image of ours is refused with its reason`(
        image: [UInt8],
        status: Int,
        code: String
    ) async throws {
        let answer = try await api.post("/api/v1/jobs", TestForm(image: image))
        #expect(answer.status == status)
        #expect(answer.code == code)
        #expect(answer.fields == ["image"])
        #expect(!api.store.calls.contains { $0.hasPrefix("accept") })
    }

    @Test func `an image of more than 25 MB is refused`() async throws {
        let answer = try await api.post("/api/v1/jobs", TestForm(image: [UInt8](repeating: 0, count: 25_000_001)))
        #expect(answer.status == 413)
        #expect(answer.code == "image_file_too_large")
    }

    @Test func `a form with more bytes than an image and its trimmings is refused`() async throws {
        let answer = try await api.post("/api/v1/jobs", TestForm(image: [UInt8](repeating: 0, count: 25_600_000)))
        #expect(answer.status == 413)
        #expect(answer.code == "body_too_large")
    }

    @Test func `jobs are listed newest first, the caller's own only, as many as asked for`() async throws {
        _ = try await api.makeForeignJob()
        let animation = try await api.makeAnimation()
        for _ in 0..<2 { _ = try await api.makeJob() }
        let all = try await api.call(.get, "/api/v1/jobs")
        #expect(all.status == 200)
        let jobs = try #require(all.json["jobs"]?.array)
        #expect(jobs.count == 3)
        #expect(jobs.allSatisfy { $0["user_id"] == "local" })
        let ids = jobs.flatMap { $0["animation_attempts"]?.array ?? [] }.compactMap { $0["id"]?.string }
        #expect(ids == [String(animation.suffix(36))])
        #expect(try await api.call(.get, "/api/v1/jobs?limit=2").json["jobs"]?.array?.count == 2)
    }

    @Test(arguments: ["0", "101", "-1", "x", "", "1.5", "99999999999999999999", "1%00"])
    func `a limit out of range is refused`(limit: String) async throws {
        let answer = try await api.call(.get, "/api/v1/jobs?limit=\(limit)")
        #expect(answer.status == 422)
        #expect(answer.detail == "Invalid limit. Choose a whole number from 1 to 100")
    }

    @Test(arguments: [
        "00000000-0000-4000-8000-000000000000", "0F0E0D0C-0B0A-4908-8706-050403020100", "x", "%2e%2e", "%00",
        "0f0e0d0c-0b0a-4908-8706-050403020100%20", "🦆",
    ])
    func `an unknown job and another user's are the same bytes`(id: String) async throws {
        let foreign = try await api.makeForeignJob()
        let routes: [(HTTPRequest.Method, String)] = [
            (.get, ""), (.get, "/animations"), (.post, "/animations"), (.get, "/animations/x"),
            (.post, "/animations/x/cancel"), (.post, "/animations/x/retry"),
        ]
        for (method, path) in routes {
            let headers = ["x-request-id": "same"]
            let unknown = try await api.call(method, "/api/v1/jobs/\(id)\(path)", headers, body: Array("{}".utf8))
            let other = try await api.call(method, foreign + path, headers, body: Array("{}".utf8))
            #expect(unknown.status == 404)
            #expect(unknown.detail == "Job not found")
            #expect(unknown.body == other.body)
            #expect(unknown.headers == other.headers)
        }
    }
}
