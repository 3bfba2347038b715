import Foundation
import StrictJSON
import Testing
import ZoetropeTestKit

extension EndToEnd {
    @Suite(.timeLimit(.minutes(5))) struct TokenCommandTests {
        private static let secret = "ZOETROPE_JWT_SECRET=a-secret-of-at-least-thirty-two-bytes"

        private func claims(_ result: ToolResult) throws -> [String: JSONValue] {
            #expect(result.status == 0, "\(result.errorText)")
            #expect(result.errorText.isEmpty)
            // The token alone, in one line.
            let lines = result.text.split(separator: "\n", omittingEmptySubsequences: false)
            #expect(lines.count == 2 && lines.last == "")
            let parts = lines[0].split(separator: ".")
            try #require(parts.count == 3)
            var text = parts[1].replacing("-", with: "+").replacing("_", with: "/")
            while text.count % 4 != 0 { text += "=" }
            let payload = try #require(Data(base64Encoded: String(text)))
            return try #require(JSONValue(parsing: payload).object)
        }

        @Test func `a token says what was asked for`() async throws {
            let folder = try TemporaryFolder()
            let usual = try claims(try await Program.run("token", "--user", "ada", in: folder))
            #expect(usual["sub"] == "ada" && usual["tier"] == "free" && usual["aud"] == "zoetrope")
            #expect(usual["sid"] == nil && usual["iss"] == nil)
            let (issued, expiry) = (usual["iat"]?.integer ?? 0, usual["exp"]?.integer ?? 0)
            #expect(expiry - issued == 30 * 86_400)
            #expect(abs(Date.now.timeIntervalSince1970 - Double(issued)) < 300)

            let all = try claims(
                try await Program.run(
                    "token",
                    "--user",
                    "ada",
                    "--session",
                    "s-1",
                    "--tier",
                    "paid",
                    "--expires",
                    "1d12h",
                    in: folder,
                    environment: [Self.secret, "ZOETROPE_JWT_AUDIENCE=films", "ZOETROPE_JWT_ISSUER=us"]
                )
            )
            #expect(all["sid"] == "s-1" && all["tier"] == "paid" && all["aud"] == "films" && all["iss"] == "us")
            #expect((all["exp"]?.integer ?? 0) - (all["iat"]?.integer ?? 0) == 36 * 3_600)
        }

        @Test func `without a secret one is made and kept in the data folder, also by processes that start at once`()
            async throws
        {
            let folder = try TemporaryFolder()
            try await withThrowingTaskGroup(of: ToolResult.self) { group in
                for _ in 0..<4 { group.addTask { try await Program.run("token", "--user", "ada", in: folder) } }
                for try await result in group { _ = try claims(result) }
            }
            let file = folder.path("zoetrope-data/secrets/jwt")
            let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
            #expect(mode == 0o600)
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: folder.path("zoetrope-data/secrets")) == ["jwt"]
            )
            let secret = try Data(contentsOf: URL(filePath: file))
            _ = try await Program.run("token", "--user", "eve", in: folder)
            #expect(try Data(contentsOf: URL(filePath: file)) == secret)

            try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: file)
            let doctor = try await Program.run("doctor", in: folder)
            #expect(doctor.status == 0)
            #expect(
                doctor.text.contains("warn  token secret: others can read ./zoetrope-data/secrets/jwt; chmod 600 it")
            )
        }

        @Test func `where tokens come from an issuer, none is made here`() async throws {
            let folder = try TemporaryFolder()
            let url = "ZOETROPE_JWKS_URL=https://issuer.example/keys?tenant=1"
            let result = try await Program.run("token", "--user", "ada", in: folder, environment: [url])
            #expect(result.status == 2)
            #expect(result.text.isEmpty)
            #expect(result.errorText.contains("ZOETROPE_JWKS_URL is set: tokens come from that issuer"))
            #expect(try Program.names(in: folder).isEmpty)

            let both = try await Program.run("token", "--user", "ada", in: folder, environment: [url, Self.secret])
            #expect(both.status == 2)
            #expect(both.errorText.contains("set one of ZOETROPE_JWT_SECRET and ZOETROPE_JWKS_URL, not both"))
        }

        @Test(arguments: [
            "ZOETROPE_JWT_SECRET=CANARY", "ZOETROPE_JWT_SECRET=a-secret-of-at-least-thirty-two-bytes,CANARY",
            "ZOETROPE_JWKS_URL=ftp://CANARY", "ZOETROPE_JWKS_URL=https://user:CANARY@issuer.example/keys",
        ])
        func `wrong settings for tokens are named and not shown`(_ setting: String) async throws {
            let folder = try TemporaryFolder()
            let result = try await Program.run("token", "--user", "ada", in: folder, environment: [setting])
            #expect(result.status == 2)
            #expect(result.errorText.contains(setting.prefix { $0 != "=" }))
            #expect(!(result.text + result.errorText).contains("CANARY"))
        }

        @Test(arguments: [
            ["--user", ""], ["--user", String(repeating: "a", count: 256)], ["--user", "a\nb"], [],
            ["--user", "ada", "--session", ""], ["--user", "ada", "--tier", "admin"],
            ["--user", "ada", "--expires", "0"], ["--user", "ada", "--expires", "3651d"],
            ["--user", "ada", "--expires", "soon"], ["--user", "ada", "--expires", "-1s"],
            ["--user", "ada", "--expires", ""], ["--user", "ada", "--expires", "9223372036854775807"],
        ])
        func `wrong arguments are wrong usage`(_ arguments: [String]) async throws {
            let folder = try TemporaryFolder()
            let result = try await ToolRunner.run("env", ["-C", folder.url.path, Program.path, "token"] + arguments)
            #expect(result.status == 2)
            #expect(result.text.isEmpty && !result.errorText.isEmpty)
            #expect(try Program.names(in: folder).isEmpty)
        }
    }
}
