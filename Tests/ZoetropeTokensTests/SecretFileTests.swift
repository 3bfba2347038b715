import Foundation
import Testing
import ZoetropeTestKit
import ZoetropeTokens

/// The file that keeps secrets.
@Suite(.timeLimit(.minutes(1)))
struct SecretFileTests {
    private let folder: TemporaryFolder
    private var path: String { folder.path("secrets/jwt") }

    init() throws {
        folder = try TemporaryFolder()
    }

    private func write(_ text: String, mode: Int = 0o600) throws {
        try FileManager.default.createDirectory(atPath: folder.path("secrets"), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: URL(filePath: path))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
    }

    private func mode(_ path: String) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    }

    private func names() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path("secrets")).sorted()
    }

    @Test(arguments: [32, 64]) func `a secret is made once and kept, for its owner only`(_ byteCount: Int) throws {
        let made = try SecretFile.loadOrMake(path: path, byteCount: byteCount)
        #expect(made.map(\.count) == [byteCount])
        #expect(Set(made[0]).count > 8)
        #expect(try SecretFile.loadOrMake(path: path, byteCount: byteCount) == made)
        #expect(try mode(path) == 0o600)
        #expect(try mode(folder.path("secrets")) == 0o700)
        #expect(try names() == ["jwt"])
        #expect(!SecretFile.isOpenToOthers(path: path))
        #expect(try SecretFile.loadOrMake(path: folder.path("secrets/other")) != made)
    }

    @Test func `all who start at once end with the same secret`() async throws {
        for round in 0..<20 {
            let path = folder.path("secrets/\(round)")
            let found = try await withThrowingTaskGroup(of: [[UInt8]].self) { group in
                for _ in 0..<16 { group.addTask { try SecretFile.loadOrMake(path: path) } }
                return try await group.reduce(into: Set()) { $0.insert($1) }
            }
            #expect(found.count == 1)
            #expect(try SecretFile.loadOrMake(path: path) == found.first)
        }
        #expect(try names().count == 20)
    }

    @Test func `every line is a secret, the first one first`() throws {
        let secrets = (0..<3).map { [UInt8](repeating: $0 + 250, count: 40) }
        let lines = secrets.map(Forge.base64URL)
        for text in [lines.joined(separator: "\n"), "\n\(lines.joined(separator: "\r\n\r\n"))\r\n"] {
            try write(text)
            #expect(try SecretFile.loadOrMake(path: path) == secrets)
        }
    }

    @Test(arguments: [
        ("", "got 0"), ("\n\n", "got 0"), ("short", "line 1"), (String(repeating: "A", count: 42), "line 1"),
        (String(repeating: "A", count: 43) + "=\n", "line 1"),
        ("\(String(repeating: "A", count: 44))\nsécret", "line 2"),
        (String(repeating: String(repeating: "A", count: 44) + "\n", count: 17), "got 17"),
        (String(repeating: "A", count: 100_000), "65536 bytes"),
    ])
    func `a file that holds something else is refused and left as it is`(_ text: String, _ words: String) throws {
        try write(text)
        let error = #expect(throws: SecretError.self) { try SecretFile.loadOrMake(path: path) }
        #expect(error?.description.contains(words) == true, "\(String(describing: error))")
        #expect(error?.description.contains(path) == true)
        #expect(error?.description.contains("AAAA") == false)
        #expect(try String(contentsOfFile: path, encoding: .utf8) == text)
    }

    @Test func `what is no file is refused`() throws {
        let secrets = folder.path("secrets")
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        #expect(throws: SecretError.self) { try SecretFile.loadOrMake(path: path) }
        #expect(mkfifo("\(secrets)/pipe", 0o600) == 0)
        #expect(throws: SecretError.self) { try SecretFile.loadOrMake(path: "\(secrets)/pipe") }
        try Data().write(to: URL(filePath: "\(secrets)/file"))
        #expect(throws: SecretError.self) { try SecretFile.loadOrMake(path: "\(secrets)/file/jwt") }
    }

    @Test(arguments: [(0o600, false), (0o400, false), (0o640, true), (0o604, true), (0o620, true)])
    func `a file that others may read works, and is known to be so`(_ mode: Int, _ isOpen: Bool) throws {
        try write(String(repeating: "A", count: 43), mode: mode)
        #expect(SecretFile.isOpenToOthers(path: path) == isOpen)
        #expect(try SecretFile.loadOrMake(path: path) == [[UInt8](repeating: 0, count: 32)])
        #expect(!SecretFile.isOpenToOthers(path: path + "-missing"))
    }
}
