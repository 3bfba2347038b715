package import ZoetropeCore

/// What a file says about how it was made, whoever wrote it.
package struct FileProvenance: Sendable, Equatable {
    /// What one XMP box says; texts of strangers are made printable and cut.
    package struct Mark: Sendable, Equatable {
        /// The value of `DigitalSourceType` as it stands there; nil where there is none.
        package let sourceType: String?
        package let system: String?
        package let tool: String?

        /// The source type, where it is one that we write.
        package var source: DigitalSourceType? { sourceType.flatMap { DigitalSourceType(uri: $0) } }
    }

    /// Those of the XMP boxes at the top of the file that say something.
    package let marks: [Mark]
    /// The movie's tags, ours or others'.
    package let title: String?
    package let comment: String?
    /// Signed Content Credentials (C2PA) are there; nobody has checked them.
    package let hasContentCredentials: Bool

    /// The first mark that names a source type.
    package var mark: Mark? { marks.first { $0.sourceType != nil } }
}

extension FileProvenance {
    /// Reads the mark of a file, of anyone's.
    ///
    /// A few small ranges of the file are read, whatever it is; see ``MP4Limits`` and the limit on XMP. What cannot be
    /// read of the rest does not matter here.
    ///
    /// Throws ``MP4Error`` when it is no MP4, or cannot be fetched.
    package static func read(from source: some ByteSource) throws(MP4Error) -> FileProvenance {
        var marks: [Mark] = []
        var hasContentCredentials = false
        let movie = try? MP4Movie.read(from: source)
        let boxes = if let movie { movie.boxes } else { try MP4Movie.topLevelBoxes(of: source) }
        for box in boxes {
            let available = min(box.size, source.byteCount - box.offset)
            if box.type == jumbf { hasContentCredentials = true }
            guard box.type == .uuid, available >= box.headerSize + XMPPacket.boxID.count else { continue }
            let id = try source.bytes(at: box.offset + box.headerSize, count: XMPPacket.boxID.count)
            if id == contentCredentialsID { hasContentCredentials = true }
            let head = box.headerSize + XMPPacket.boxID.count
            guard id == XMPPacket.boxID, box.size == available, available - head <= XMPProperties.maxBytes,
                marks.count < maxMarks
            else { continue }
            let packet = try source.bytes(at: box.offset + head, count: available - head)
            if let properties = XMPProperties(parsing: packet), let mark = Mark(properties) { marks.append(mark) }
        }
        func tag(_ key: String) -> String? {
            movie?.metadata.first { $0.place == .movie && $0.key == key }.flatMap { $0.text.printable }
        }
        return FileProvenance(
            marks: marks,
            title: tag("©nam"),
            comment: tag("©cmt"),
            hasContentCredentials: hasContentCredentials
        )
    }

    /// Boxes of XMP that are read; a file has one.
    private static let maxMarks = 16
    /// The box of signed metadata in older files.
    private static let jumbf = FourCC("jumb")
    /// The name of the `uuid` box of Content Credentials: D8FEC3D6-1B0E-483C-9297-5828877EC481.
    private static let contentCredentialsID: [UInt8] = [
        0xD8, 0xFE, 0xC3, 0xD6, 0x1B, 0x0E, 0x48, 0x3C, 0x92, 0x97, 0x58, 0x28, 0x87, 0x7E, 0xC4, 0x81,
    ]
}

extension FileProvenance.Mark {
    fileprivate init?(_ properties: XMPProperties) {
        sourceType = properties.sourceTypes.first?.printable
        system = properties.systems.first?.printable
        tool = properties.tools.first?.printable
        if sourceType == nil, system == nil, tool == nil { return nil }
    }
}

extension String {
    /// Safe to print on a terminal, and not long; nil when nothing is left.
    fileprivate var printable: String? {
        var text = ""
        for scalar in unicodeScalars.prefix(255) {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate, .unassigned:
                text += "?"
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text.isEmpty ? nil : text
    }
}
