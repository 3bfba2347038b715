import Foundation
import HTTPTypes
import HummingbirdTesting
import StrictJSON
import Testing
import ZoetropeServer
import ZoetropeTestKit
import ZoetropeWorkflow

/// Through real connections.
@Suite(.timeLimit(.minutes(1)))
struct LiveTests {
    @Test func `the API works over HTTP, several requests on one connection`() async throws {
        let api = TestAPI()
        try await api.server.application()
            .test(.live) { client in
                let job = try await client.call(
                    .post,
                    "/api/v1/jobs",
                    TestForm(image: TestForm.photo).headers,
                    body: TestForm(image: TestForm.photo).bytes
                )
                #expect(job.status == 201)
                let path = try #require(job.headers[.location])
                let order = Array("{\"params\":{\"prompt\":\"x\"}}".utf8)
                let animation = try await client.call(.post, "\(path)/animations", body: order)
                #expect(animation.status == 202)
                #expect(animation.headers[.date] != nil)
                let canceled = try await client.call(.post, "\(animation.headers[.location] ?? "")/cancel")
                #expect(canceled.status == 202)
                #expect(try await client.call(.get, path).json["animation_attempts"]?.array?.count == 1)
            }
    }

    @Test func `a server tells its port and ends when its task is cancelled`() async throws {
        let start = ContinuousClock().now
        let text = try await LiveServer.run { _, port in
            let connection = try RawConnection(port: port)
            await connection.write("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            return await connection.read(until: "}")
        }
        #expect(text.hasPrefix("HTTP/1.1 200 OK\r\n"))
        #expect(start.duration(to: .now) < .seconds(60))
    }

    @Test func `a port that is taken is an error`() async throws {
        _ = try await LiveServer.run { _, port in
            await #expect(throws: (any Error).self) {
                try await TestAPI(settings: ServerSettings(port: port)).server.run()
            }
        }
    }

    @Test func `a request that never ends holds the end up for five seconds`() async throws {
        let start = ContinuousClock().now
        let connection = try await LiveServer.run { api, port in
            let connection = try RawConnection(port: port)
            await connection.write(
                "POST /api/v1/webhooks/replicate HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n"
            )
            #expect(await connection.read(until: "\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n")
            await connection.write("1234")
            return connection
        }
        let duration = start.duration(to: .now)
        #expect(duration > .seconds(4))
        #expect(duration < .seconds(60))
        _ = connection
    }

    @Test func `a body without a length is refused where it passes the limit`() async throws {
        try await LiveServer.run { api, port in
            let connection = try RawConnection(port: port)
            await connection.write(
                "POST /api/v1/webhooks/replicate HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
            )
            let chunk = Array("100000\r\n".utf8) + [UInt8](repeating: 0x20, count: 0x100000) + Array("\r\n".utf8)
            for _ in 0..<10 { await connection.write(chunk) }
            let answer = await connection.read(until: "\r\n\r\n")
            #expect(answer.hasPrefix("HTTP/1.1 413 "))
            #expect(api.store.calls.isEmpty)
        }
    }

    @Test(arguments: [
        ("", 403), ("Host: \r\n", 403), ("Host: evil.example\r\n", 403), ("Host: zoetrope.example:8080\r\n", 403),
        ("Host: 127.0.0.1.evil.example\r\n", 403), ("Host: 127.0.0.1:9\r\n", 200), ("Host: [::1]:9\r\n", 200),
        ("Host: LOCALHOST\r\n", 200), ("Host: localhost:1@evil.example\r\n", 403),
    ])
    func `without login only names of this machine are answered`(host: String, status: Int) async throws {
        try await LiveServer.run { api, port in
            let connection = try RawConnection(port: port)
            await connection.write("GET /api/v1/jobs HTTP/1.1\r\n\(host)\r\n")
            let answer = await connection.read(until: "}")
            #expect(answer.hasPrefix("HTTP/1.1 \(status) "), "\(answer)")
        }
    }

    @Test(arguments: [
        "POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        "POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "\0\0\0\0\r\n\r\n", "GET\r\n\r\n",
    ])
    func `what is not HTTP is refused and the server lives on`(text: String) async throws {
        try await LiveServer.run { _, port in
            let connection = try RawConnection(port: port)
            await connection.write(text)
            let answer = await connection.read(until: "never")
            #expect(answer.isEmpty || answer.hasPrefix("HTTP/1.1 4"), "\(answer)")
            let next = try RawConnection(port: port)
            await next.write("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            #expect(await next.read(until: "}").hasPrefix("HTTP/1.1 200"))
        }
    }

    @Test func `a body that breaks off is not taken for a whole one`() async throws {
        try await LiveServer.run { api, port in
            let connection = try RawConnection(port: port)
            await connection.write(
                "POST /api/v1/webhooks/replicate HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n123"
            )
            connection.finishWriting()
            let answer = await connection.read(until: "never")
            #expect(answer.isEmpty || answer.hasPrefix("HTTP/1.1 4"), "\(answer)")
            #expect(!api.log.lines.contains { $0.contains("refused a webhook") })
        }
    }
}
