/// What the boxes of one track say.
///
/// Nothing is judged here: see ``MP4Conformance``.
///
/// Source: ISO/IEC 14496-12, clause 8; for pictures also QuickTime's `fiel`.
package struct MP4Track: Sendable, Equatable {
    /// What a track carries.
    package enum Handler: Sendable, Hashable {
        case video
        case sound
        /// Time codes, subtitles, hints, data. Their sample tables are not read.
        case other(FourCC)
    }

    /// One entry of the edit list.
    package struct Edit: Sendable, Hashable {
        /// In the movie's time scale.
        package let segmentDuration: UInt64
        /// In the track's time scale; -1 is an empty edit: nothing is shown.
        package let mediaTime: Int64
        /// 16.16 fixed point.
        package let rate: Int32

        package static let normalRate: Int32 = 1 << 16
        package var isEmpty: Bool { mediaTime < 0 }
    }

    /// Samples in a row that last equally long.
    package struct DurationRun: Sendable, Hashable {
        package let count: Int
        /// In the track's time scale.
        package let duration: Int
    }

    /// Samples in a row whose presentation differs from their decoding by the same time.
    package struct OffsetRun: Sendable, Hashable {
        package let count: Int
        /// In the track's time scale; negative is earlier.
        package let offset: Int
    }

    /// Where the samples lie.
    package struct DataLayout: Sendable, Hashable {
        package var chunkCount = 0
        /// Bytes from the start of the file.
        package var firstChunkOffset: UInt64?
        /// The chunks hold as many samples as there are.
        package var coversAllSamples = true
        /// Each chunk lies wholly within one `mdat`.
        package var liesInMediaData = true
    }

    /// The `colr` box.
    package struct ColourBox: Sendable, Hashable {
        /// `nclx`, `nclc`, `prof` or `rICC`.
        package let type: FourCC
        /// `nil` for ICC profiles.
        package let colour: ColourDescription?
        /// `nil` where the type has no such flag.
        package let isFullRange: Bool?
    }

    package var id: UInt32 = 0
    package var isEnabled = false
    package var handler: Handler = .other(FourCC(code: 0))
    /// In the movie's time scale, edits applied; `nil` when it is not known.
    package var duration: UInt64?
    /// 16.16 fixed point, as the track wants to be shown.
    package var displayWidth: UInt32 = 0
    package var displayHeight: UInt32 = 0
    package var matrix = MP4Matrix.identity
    package var edits: [Edit] = []

    /// Units a second.
    package var timeScale: UInt32 = 0
    /// In the track's time scale; `nil` when it is not known.
    package var mediaDuration: UInt64?
    /// All media lies in this file.
    package var isSelfContained = true

    /// The kind of the first sample entry.
    package var codec: FourCC?
    package var sampleEntryCount = 0
    /// In pixels, from the sample entry.
    package var width = 0
    package var height = 0
    package var avc: AVCConfiguration?
    package var colour: ColourBox?
    /// `nil` when there is no `pasp`.
    package var pixelAspectRatio: SequenceParameterSet.Ratio?
    /// 2 for interlaced pictures; `nil` when there is no `fiel`.
    package var fieldCount: Int?
    /// `nil` where the sound is not MPEG-4 or its description cannot be read.
    package var sound: SoundDescription?

    package var sampleCount = 0
    /// Bytes of all samples.
    package var sampleBytes = 0
    package var emptySampleCount = 0
    package var durations: [DurationRun] = []
    package var compositionOffsets: [OffsetRun] = []
    /// Numbers of the key frames from 1 on; `nil` means all.
    package var syncSamples: [Int]?
    package var layout = DataLayout()
}
