import Crypto
import FoundationEssentials

extension [UInt8] {
    /// Base64 with the standard alphabet and padding.
    package var base64: String { Data(self).base64EncodedString() }

    /// Reads base64; missing padding is tolerated.
    package init?(base64 text: some StringProtocol) {
        let padding = String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)
        guard let data = Data(base64Encoded: String(text) + padding) else { return nil }
        self = Array(data)
    }

    package var sha256: String { SHA256.hash(data: self).hex }

    package var md5: String { Insecure.MD5.hash(data: self).hex }
}

extension Sequence<UInt8> {
    /// Lower-case hexadecimal digits.
    package var hex: String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        for byte in self { text += [digits[Int(byte >> 4)], digits[Int(byte & 15)]] }
        return String(decoding: text, as: UTF8.self)
    }
}
