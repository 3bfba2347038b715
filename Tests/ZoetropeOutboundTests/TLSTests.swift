import Foundation
import NIOCore
import Testing
import ZoetropeOutbound
import ZoetropeTestKit
import ZoetropeWorkflow

/// A TLS server with a self-signed certificate, from OpenSSL's own tools.
private func withTLSServer(
    for names: String,
    _ body: (_ port: Int, _ certificate: String) async throws -> Void
) async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "zoetrope-outbound-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(at: folder) }
    let (key, certificate) = (folder.appending(path: "key").path, folder.appending(path: "certificate").path)
    try await ToolRunner.succeed(
        "openssl",
        [
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
            "-subj", "/CN=zoetrope test", "-addext", "subjectAltName=\(names)", "-keyout", key, "-out", certificate,
        ]
    )
    // With -HTTP, s_server sends a file as a whole answer.
    try Data("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nimage".utf8).write(to: folder.appending(path: "image"))
    let server = Process()
    server.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    server.arguments = ["openssl", "s_server", "-accept", "127.0.0.77:0", "-key", key, "-cert", certificate, "-HTTP"]
    server.currentDirectoryURL = folder
    let output = Pipe()
    server.standardOutput = output
    server.standardError = FileHandle.nullDevice
    server.standardInput = FileHandle.nullDevice
    try server.start()
    defer { server.terminate() }
    var text = ""
    while !text.contains("\n") || text.firstMatch(of: /ACCEPT .*:(\d+)\n/) == nil {
        let data = output.fileHandleForReading.availableData
        try #require(!data.isEmpty, "openssl s_server ended: \(text)")
        text += String(decoding: data, as: UTF8.self)
    }
    let port = try #require(text.firstMatch(of: /ACCEPT .*:(\d+)\n/).flatMap { Int($0.1) })
    try await body(port, certificate)
}

@Suite(.enabled(if: ToolRunner.has("openssl"), "install openssl"), .timeLimit(.minutes(2)))
struct TLSTests {
    @Test func `the certificate must be trusted, and for the name and not for where it leads`() async throws {
        try await withTLSServer(for: "DNS:right.example,DNS:*.wild.example") { port, certificate async throws in
            var rules = GuardedClient.Rules.lenient(
                port,
                names: [
                    "right.example": ["127.0.0.77"], "wrong.example": ["127.0.0.77"], "a.wild.example": ["127.0.0.77"],
                ]
            )
            // Nobody trusts it.
            #expect(try await code("https://right.example:\(port)/image", by: rules) == .unreachable)
            rules.trustedCertificates = certificate
            let image = Array("image".utf8)
            #expect(try await fetched("https://right.example:\(port)/image", by: rules).get() == image)
            #expect(try await fetched("https://a.wild.example:\(port)/image", by: rules).get() == image)
            for host in ["wrong.example", "127.0.0.77"] {
                guard case .failure(let error) = try await fetched("https://\(host):\(port)/image", by: rules) else {
                    Issue.record("\(host) was trusted")
                    continue
                }
                #expect(error.code == .unreachable)
                #expect(error.message.contains("certificate"), "\(error.detail)")
            }
        }
    }

    @Test func `an address can have a certificate of its own`() async throws {
        try await withTLSServer(for: "IP:127.0.0.77") { port, certificate async throws in
            var rules = GuardedClient.Rules.lenient(port)
            rules.trustedCertificates = certificate
            #expect(try await fetched("https://127.0.0.77:\(port)/image", by: rules).get() == Array("image".utf8))
        }
    }

    @Test func `a server that does not speak TLS is unreachable by https`() async throws {
        try await Origin.run(answer: { _ in .ok("image") }) { origin, port async throws in
            var rules = GuardedClient.Rules.lenient(port)
            rules.image.idle = .milliseconds(500)
            #expect(try await code("https://127.0.0.77:\(port)/", by: rules) == .unreachable)
            #expect(origin.requests == [])
        }
    }
}
