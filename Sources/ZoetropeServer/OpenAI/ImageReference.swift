import Crypto
import Foundation
import NIOPosix
import ZoetropeCore
import ZoetropeWorkflow

/// The image that a video begins with, as a file or as an address.
enum ImageReference: Sendable, Hashable {
    /// A file that is there.
    case file(String)
    /// An `http` or `https` address that is to be fetched.
    case address(String)

    /// The longest `image_url`, as OpenAI's description has it.
    static let mostURLBytes = 20_971_520
    private static let mostAddressBytes = 8_192
    private static let pieceBytes = 192 * 1_024

    /// Reads an `image_url`; the picture of a data URL is written to the new file `target`.
    ///
    /// Throws ``Problem``, and ``StorageError``.
    init(url: String, target: String) async throws {
        self = try await NIOThreadPool.singleton.runIfActive {
            var rest = url.utf8[...]
            return try Self.read(byteCount: url.utf8.count, target: target) {
                let piece = Array(rest.prefix(Self.pieceBytes))
                rest = rest.dropFirst(piece.count)
                return piece
            }
        }
    }

    /// The same of an `image_url` that a file holds.
    init(urlIn path: String, byteCount: Int, target: String) async throws {
        self = try await NIOThreadPool.singleton.runIfActive {
            let source = try Self.opening { try FileHandle(forReadingFrom: URL(filePath: path)) }
            defer { try? source.close() }
            return try Self.read(byteCount: byteCount, target: target) {
                try Self.opening { Array(try source.read(upToCount: Self.pieceBytes) ?? Data()) }
            }
        }
    }

    private static func read(byteCount: Int, target: String, next: () throws -> [UInt8]) throws -> ImageReference {
        guard byteCount <= mostURLBytes else {
            throw Problem.badVideo("input_reference", "image_url has more than \(mostURLBytes) characters")
        }
        var piece = try next()
        guard piece.prefix(5).elementsEqual("data:".utf8) else {
            guard byteCount <= mostAddressBytes, let address = String(validating: piece, as: UTF8.self) else {
                throw Problem.badVideo("input_reference", "image_url is no http, https or data URL")
            }
            return .address(address)
        }
        // "data:image/png;base64,"; the type is not believed, but read from the bytes.
        guard let comma = piece.prefix(256).firstIndex(of: UInt8(ascii: ",")),
            String(decoding: piece[..<comma], as: UTF8.self).lowercased().hasSuffix(";base64")
        else { throw brokenDataURL }
        piece.removeFirst(comma + 1)
        guard FileManager.default.createFile(atPath: target, contents: nil, attributes: [.posixPermissions: 0o600])
        else { throw StorageError(.unavailable, "no file can be made for an image") }
        let file = try opening { try FileHandle(forWritingTo: URL(filePath: target)) }
        defer { try? file.close() }
        var decoder = Base64Decoder()
        while !piece.isEmpty {
            guard let bytes = decoder.decode(piece) else { throw brokenDataURL }
            try opening { try file.write(contentsOf: bytes) }
            piece = try next()
        }
        guard decoder.isComplete else { throw brokenDataURL }
        return .file(target)
    }

    private static var brokenDataURL: Problem {
        .badVideo("input_reference", "image_url is a data URL that is not of the form data:image/jpeg;base64,…")
    }

    private static func opening<Value>(_ body: () throws -> Value) throws(StorageError) -> Value {
        do {
            return try body()
        } catch {
            throw StorageError(.unavailable, "an image cannot be kept: \(error)")
        }
    }

    /// What tells it from another image: a hash of the file's bytes, or the address.
    func identity() async throws -> String {
        switch self {
        case .address(let url): return url
        case .file(let path):
            return try await NIOThreadPool.singleton.runIfActive {
                let file = try Self.opening { try FileHandle(forReadingFrom: URL(filePath: path)) }
                defer { try? file.close() }
                var hash = SHA256()
                while let piece = try Self.opening({ try file.read(upToCount: Self.pieceBytes) }), !piece.isEmpty {
                    hash.update(data: piece)
                }
                return hash.finalize().hexadecimal
            }
        }
    }
}
