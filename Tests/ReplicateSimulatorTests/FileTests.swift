import ReplicateSimulator
import Testing

/// Uploaded inputs.
@Suite(.timeLimit(.minutes(2)))
struct FileTests {
    @Test func `an upload is answered as recorded and can be read, listed and deleted`() async throws {
        try await withManualSimulator { simulator, caller in
            let upload = try await caller.upload(Array("hello".utf8), metadata: ["attempt": "t9"])
            #expect(upload.status == 201)
            let json = upload.json
            let id = json["id"]?.string ?? ""
            #expect(id.count == 48)
            #expect(
                json.object?.keys == [
                    "id", "name", "content_type", "size", "etag", "checksums", "metadata", "created_at", "expires_at",
                    "urls",
                ]
            )
            #expect(json["name"] == "a b.png")
            #expect(json["content_type"] == "image/png")
            #expect(json["size"] == 5)
            #expect(json["etag"] == "5d41402abc4b2a76b9719d911017c592")
            #expect(
                json["checksums"]?["sha256"]
                    == "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
            )
            #expect(json["urls"]?["get"] == .string("\(simulator.baseURL)/v1/files/\(id)"))
            #expect(upload.header("ratelimit-remaining") == nil)
            let created = Moment(text: json["created_at"]?.string ?? "")
            let expires = Moment(text: json["expires_at"]?.string ?? "")
            #expect(created.flatMap { created in expires.map { $0 - created } } == 86_400)

            #expect(try await caller.call("GET", "/v1/files/\(id)").json == json)
            #expect(try await caller.call("GET", "/v1/files").json["results"] == [json])
            let deleted = try await caller.call("DELETE", "/v1/files/\(id)")
            #expect(deleted.status == 204)
            #expect(deleted.body.isEmpty)
            #expect(deleted.header("content-type") == "text/plain")
            #expect(try await caller.call("GET", "/v1/files/\(id)").text == #"{"detail":"File not found"}"#)
            #expect(try await caller.call("GET", "/v1/files").json["results"] == [])
        }
    }

    @Test func `a file lives for a day`() async throws {
        try await withManualSimulator { simulator, caller in
            let id = try await caller.upload([1]).json["id"]?.string ?? ""
            await simulator.advance(by: .seconds(86_399))
            #expect(try await caller.call("GET", "/v1/files/\(id)").status == 200)
            await simulator.advance(by: .seconds(1))
            #expect(try await caller.call("GET", "/v1/files/\(id)").status == 404)
        }
    }

    /// Which file a prediction names.
    enum Input: CaseIterable, Sendable {
        case own, unknown, deleted, expired, somebodyElses
    }

    @Test(arguments: Input.allCases)
    func `a prediction fails when its file cannot be read`(input: Input) async throws {
        try await withManualSimulator { simulator, caller in
            var url =
                try await caller.upload([1, 2, 3], metadata: ["attempt": "t7"]).json["urls"]?["get"]?.string ?? ""
            var token = simulator.token
            switch input {
            case .own: break
            case .unknown: url += "x"
            case .deleted: _ = try await caller.call("DELETE", String(url.dropFirst(simulator.baseURL.count)))
            case .expired: await simulator.advance(by: .seconds(86_399))
            case .somebodyElses: token = simulator.otherToken
            }
            let body: JSONValue = ["input": ["prompt": "x", "first_frame_image": .string(url)]]
            let headers = [("Authorization", "Bearer \(token)")]
            let path = "/v1/models/minimax/video-01-live/predictions"
            let created = try await Wire.send(
                simulator.baseURL,
                method: "POST",
                path,
                headers: headers,
                body: body.bytes
            )
            #expect(created.status == 201)
            await simulator.advance(by: .seconds(200))
            let entry = try #require(simulator.ledger.creates.first)
            #expect(entry.status == (input == .own ? "succeeded" : "failed"))
            #expect(entry.charge == (input == .own ? 0.5 : 0))
            if input == .own { #expect(entry.tag == "t7") }
        }
    }

    @Test func `a file above the limit is refused`() async throws {
        try await withManualSimulator { _, caller in
            let answer = try await caller.upload([UInt8](repeating: 1, count: 100_000_001))
            #expect(answer.status == 413)
            #expect(answer.text == #"{"detail":"Files must be less than 100MB in size"}"#)
        }
    }

    @Test(arguments: [
        ("text/plain", "x"), ("multipart/form-data", "x"), ("multipart/form-data; boundary=b", "--b\r\n"),
        ("multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\nx\r\n--b--"),
        ("multipart/form-data; boundary=b", "--b\r\nno colon\r\n\r\nx\r\n--b--"),
        ("multipart/form-data; boundary=\"b", "--b\r\n\r\n\r\n--b--"), ("multipart/form-data; boundary=b", "--b"),
        ("multipart/form-data; boundary=b", ""),
    ])
    func `a form that is none is refused`(type: String, body: String) async throws {
        try await withManualSimulator { simulator, _ in
            let answer = try await Wire.send(
                simulator.baseURL,
                method: "POST",
                "/v1/files",
                headers: [("Authorization", "Bearer \(simulator.token)"), ("Content-Type", type)],
                body: Array(body.utf8)
            )
            #expect(answer.status == 400)
        }
    }

    @Test func `an unsigned download is refused`() async throws {
        try await withManualSimulator { _, caller in
            let id = try await caller.upload([1]).json["id"]?.string ?? ""
            let path = "/v1/files/\(id)/download"
            #expect(try await caller.call("GET", path).status == 400)
            let query = "owner=simulator&expiry=99999999999&signature=AAAA"
            #expect(try await caller.call("GET", "\(path)?\(query)").status == 403)
        }
    }
}
