import Foundation
import Testing
import ZoetropeCore
import ZoetropeStorage
import ZoetropeWorkflow

struct URLSignerTests {
    private static let first = [UInt8](repeating: 1, count: 32)
    private static let second = [UInt8](repeating: 2, count: 32)
    private static let now = Date(timeIntervalSince1970: 1_767_225_600)

    private let signer = URLSigner(keys: [first])

    /// The parts of an address that lives for a minute.
    private struct Address: Equatable {
        var key: String
        var expires: String
        var signature: String

        init(_ path: String) throws {
            let parts = try #require(path.wholeMatch(of: /\/api\/v1\/media\/(.*)\?expires=(.*)&signature=(.*)/)).output
            (key, expires, signature) = (String(parts.1), String(parts.2), String(parts.3))
        }
    }

    private func key(_ text: String) throws -> ObjectKey { try #require(ObjectKey(text)) }

    private func address(
        _ key: String = "animations/1/2.mp4",
        _ signer: URLSigner? = nil
    ) throws -> Address {
        try Address((signer ?? self.signer).path(for: self.key(key), expires: Self.now + 60))
    }

    private func verdict(_ address: Address, at now: Date = now, _ signer: URLSigner? = nil) -> SignedURLVerdict {
        (signer ?? self.signer)
            .verify(key: address.key, expires: address.expires, signature: address.signature, now: now)
    }

    @Test func `an address has the form that is promised, and the same each time`() throws {
        let path = try signer.path(for: key("animations/1/2.mp4"), expires: Self.now + 60.9)
        // Computed with Python's hmac, hashlib and base64.
        #expect(
            path
                == "/api/v1/media/animations/1/2.mp4?expires=1767225660&signature=37e0e71b.dIQzk7Kmi05XH5yyFe-AcC8-BdAWaD4tyckrbyJuAY4"
        )
        #expect(try signer.objectURLs.url(key("animations/1/2.mp4"), Self.now + 60.9) == path)
    }

    @Test(arguments: [
        "a", "animations/1/2.mp4", "with space.mp4", "a+b&c=d?e#f.mp4", "%2F/%2e%2e.jpg", "straße/日本語/🎞️.mp4", "..a",
        "~a-b_c",
        "a;b,c'd\"e\\f", String(repeating: "ä", count: 256),
    ])
    func `every key comes back`(text: String) throws {
        let address = try address(text)
        #expect(address.key.utf8.allSatisfy { (0x21...0x7E).contains($0) })
        #expect(address.key.rangeOfCharacter(from: CharacterSet(charactersIn: "?#&\"\\+;")) == nil)
        #expect(try verdict(address) == .valid(key(text)))
    }

    @Test(arguments: [(-3_600.0, true), (0, true), (59, true), (59.999, true), (60, false), (61, false), (1e9, false)])
    func `it is valid before its second and never after`(seconds: Double, isValid: Bool) throws {
        let expected: SignedURLVerdict = isValid ? .valid(try key("animations/1/2.mp4")) : .expired
        #expect(try verdict(address(), at: Self.now + seconds) == expected)
    }

    /// A text with each of its bytes changed to each of the others that a URL may have.
    private func changes(of text: String) -> [String] {
        let visible = (0x21...0x7E).map { UInt8($0) }
        let bytes = Array(text.utf8)
        return bytes.indices.flatMap { index in
            visible.filter { $0 != bytes[index] }
                .map { byte in
                    var changed = bytes
                    changed[index] = byte
                    return String(decoding: changed, as: UTF8.self)
                }
        }
    }

    @Test func `each changed byte is a forgery, before and after the expiry`() throws {
        let address = try address()
        for now in [Self.now, Self.now + 100] {
            for key in changes(of: address.key) {
                var forged = address
                forged.key = key
                #expect(verdict(forged, at: now) == .forged, "\(key)")
            }
            for expires in changes(of: address.expires) {
                var forged = address
                forged.expires = expires
                #expect(verdict(forged, at: now) == .forged, "\(expires)")
            }
            for signature in changes(of: address.signature) {
                var forged = address
                forged.signature = signature
                #expect(verdict(forged, at: now) == .forged, "\(signature)")
            }
        }
    }

    @Test(arguments: [
        "animations/1/2.mp4/", "/animations/1/2.mp4", "animations//1/2.mp4", "animations/1/../1/2.mp4",
        "animations/./1/2.mp4", "animations%2F1/2.mp4", "animations%2f1%2f2.mp4", "animations/1/%32.mp4",
        "Animations/1/2.mp4", "animations/1/2.MP4", "animations/1/2.mp4%00", "animations/1/2.mp4%", "", "%", "%zz",
        "..",
        "animations/1/2.mp4\n", "ａnimations/1/2.mp4", String(repeating: "a", count: 100_000),
    ])
    func `another spelling of a path is a forgery`(key: String) throws {
        var address = try address()
        address.key = key
        #expect(verdict(address) == .forged)
    }

    @Test(arguments: [
        "1767225659", "1767225661", "4070908800", "01767225660", "+1767225660", "-1767225660", "1767225660.0",
        "1767225660 ", " 1767225660", "1.76722566e9", "0x69559b3c", "0", "", "１７６７２２５６６０", "99999999999",
        "9223372036854775808", "1767225660\n1", String(repeating: "9", count: 100_000),
    ])
    func `another expiry is a forgery`(expires: String) throws {
        var address = try address()
        address.expires = expires
        #expect(verdict(address) == .forged)
    }

    @Test func `a signature of another form is a forgery`() throws {
        let address = try address()
        let (id, code) = (address.signature.prefix(8), address.signature.dropFirst(9))
        for signature in [
            "", ".", "\(code)", "\(id)", "\(id).", ".\(code)", "\(id).\(code)=", "\(id).\(code)A", "\(id)\(code)",
            "\(id).\(code.dropLast())", "\(id)..\(code.dropFirst())", "\(id.uppercased()).\(code)",
            "\(id).\(id).\(code)",
            "\(id).\(code)\n", " \(id).\(code.dropLast())", String(repeating: "A", count: 100_000),
            String(repeating: "é", count: 26),
        ] where signature != address.signature {
            var forged = address
            forged.signature = signature
            #expect(verdict(forged) == .forged, "\(signature.prefix(80))")
        }
    }

    @Test func `the last character of a signature has one spelling`() throws {
        let address = try address()
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        let valid = alphabet.filter { last in
            var other = address
            other.signature = String(address.signature.dropLast()) + String(last)
            return verdict(other) != .forged
        }
        #expect(valid.count == 1)
    }

    @Test func `a signature belongs to one key and one time`() throws {
        let (one, other) = try (address("animations/1/2.mp4"), address("animations/1/3.mp4"))
        var forged = one
        forged.key = other.key
        #expect(verdict(forged) == .forged)
        let later = try Address(signer.path(for: key("animations/1/2.mp4"), expires: Self.now + 61))
        forged = one
        forged.expires = later.expires
        #expect(verdict(forged) == .forged)
    }

    @Test func `secrets are replaced without breaking what they signed`() throws {
        let old = try address()
        let rotated = URLSigner(keys: [Self.second, Self.first])
        #expect(try verdict(old, rotated) == .valid(key("animations/1/2.mp4")))
        let new = try address("animations/1/2.mp4", rotated)
        #expect(new.signature.prefix(8) != old.signature.prefix(8))
        #expect(try new == address("animations/1/2.mp4", URLSigner(keys: [Self.second])))
        #expect(verdict(new) == .forged, "the old one alone does not know the new secret")
        #expect(verdict(old, URLSigner(keys: [Self.second])) == .forged, "a secret that is gone signs nothing")

        var swapped = new
        swapped.signature = "\(old.signature.prefix(8)).\(new.signature.dropFirst(9))"
        #expect(verdict(swapped, rotated) == .forged)
        swapped.signature = "\(new.signature.prefix(8)).\(old.signature.dropFirst(9))"
        #expect(verdict(swapped, rotated) == .forged)
    }

    @Test func `times out of range are the nearest in it`() throws {
        for (date, expires) in [(Date.distantPast, "1"), (Date(timeIntervalSince1970: 1e15), "9999999999")] {
            let address = try Address(signer.path(for: key("a"), expires: date))
            #expect(address.expires == expires)
            #expect(verdict(address, at: Self.now) != .forged)
        }
    }
}
