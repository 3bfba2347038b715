/// What the boxes of an MP4 file say.
///
/// Nothing is judged here: see ``MP4Conformance``.
package struct MP4Movie: Sendable, Equatable {
    /// A box at the top of the file.
    package struct TopLevelBox: Sendable, Hashable {
        package let type: FourCC
        /// Bytes from the start of the file.
        package let offset: Int
        /// In bytes, header included; the last box may claim more than the file has.
        package let size: Int
        /// 8, or 16 where the size is a long one.
        package let headerSize: Int
    }

    /// In bytes.
    package let fileSize: Int
    /// In the order of the file, up to the first that reaches beyond its end.
    package let boxes: [TopLevelBox]
    /// `nil` when there is no `ftyp`.
    package internal(set) var majorBrand: FourCC?
    package internal(set) var compatibleBrands: [FourCC] = []
    /// Units a second.
    package internal(set) var timeScale: UInt32 = 0
    /// In the movie's time scale; `nil` when it is not known.
    package internal(set) var duration: UInt64?
    package internal(set) var matrix = MP4Matrix.identity
    package internal(set) var tracks: [MP4Track] = []
    package internal(set) var metadata: [MP4Metadata] = []
    /// `moov` announces fragments, or there are some.
    package internal(set) var isFragmented = false

    init(fileSize: Int, boxes: [TopLevelBox]) {
        self.fileSize = fileSize
        self.boxes = boxes
    }

    /// The first of its kind.
    package var videoTrack: MP4Track? { tracks.first { $0.handler == .video } }
    /// The first of its kind.
    package var soundTrack: MP4Track? { tracks.first { $0.handler == .sound } }
}
