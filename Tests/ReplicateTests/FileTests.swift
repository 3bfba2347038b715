import Crypto
import Foundation
import Replicate
import ReplicateSimulator
import Testing
import ZoetropeTestKit

/// Input files at Replicate.
@Suite(.timeLimit(.minutes(2)))
struct FileTests {
    /// Bytes that no compression or text mode leaves alone by luck.
    private static func noise(_ count: Int) -> Data {
        var generator = SplitMix64(seed: 7)
        return Data((0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) })
    }

    private static func hex(_ data: Data) -> String {
        SHA256.hash(data: data).map { String(format: "%02x", $0) }.joined()
    }

    @Test(arguments: [1, 1_000, 256 << 10, (256 << 10) + 1, 3_000_000])
    func `a file arrives as it is`(size: Int) async throws {
        try await SimulatedReplicate.run { replicate in
            let folder = try TemporaryFolder()
            let data = Self.noise(size)
            let path = folder.path("photo.jpg")
            try data.write(to: URL(filePath: path))
            let file = try await replicate.client.uploadFile(
                at: path,
                contentType: "image/jpeg",
                metadata: ["attempt": "abc", "n": 1]
            )
            #expect(file.size == Int64(size))
            #expect(file.sha256 == Self.hex(data))
            #expect(file.name == "photo.jpg")
            #expect(file.contentType == "image/jpeg")
            #expect(file.metadata == ["attempt": "abc", "n": 1])
            #expect(file.url.hasSuffix("/v1/files/\(file.id)"))
            let created = try #require(file.createdAt)
            #expect(file.expiresAt?.timeIntervalSince(created) == 86_400)

            let bytes = try await replicate.client.uploadFile(data, contentType: "image/jpeg", name: "b.jpg")
            #expect(bytes.sha256 == file.sha256)
            #expect(folder.contents == ["photo.jpg"])
        }
    }

    @Test(arguments: [
        "photo.jpg", "a \"b\".jpg", "a\"\u{301}.jpg", "Überraschung ✗.png", String(repeating: "x", count: 255),
    ])
    func `a name of any kind breaks nothing`(name: String) async throws {
        try await SimulatedReplicate.run { replicate in
            let data = Self.noise(100)
            let file = try await replicate.client.uploadFile(data, contentType: "image/png", name: name)
            #expect(file.sha256 == Self.hex(data))
            if !name.unicodeScalars.contains("\"") { #expect(file.name == name) }
        }
    }

    @Test
    func `what cannot be uploaded is refused before anything is sent`() async throws {
        let client = try ReplicateClient(token: "r8_x", baseURL: "http://127.0.0.1:9")
        let folder = try TemporaryFolder()
        try Data().write(to: URL(filePath: folder.path("empty")))
        for path in [folder.path("missing"), folder.path("empty"), folder.url.path, "/dev/zero", "/dev/null"] {
            let error = try await #require(throws: ReplicateError.self) {
                try await client.uploadFile(at: path, contentType: "image/jpeg")
            }
            #expect(error.kind == .permanent, "\(error)")
        }
        for (type, name) in [
            ("jpeg", "a"), ("image/\r\nX: y", "a"), ("image/jpeg", ""), ("image/jpeg", "a\r\nX-Evil: 1"),
            ("image/jpeg", "a\0b"),
            ("image/jpeg", String(repeating: "x", count: 256)),
        ] {
            let error = try await #require(throws: ReplicateError.self) {
                try await client.uploadFile([1], contentType: type, name: name)
            }
            #expect(error.kind == .permanent, "\(error)")
        }
        #expect(folder.contents == ["empty"])
    }

    @Test
    func `a file that is too large is refused by its size, unread`() async throws {
        let client = try ReplicateClient(token: "r8_x", baseURL: "http://127.0.0.1:9")
        let folder = try TemporaryFolder()
        let path = folder.path("large")
        #expect(FileManager.default.createFile(atPath: path, contents: nil))
        let handle = try FileHandle(forWritingTo: URL(filePath: path))
        try handle.truncate(atOffset: 100 << 20)
        try handle.close()
        let error = try await #require(throws: ReplicateError.self) {
            try await client.uploadFile(at: path, contentType: "image/jpeg")
        }
        #expect(error.kind == .permanent)
        #expect(error.message.contains("smaller than 100 MB"))
        #expect(folder.contents == ["large"])
    }

    @Test(arguments: [Fault.close(.after), .close(.before), .answer(.init(502), .after), .truncatedJSON])
    func `an upload is not repeated by itself either`(fault: Fault) async throws {
        try await SimulatedReplicate.run(rules: [.fault(.fileUpload, fault)]) { replicate in
            let error = try await #require(throws: ReplicateError.self) {
                try await replicate.client.uploadFile([1, 2, 3], contentType: "image/png", name: "a.png")
            }
            #expect(error.kind == .ambiguous)
            #expect(replicate.requests("POST", "/files").count == 1)
        }
    }

    @Test
    func `a 413 is refused for sure`() async throws {
        let body = CannedAnswer(413, .json(["detail": "Files must be less than 100MB in size"]))
        try await SimulatedReplicate.run(rules: [.fault(.fileUpload, .answer(body))]) { replicate in
            let error = try await #require(throws: ReplicateError.self) {
                try await replicate.client.uploadFile([1, 2, 3], contentType: "image/png", name: "a.png")
            }
            #expect(error.kind == .refused)
            #expect(error.detail == "Files must be less than 100MB in size")
        }
    }

    @Test
    func `files are got, listed and deleted`() async throws {
        try await SimulatedReplicate.run { replicate in
            var ids: Set<UploadedFile.ID> = []
            for number in 0..<3 {
                let name = "\(number).png"
                ids.insert(try await replicate.client.uploadFile([1], contentType: "image/png", name: name).id)
            }
            let id = try #require(ids.first)
            #expect(try await replicate.client.file(id).id == id)
            var listed: Set<UploadedFile.ID> = []
            for try await page in replicate.client.files() { listed.formUnion(page.elements.map(\.id)) }
            #expect(listed == ids)

            // The answer to the first try is lost, so the second finds nothing: deleted all the same.
            replicate.simulator.add(.fault(.fileDelete, .close(.after)))
            try await replicate.client.deleteFile(id)
            #expect(replicate.requests("DELETE", "/\(id)").count == 2)
            let error = try await #require(throws: ReplicateError.self) { try await replicate.client.file(id) }
            #expect(error.status == 404)
            #expect(error.kind == .refused)
            try await replicate.client.deleteFile("no-such-file")
        }
    }

    @Test
    func `an uploaded file is an input, and carries the tag to the ledger`() async throws {
        try await SimulatedReplicate.run { replicate in
            let file = try await replicate.client.uploadFile(
                Self.noise(100),
                contentType: "image/png",
                name: "a.png",
                metadata: ["attempt": "xyz"]
            )
            let prediction = try await replicate.client.createPrediction(
                .model("minimax/video-01-live"),
                input: ["prompt": "x", "first_frame_image": .string(file.url)]
            )
            #expect(try await replicate.client.waitUntilTerminal(prediction.id).status == .succeeded)
            #expect(replicate.simulator.ledger.creates.first?.tag == "xyz")

            try await replicate.client.deleteFile(file.id)
            let second = try await replicate.client.createPrediction(
                .model("minimax/video-01-live"),
                input: ["prompt": "x", "first_frame_image": .string(file.url)]
            )
            let failed = try await replicate.client.waitUntilTerminal(second.id)
            #expect(failed.status == .failed)
            #expect(failed.failure?.reason == .inputUnreachable)
        }
    }
}
