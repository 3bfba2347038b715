import Testing
import ZoetropeCore
import ZoetropeTestKit

@Suite struct ImagesFuzzTests {
    static let corpus: [[UInt8]] = {
        let exif = EXIFSample.block(6, .little)
        let palette = PNGSample.chunk("PLTE", [1, 2, 3, 4, 5, 6]) + PNGSample.chunk("tRNS", [0, 128])
        return ImageFormat.allCases.map { ImageSample.picture($0, exif: exif) } + [
            JPEGSample.picture(head: JPEGSample.jfif + JPEGSample.adobe(transform: 2), ids: [1, 2, 3, 4]),
            JPEGSample.progressive,
            PNGSample.picture(header: PNGSample.header(depth: 8, colour: 3), beforeData: palette),
            PNGSample.picture(beforeData: PNGSample.chunk("acTL", [0, 0, 0, 1, 0, 0, 0, 0]), tail: [1, 2, 3]),
            WebPSample.extended(flags: 0x10, WebPSample.alpha + WebPSample.lossy),
            WebPSample.extended(flags: 0x2C, WebPSample.losslessAlpha + WebPSample.chunk("XMP ", [1, 2, 3])),
            WebPSample.file(WebPSample.lossless),
        ]
    }()

    static let dictionary: [[UInt8]] = {
        let markers =
            [0xC0, 0xC2, 0xC4, 0xD0, 0xD8, 0xD9, 0xDA, 0xDB, 0xDC, 0xDD, 0xE0, 0xE1, 0xEE, 0xFE, 0xFF] as [UInt8]
        let words = [
            "IHDR", "PLTE", "tRNS", "IDAT", "IEND", "eXIf", "RIFF", "WEBP", "VP8 ", "VP8L", "VP8X", "ALPH", "EXIF",
            "ANIM",
            "Exif\0\0", "JFIF\0", "Adobe", "II*\0", "MM\0*",
        ]
        let chunks = [JPEGSample.scan(), JPEGSample.frame(), PNGSample.header(), PNGSample.end, WebPSample.lossless]
        return markers.map { [0xFF, $0] } + words.map { Array($0.utf8) } + chunks + [[0, 0, 0, 0, 0x12, 0x01]]
    }()

    static let mutantsPerSeed = 25_000

    /// What is wrong about how the parser takes the bytes; that it returns at all shows that nothing trapped.
    static func violation(_ bytes: [UInt8], tally: inout [String: Int]) -> String? {
        let image: StillImage
        do throws(ImageError) {
            image = try StillImage(parsing: bytes)
        } catch {
            tally[error.code.rawValue, default: 0] += 1
            return error.message.hasSuffix(".") ? nil : "a message without an end: \(error.message)"
        }
        let (header, limits) = (image.header, ImageLimits.standard)
        tally[header.format.rawValue, default: 0] += 1
        let sides = [header.width, header.height]
        guard sides.allSatisfy({ (limits.minSide...limits.maxSide).contains($0) }),
            header.width * header.height <= limits.maxPixels, image.bytes.count <= bytes.count + 1
        else { return "beyond the limits: \(header)" }
        var upright = header
        upright.orientation = .upright
        do throws(ImageError) {
            let again = try StillImage(parsing: image.bytes)
            guard again.header == upright else { return "\(header) was read again as \(again.header)" }
            return again.bytes == image.bytes ? nil : "what was reduced once was reduced again"
        } catch {
            return "what was reduced is refused: \(error.message)"
        }
    }

    /// Four seeds of 25,000 mutants: 100,000.
    @Test(arguments: 1...4 as ClosedRange<UInt64>)
    func `a mutant is refused, or obeys the limits and is reduced once for all`(seed: UInt64) {
        var fuzzer = MutationFuzzer(corpus: Self.corpus, dictionary: Self.dictionary, maxBytes: 4096, seed: seed)
        var tally: [String: Int] = [:]
        for number in 0..<Self.mutantsPerSeed {
            var mutant = fuzzer.next()
            // Half of the PNGs get past their checksums.
            if number.isMultiple(of: 2) { PNGSample.mendChecksums(&mutant) }
            if let violation = Self.violation(mutant, tally: &tally) {
                Issue.record("seed \(seed), mutant \(number): \(violation)\n\(mutant)")
                return
            }
        }
        // A fuzzer whose mutants all die at the first check would prove little.
        for format in ImageFormat.allCases {
            #expect(tally[format.rawValue, default: 0] >= 500, "\(tally)")
        }
        for code in [ImageError.Code.tooLarge, .tooSmall, .damaged, .unsupportedFormat, .unsupportedVariant] {
            #expect(tally[code.rawValue, default: 0] >= 50, "\(tally)")
        }
    }

    @Test func `mutants are the same for the same seed`() {
        func mutants(_ seed: UInt64) -> [[UInt8]] {
            var fuzzer = MutationFuzzer(corpus: Self.corpus, dictionary: Self.dictionary, seed: seed)
            return (0..<100).map { _ in fuzzer.next() }
        }
        #expect(mutants(7) == mutants(7))
        #expect(mutants(7) != mutants(8))
    }

    /// Every byte of each sample in turn, with checksums mended: what random changes may miss.
    @Test(arguments: corpus.indices)
    func `a single wrong byte does no harm`(sample: Int) {
        let bytes = Self.corpus[sample]
        var tally: [String: Int] = [:]
        for index in bytes.indices {
            for value in [0, 1, 2, 0x7F, 0x80, 0xFE, 0xFF] + (0..<8).map({ bytes[index] ^ 1 << $0 }) {
                var mutant = bytes
                mutant[index] = value
                PNGSample.mendChecksums(&mutant)
                if let violation = Self.violation(mutant, tally: &tally) {
                    Issue.record("byte \(index) set to \(value): \(violation)")
                    return
                }
            }
        }
        #expect(tally.values.reduce(0, +) == bytes.count * 15)
    }
}
