/// Names what a file is when it is not an image that we take, so that its owner knows what to do.
///
/// Only for the sentence of the refusal: nothing is decided by it.
enum ForeignFormat {
    static func refusal(of file: ByteWindow) -> ImageError {
        for format in [ImageFormat.jpeg, .png]
        where file.count < 8 && file.starts(with: signature(of: format).prefix(file.count)) {
            return .cutOff(format, after: file.count)
        }
        guard let name = name(of: file) else {
            return ImageError(
                .unsupportedFormat,
                "The file is not an image that we know; send a JPEG, PNG or WebP file."
            )
        }
        return ImageError(.unsupportedFormat, "The file is \(name); send a JPEG, PNG or WebP file.")
    }

    private static func signature(of format: ImageFormat) -> [UInt8] {
        switch format {
        case .jpeg: ImageFormat.jpegSignature
        case .png: ImageFormat.pngSignature
        case .webp: []
        }
    }

    /// The kind of file, with its article; `nil` if unknown.
    static func name(of file: ByteWindow) -> String? {
        if file.starts(with: "ftyp", at: 4) { return brandName(of: file) }
        for (offset, signature, name) in signatures where file.starts(with: signature, at: offset) {
            return name
        }
        return textName(of: file)
    }

    /// Offset, first bytes, name; the first row that fits counts.
    private static let signatures: [(Int, [UInt8], String)] = [
        (0, ascii("GIF8"), "a GIF image"),
        (0, [0x49, 0x49, 0x2A, 0x00], "a TIFF image"),
        (0, [0x4D, 0x4D, 0x00, 0x2A], "a TIFF image"),
        (0, [0x49, 0x49, 0x2B, 0x00], "a TIFF image"),
        (0, [0x4D, 0x4D, 0x00, 0x2B], "a TIFF image"),
        (0, ascii("BM"), "a BMP image"),
        (0, [0x00, 0x00, 0x01, 0x00], "an ICO icon"),
        (0, [0x00, 0x00, 0x02, 0x00], "a CUR cursor"),
        (0, [0x00, 0x00, 0x00, 0x0C, 0x6A, 0x50, 0x20, 0x20], "a JPEG 2000 image"),
        (0, [0xFF, 0x4F, 0xFF, 0x51], "a JPEG 2000 image"),
        (0, [0x00, 0x00, 0x00, 0x0C, 0x4A, 0x58, 0x4C, 0x20], "a JPEG XL image"),
        (0, [0xFF, 0x0A], "a JPEG XL image"),
        (0, [0x8A, 0x4D, 0x4E, 0x47], "an MNG animation"),
        (0, [0x8B, 0x4A, 0x4E, 0x47], "a JNG image"),
        (0, ascii("8BPS"), "a Photoshop document"),
        (0, ascii("qoif"), "a QOI image"),
        (0, [0x76, 0x2F, 0x31, 0x01], "an OpenEXR image"),
        (0, ascii("#?RADIANCE"), "a Radiance HDR image"),
        (128, ascii("DICM"), "a DICOM image"),
        (0, ascii("%PDF-"), "a PDF document"),
        (0, ascii("%!"), "a PostScript document"),
        (0, [0xC5, 0xD0, 0xD3, 0xC6], "a PostScript document"),
        (0, ascii("push graphic-context"), "an MVG drawing"),
        (0, [0x1A, 0x45, 0xDF, 0xA3], "a Matroska or WebM video"),
        (8, ascii("AVI "), "an AVI video"),
        (8, ascii("WAVE"), "a WAV sound"),
        (0, [0x00, 0x00, 0x01, 0xBA], "an MPEG video"),
        (0, ascii("OggS"), "an Ogg file"),
        (0, ascii("fLaC"), "a FLAC sound"),
        (0, ascii("ID3"), "an MP3 sound"),
        (0, ascii("#EXTM3U"), "an HLS playlist"),
        (0, [0x50, 0x4B, 0x03, 0x04], "a ZIP archive or an Office document"),
        (0, [0x50, 0x4B, 0x05, 0x06], "a ZIP archive"),
        (0, [0x1F, 0x8B], "a gzip archive"),
        (0, [0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C], "a 7z archive"),
        (0, ascii("Rar!"), "a RAR archive"),
        (257, ascii("ustar"), "a tar archive"),
        (0, [0x7F, 0x45, 0x4C, 0x46], "a program"),
        (0, ascii("MZ"), "a program"),
        (0, [0xFF, 0xFE], "a text file"),
        (0, [0xFE, 0xFF], "a text file"),
    ]

    private static func ascii(_ text: String) -> [UInt8] { Array(text.utf8) }

    /// Names a file of the ISO base media family by its brands, of which it reads 16 at most.
    private static func brandName(of file: ByteWindow) -> String {
        let names = [
            "avif": "an AVIF image", "avis": "an AVIF image", "crx ": "a raw photo", "qt  ": "a QuickTime video",
        ]
        let heif = ["heic", "heix", "hevc", "hevx", "heim", "heis", "mif1", "msf1"]
        // The major brand, then the compatible ones after the minor version: a HEIF family file may say AVIF only there.
        let end = min(file.uint32(at: 0, .big) ?? 0, 16 + 4 * 15)
        let offsets = [8] + Array(stride(from: 16, to: max(16, end - 3), by: 4))
        let brands = offsets.compactMap { offset in
            file.part(from: offset, count: 4)?.text
        }
        if let name = brands.lazy.compactMap({ names[$0] }).first { return name }
        return brands.contains(where: heif.contains) ? "a HEIC image" : "an MP4 video"
    }

    /// Names text by its first kilobytes; `nil` if they hold control characters.
    private static func textName(of file: ByteWindow) -> String? {
        guard let head = file.part(from: 0, count: min(file.count, 4096)),
            head.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || (0x09...0x0D).contains($0) })
        else { return nil }
        let text = head.text.lowercased().drop { $0.isWhitespace || $0 == "\u{FEFF}" }
        guard text.starts(with: "<") else {
            // Decoding replaced what is not UTF-8. At the end of the head it may be a whole character that was cut.
            return text.dropLast(head.count < file.count ? 3 : 0).contains("\u{FFFD}") ? nil : "a text file"
        }
        if text.contains("<svg") { return "an SVG drawing" }
        if text.contains("<html") || text.starts(with: "<!doctype html") { return "an HTML page" }
        return text.starts(with: "<?php") ? "a PHP script" : "an XML document"
    }
}
