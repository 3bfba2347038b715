import Testing
import ZoetropeMedia

/// The samples of a small video without sound, or with sound behind the first of them, for tests that bend them.
///
/// Written apart from the reader under test.
struct SampleEditor {
    var file: [UInt8]
    /// In decoding order, as long as they follow each other.
    let samples: [Range<Int>]
    /// The `moov` box.
    let tables: Range<Int>
    /// `avcC` from its name on.
    let configuration: Range<Int>

    init(_ file: [UInt8]) {
        self.file = file
        func content(_ type: String, skip: Int) -> Int {
            file.firstRange(of: Array(type.utf8)).map { $0.upperBound + skip } ?? 0
        }
        func word(_ place: Int) -> Int { Int(UInt32(bigEndianBytes: file[place..<place + 4])) }
        let sizes = content("stsz", skip: 8)
        var (place, samples) = (word(content("stco", skip: 8)), [Range<Int>]())
        for index in 0..<word(sizes) {
            let size = word(sizes + 4 + 4 * index)
            guard place + size <= file.count else { break }
            samples.append(place..<place + size)
            place += size
        }
        self.samples = samples
        let movie = content("moov", skip: -8)
        tables = movie..<min(file.count, movie + word(movie))
        let sets = content("avcC", skip: -8)
        configuration = sets + 4..<min(file.count, sets + word(sets))
    }

    /// Where the first slice of a sample begins.
    func slice(of sample: Int) -> Int {
        var place = samples[sample].lowerBound
        while place + 5 < samples[sample].upperBound, ![1, 5].contains(file[place + 4] & 0x1F) {
            place += 4 + Int(UInt32(bigEndianBytes: file[place..<place + 4]))
        }
        return place + 4
    }

    /// Overwrites the beginning of a sample's first slice: its header byte, then bits, the rest of the byte zeros.
    mutating func overwrite(_ sample: Int, header: UInt8, _ bits: String) {
        let start = slice(of: sample)
        let bytes = [header] + Bits(bits).bytes
        file.replaceSubrange(start..<start + bytes.count, with: bytes)
    }
}

/// Bits as text.
struct Bits {
    var text: String

    init(_ text: String) { self.text = text }

    init(_ bytes: some Sequence<UInt8>) {
        text =
            bytes.map { byte in
                let digits = String(byte, radix: 2)
                return String(repeating: "0", count: 8 - digits.count) + digits
            }
            .joined()
    }

    static func number(_ value: Int, _ count: Int) -> String {
        let digits = String(value, radix: 2)
        return String(repeating: "0", count: count - digits.count) + digits
    }

    /// The last byte filled up with zeros.
    var bytes: [UInt8] {
        var (rest, bytes) = (Substring(text), [UInt8]())
        while !rest.isEmpty {
            let digits = rest.prefix(8)
            bytes.append((UInt8(digits, radix: 2) ?? 0) << UInt8(8 - digits.count))
            rest = rest.dropFirst(8)
        }
        return bytes
    }
}
