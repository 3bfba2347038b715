/// A small, fast generator with a seed, so that a run can be repeated (SplitMix64; Steele, Lea and Flood, 2014).
package struct SeededRandom: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64) {
        state = seed
    }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// From 0 up to, not including, 1.
    mutating func fraction() -> Double { Double(next() >> 11) / Double(1 << 53) }

    /// A text of characters from an alphabet.
    mutating func text(_ count: Int, of alphabet: StaticString) -> String {
        let letters = alphabet.withUTF8Buffer { Array($0) }
        let bytes = (0..<count).map { _ in letters[Int(next() % UInt64(letters.count))] }
        return String(decoding: bytes, as: UTF8.self)
    }

    mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(truncatingIfNeeded: next() >> 32) } }
}

extension SeededRandom {
    private static let letters: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

    /// A prediction's id: 26 characters of the Crockford alphabet in lower case.
    package mutating func predictionID() -> String { text(26, of: "0123456789abcdefghjkmnpqrstvwxyz") }

    /// A file's id: the base64 of a UUID's text, 48 characters.
    mutating func fileID() -> String {
        let hex = text(32, of: "0123456789abcdef")
        var uuid = ""
        for (index, character) in hex.enumerated() {
            if [8, 12, 16, 20].contains(index) { uuid += "-" }
            uuid.append(character)
        }
        return Array(uuid.utf8).base64
    }

    /// The path of an output on its host: `/xezq/<48>/tmp<10>.mp4`.
    mutating func outputPath() -> String {
        "/xezq/\(text(48, of: Self.letters))/tmp\(text(10, of: "abcdefghijklmnopqrstuvwxyz0123456789")).mp4"
    }

    /// The part after `bcwr-` of a stream URL.
    mutating func streamName() -> String { "bcwr-" + text(52, of: "abcdefghijklmnopqrstuvwxyz234567") }

    /// A webhook message's id, as Svix writes it.
    mutating func messageID() -> String { "msg_" + text(27, of: Self.letters) }

    /// An API token: `r8_` and 37 characters.
    package mutating func token() -> String { "r8_" + text(37, of: Self.letters) }

    /// A Cog run's id when the caller gave none: `pred_<hex>`.
    mutating func cogID() -> String { "pred_" + text(16, of: "0123456789abcdef") }
}
