import Foundation
import HTTPTypes
import StrictJSON
import Testing
import ZoetropeCore
import ZoetropeServer
import ZoetropeStorage
import ZoetropeTestKit
import ZoetropeWorkflow

@Suite(.timeLimit(.minutes(2)))
struct MediaTests {
    private func name(_ text: String) throws -> HTTPField.Name { try #require(HTTPField.Name(text)) }

    // MARK: - Access

    @Test func `a signed address gives the object, and says what it is`() async throws {
        let stage = try MediaStage()
        let (path, bytes) = try await stage.make()
        let answer = try await stage.call(.get, path)
        #expect(answer.status == 200)
        #expect(answer.body == Array(bytes))
        #expect(answer.headers[.contentType] == "video/mp4")
        #expect(answer.headers[.contentLength] == "1000")
        #expect(answer.headers[.acceptRanges] == "bytes")
        #expect(answer.headers[.cacheControl] == "private, max-age=60")
        #expect(answer.headers[.contentDisposition] == "inline; filename=\"2.mp4\"")
        #expect(answer.headers[.crossOriginResourcePolicy] == "cross-origin")
        #expect(try answer.headers[name("x-content-type-options")] == "nosniff")
        #expect(try answer.headers[name("x-request-id")] != nil)
        #expect(answer.headers[.contentRange] == nil)
        let tag = try #require(answer.headers[.eTag])
        #expect(tag.wholeMatch(of: /"[0-9a-f]{24}"/) != nil)
        let modified = try #require(answer.headers[.lastModified].flatMap { Date(httpDate: $0) })
        #expect(abs(modified.timeIntervalSinceNow) < 600)

        let download = try await stage.call(.get, "\(path)&download=1")
        #expect(download.status == 200)
        #expect(download.headers[.contentDisposition] == "attachment; filename=\"2.mp4\"")
        #expect(download.headers[.eTag] == tag)
    }

    @Test(arguments: [
        ("a/b.jpg", "image/jpeg", "b.jpg"), ("a/b c\"d;\\.png", "image/png", "b_c_d__.png"),
        ("x/é.webp", "image/webp", "__.webp"),
        ("a.html", "application/octet-stream", "a.html"), ("%2F", "application/octet-stream", "_2F"),
        ("a/..b", "application/octet-stream", "..b"),
    ])
    func `type and file name follow from the key and are safe`(key: String, type: String, file: String) async throws {
        let stage = try MediaStage()
        let (path, bytes) = try await stage.make(key, byteCount: 3)
        let answer = try await stage.call(.get, path)
        #expect(answer.status == 200)
        #expect(answer.body == Array(bytes))
        #expect(answer.headers[.contentType] == type)
        #expect(answer.headers[.contentDisposition] == "inline; filename=\"\(file)\"")
    }

    @Test func `what was not signed is refused, whatever it looks like`() async throws {
        let stage = try MediaStage()
        let (path, _) = try await stage.make()
        let parts = path.split(separator: "?")
        let query = String(parts[1])
        let (expires, signature) = (query.split(separator: "&")[0], query.split(separator: "&")[1])
        let base = "/api/v1/media/animations/1/2.mp4"
        let forged = [
            "\(base)", "\(base)?", "\(base)?\(expires)", "\(base)?\(signature)", "\(base)?\(signature)&\(expires)",
            "\(base)?\(expires)&\(query)", "\(base)?\(query)&\(expires)", "\(base)?\(query)&\(signature)",
            "\(base)?\(query)&", "\(base)?&\(query)", "\(base)?\(expires)&&\(signature)", "\(base)?\(query)&x=1",
            "\(base)?\(query)&download=0", "\(base)?\(query)&download", "\(base)?\(query)&download=1&download=1",
            "\(base)?download=1&\(query)", "\(base)?\(query)%20", "\(base)?\(query)A",
            "\(base)?expires=4070908800&\(signature)", "\(base)?expires=&signature=",
            "\(base)?Expires\(query.dropFirst(7))",
            "\(base)/?\(query)", "/api/v1/media//animations/1/2.mp4?\(query)", "\(base)%00?\(query)",
            "/api/v1/media/animations//1/2.mp4?\(query)", "/api/v1/media/animations%2F1%2F2.mp4?\(query)",
            "/api/v1/media/animations/1/%32.mp4?\(query)", "/api/v1/media/animations/1/2.MP4?\(query)",
            "/api/v1/media/./animations/1/2.mp4?\(query)", "/api/v1/media/x/../animations/1/2.mp4?\(query)",
            "/api/v1/media/../../../../etc/passwd?\(query)", "/api/v1/media/%2e%2e/%2e%2e/etc/passwd?\(query)",
            "/api/v1/media/.incoming/x?\(query)", "/api/v1/media/animations/1/3.mp4?\(query)",
            "/api/v1/media/animations/1/2.mp4;x?\(query)",
            "/api/v1/media/\(String(repeating: "a/", count: 3_000))b?\(query)",
        ]
        for path in forged {
            for method in [HTTPRequest.Method.get, .head] {
                let answer = try await stage.call(method, path)
                #expect(answer.status == 403, "\(path)")
                if method == .get { #expect(answer.code == "invalid_signature", "\(path)") }
                #expect(answer.headers[.cacheControl] == "no-store")
                #expect(answer.headers[.eTag] == nil)
            }
        }
        for path in [
            "//api/v1/media/animations/1/2.mp4?\(query)", "/api//v1/media/animations/1/2.mp4?\(query)",
            "/api/v1//media/animations/1/2.mp4?\(query)", "/API/v1/media/animations/1/2.mp4?\(query)",
            "/api/v1/Media/animations/1/2.mp4?\(query)", "/api/v1/%6dedia/animations/1/2.mp4?\(query)",
            "/x/../api/v1/media/animations/1/2.mp4?\(query)", "/api/v1/media?\(query)", "/animations/1/2.mp4?\(query)",
        ] {
            let answer = try await stage.call(.get, path)
            #expect([403, 404].contains(answer.status), "\(path)")
            #expect(answer.headers[.eTag] == nil)
        }
        #expect(stage.objects.bytesRead == 0)
        #expect(try await stage.call(.get, path).status == 200)
    }

    @Test func `an address ends with its second`() async throws {
        let stage = try MediaStage()
        _ = try await stage.make()
        let key = try #require(ObjectKey("animations/1/2.mp4"))
        for seconds in [-1.0, 0, 0.5] {
            let path = stage.signer.path(for: key, expires: MediaStage.now + seconds)
            let answer = try await stage.call(.get, path)
            #expect(answer.status == 410)
            #expect(answer.code == "url_expired")
            #expect(answer.headers[.cacheControl] == "no-store")
        }
        let last = try await stage.call(.get, stage.signer.path(for: key, expires: MediaStage.now + 1))
        #expect(last.status == 200)
        #expect(last.headers[.cacheControl] == "private, max-age=1")
    }

    @Test func `what was deleted is gone, the row first or the object first`() async throws {
        let stage = try MediaStage(isPublished: { $0.description != "hidden.mp4" })
        let hidden = try await stage.make("hidden.mp4")
        #expect(try await stage.call(.get, hidden.path).code == "gone")
        let (path, _) = try await stage.make()
        #expect(try await stage.call(.head, path).status == 200)
        try await stage.objects.delete(#require(ObjectKey("animations/1/2.mp4")))
        for path in [path, stage.address(try #require(ObjectKey("never/there.mp4")))] {
            let answer = try await stage.call(.get, path)
            #expect(answer.status == 410)
            #expect(answer.code == "gone")
            #expect(answer.headers[.cacheControl] == "no-store")
        }
    }

    @Test func `nobody is asked about an address that is forged or expired`() async throws {
        let stage = try MediaStage(isPublished: { _ in throw RunStoreError(.unavailable, "host db.internal") })
        let (path, _) = try await stage.make()
        #expect(try await stage.call(.get, "\(path)A").status == 403)
        let key = try #require(ObjectKey("animations/1/2.mp4"))
        #expect(try await stage.call(.get, stage.signer.path(for: key, expires: MediaStage.now)).status == 410)
        let answer = try await stage.call(.get, path)
        #expect(answer.status == 503)
        #expect(!String(decoding: answer.body, as: UTF8.self).contains("db.internal"))
    }

    @Test func `a store that cannot be reached is no deleted object`() async throws {
        let stage = try MediaStage()
        let (path, _) = try await stage.make()
        stage.objects.fail(with: StorageError(.unavailable, "host s3.internal"))
        let answer = try await stage.call(.get, path)
        #expect(answer.status == 503)
        #expect(answer.headers[.retryAfter] != nil)
        #expect(!String(decoding: answer.body, as: UTF8.self).contains("s3.internal"))
    }

    // MARK: - Parts and conditions

    @Test func `HEAD says what GET would and reads nothing`() async throws {
        let stage = try MediaStage()
        let (path, _) = try await stage.make()
        let (head, get) = try await (
            stage.call(.head, path, ["range": "bytes=0-9"]), stage.call(.get, path)
        )
        #expect(stage.objects.bytesRead == 1_000)
        #expect(head.status == 200, "only GET has ranges")
        #expect(head.body.isEmpty)
        for name in [HTTPField.Name.contentLength, .contentType, .eTag, .lastModified, .acceptRanges, .cacheControl] {
            #expect(head.headers[name] == get.headers[name])
        }
    }

    @Test func `curl gets parts as it asks for them`() async throws {
        let stage = try MediaStage()
        let (path, bytes) = try await stage.make()
        try await stage.serve { port in
            for (option, range) in [("0-99", 0..<100), ("-5", 995..<1_000), ("900-", 900..<1_000), ("0-0", 0..<1)] {
                let part = try await stage.curl(port, path, "-r", option)
                #expect(part.exit == 0)
                #expect(part.status == 206)
                #expect(part["content-range"] == "bytes \(range.lowerBound)-\(range.upperBound - 1)/1000")
                #expect(part["content-length"] == "\(range.count)")
                #expect(part["content-type"] == "video/mp4")
                #expect(part.body == bytes[range])
            }
            let beyond = try await stage.curl(port, path, "-r", "1000-")
            #expect(beyond.status == 416)
            #expect(beyond["content-range"] == "bytes */1000")
            #expect(beyond["content-type"] == "application/problem+json")
            #expect(beyond["cache-control"] == "no-store")

            for option in ["0-1,5-6", "5-4", "x"] {
                let whole = try await stage.curl(port, path, "-H", "Range: bytes=\(option)")
                #expect(whole.status == 200)
                #expect(whole["content-range"] == nil)
                #expect(whole.body == bytes)
            }
            let head = try await stage.curl(port, path, "--head")
            #expect(head.exit == 0)
            #expect(head.status == 200)
            #expect(head["content-length"] == "1000")

            // A download that was broken off, taken up again.
            let partial = stage.folder.path("partial.mp4")
            try bytes[..<600].write(to: URL(filePath: partial))
            try await ToolRunner.succeed("curl", ["-sS", "-C", "-", "-o", partial, "http://127.0.0.1:\(port)\(path)"])
            #expect(FileManager.default.contents(atPath: partial) == bytes)
        }
    }

    @Test func `curl is told when it has the object already, and gets the whole when it has another`() async throws {
        let stage = try MediaStage()
        let (path, bytes) = try await stage.make()
        try await stage.serve { port in
            let first = try await stage.curl(port, path)
            let (tag, date) = try (#require(first["etag"]), #require(first["last-modified"]))
            for header in [
                "If-None-Match: \(tag)", "If-None-Match: W/\(tag), \"x\"", "If-None-Match: *",
                "If-Modified-Since: \(date)",
            ] {
                let answer = try await stage.curl(port, path, "-H", header, "-r", "0-9")
                #expect(answer.exit == 0)
                #expect(answer.status == 304, "\(header)")
                #expect(answer.body.isEmpty)
                #expect(answer["etag"] == tag)
                #expect(answer["cache-control"] == "private, max-age=60")
                #expect(answer["content-length"] == nil)
            }
            for header in ["If-None-Match: \"x\"", "If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT"] {
                #expect(try await stage.curl(port, path, "-H", header).status == 200)
            }
            let mismatch = try await stage.curl(port, path, "-H", "If-Match: \"x\"")
            #expect(mismatch.status == 412)

            for (validator, status) in [
                (tag, 206), (date, 206), ("\"x\"", 200), ("W/\(tag)", 200), ("Thu, 01 Jan 1970 00:00:00 GMT", 200),
            ] {
                let answer = try await stage.curl(port, path, "-r", "0-9", "-H", "If-Range: \(validator)")
                #expect(answer.status == status, "\(validator)")
                #expect(answer.body == (status == 206 ? bytes[..<10] : bytes))
            }
            let beyond = try await stage.curl(port, path, "-r", "5000-", "-H", "If-Range: \"x\"")
            #expect(beyond.status == 200, "a range that does not count cannot be wrong")
        }
    }

    @Test func `an object without bytes is one`() async throws {
        let stage = try MediaStage()
        let (path, _) = try await stage.make("empty.mp4", byteCount: 0)
        try await stage.serve { port in
            let answer = try await stage.curl(port, path)
            #expect(answer.exit == 0)
            #expect(answer.status == 200)
            #expect(answer["content-length"] == "0")
            #expect(try await stage.curl(port, path, "-r", "0-").status == 416)
        }
    }

    @Test func `curl sends what a path is made of as it is`() async throws {
        let stage = try MediaStage()
        let (path, bytes) = try await stage.make("a b/straße 日本/%2F+c?d.mp4")
        try await stage.serve { port in
            let answer = try await stage.curl(port, path)
            #expect(answer.status == 200)
            #expect(answer.body == bytes)
            let trick = path.replacingOccurrences(of: "/media/", with: "/media/x/../")
            #expect(try await stage.curl(port, trick).status == 403)
        }
    }

    // MARK: - Bodies

    @Test func `several requests on one connection get their own bytes`() async throws {
        let stage = try MediaStage()
        let (path, bytes) = try await stage.make(byteCount: 1_500_000)
        try await stage.serve { port in
            let connection = try RawConnection(port: port)
            for start in [0, 700_000, 1_499_990] {
                await connection.write("GET \(path) HTTP/1.1\r\nHost: localhost\r\nRange: bytes=\(start)-\r\n\r\n")
                let head = await connection.readHead()
                #expect(head.hasPrefix("HTTP/1.1 206 "))
                #expect(await connection.read(count: bytes.count - start) == Array(bytes[start...]))
            }
        }
    }

    @Test func `a large object is read no faster than its reader takes it`() async throws {
        let stage = try MediaStage()
        let byteCount = 200 << 20
        let path = try stage.makeSparse(byteCount: UInt64(byteCount))
        try await stage.serve { port in
            let connection = try RawConnection(port: port)
            await connection.write("GET \(path) HTTP/1.1\r\nHost: localhost\r\n\r\n")
            #expect(await connection.readHead().contains("\r\nContent-Length: \(byteCount)\r\n"))
            var taken = 0
            var lead = 0
            var last: UInt8 = 0
            while taken < byteCount {
                let piece = await connection.read(count: min(1 << 20, byteCount - taken))
                guard !piece.isEmpty else { break }
                taken += piece.count
                last = piece[piece.count - 1]
                lead = max(lead, stage.objects.bytesRead - taken)
            }
            #expect(taken == byteCount)
            #expect(last == 1)
            // What the kernel buffers for a connection on one machine, and two pieces.
            #expect(lead < 32 << 20)
        }
    }

    @Test func `readers that stand still do not hold others up`() async throws {
        let stage = try MediaStage()
        let path = try stage.makeSparse(byteCount: 100 << 20)
        try await stage.serve { port in
            var still: [RawConnection] = []
            for _ in 0..<16 {
                let connection = try RawConnection(port: port)
                await connection.write("GET \(path) HTTP/1.1\r\nHost: localhost\r\n\r\n")
                _ = await connection.readHead()
                still.append(connection)
            }
            let other = try await stage.curl(port, path)
            #expect(other.exit == 0)
            #expect(other.body.count == 100 << 20)
            #expect(other.body.last == 1)
            #expect(still.count == 16)
        }
    }

    @Test func `an object that is deleted meanwhile is still read to its end`() async throws {
        let stage = try MediaStage()
        let (path, bytes) = try await stage.make(byteCount: 20_000_000)
        try await stage.serve { port in
            let connection = try RawConnection(port: port)
            await connection.write("GET \(path) HTTP/1.1\r\nHost: localhost\r\n\r\n")
            _ = await connection.readHead()
            let first = await connection.read(count: 1_000)
            #expect(stage.objects.bytesRead < 20_000_000, "it must be deleted while it is being read")
            try await stage.objects.delete(#require(ObjectKey("animations/1/2.mp4")))
            #expect(try await stage.call(.get, path).code == "gone")
            let rest = await connection.read(count: 20_000_000 - 1_000)
            #expect(first + rest == Array(bytes))
        }
    }

    @Test func `an object that shrinks while it is read breaks the connection`() async throws {
        let stage = try MediaStage()
        let path = try stage.makeSparse(byteCount: 100 << 20)
        try await stage.serve { port in
            let connection = try RawConnection(port: port)
            await connection.write("GET \(path) HTTP/1.1\r\nHost: localhost\r\n\r\n")
            _ = await connection.readHead()
            let handle = try #require(FileHandle(forWritingAtPath: stage.file("large.mp4")))
            try handle.truncate(atOffset: 70_000_001)
            try handle.close()
            let received = await connection.read(count: 100 << 20)
            #expect(received.count <= 70_000_001)
            #expect(await connection.read(count: 1).isEmpty, "the connection is at its end")
            #expect(stage.log.lines.contains { $0.contains("could not be read to its end") })
        }
    }

    @Test func `curl notices that an object broke off`() async throws {
        let stage = try MediaStage()
        let path = try stage.makeSparse(byteCount: 100 << 20)
        try await stage.serve { port in
            // At a rate at which it is still at it when the file shrinks.
            async let answer = stage.curl(port, path, "--limit-rate", "40M", "--no-buffer")
            while stage.objects.bytesRead == 0 { await Task.yield() }
            let handle = try #require(FileHandle(forWritingAtPath: stage.file("large.mp4")))
            try handle.truncate(atOffset: 80_000_001)
            try handle.close()
            #expect(try await answer.exit == 18, "CURLE_PARTIAL_FILE")
        }
    }
}
