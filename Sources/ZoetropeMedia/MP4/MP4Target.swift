package import ZoetropeCore

/// The numbers of the video we publish: what a file must have to be accepted, and what our own encoder is told.
///
/// Rule numbers refer to ``MP4Conformance``.
package enum MP4Target {
    // MARK: Container (1, 2)

    /// The brands that all browsers take for MP4; QuickTime's `qt  ` is not among them.
    package static let brands: Set<FourCC> = [
        FourCC("isom"), FourCC("iso2"), FourCC("iso3"), FourCC("iso4"), FourCC("iso5"), FourCC("iso6"),
        FourCC("mp41"), FourCC("mp42"), FourCC("avc1"),
    ]

    // MARK: Codec (4–6)

    /// Browsers and hardware decoders agree on these and on no others.
    package enum Profile: String, Sendable, CaseIterable {
        case constrainedBaseline = "Constrained Baseline"
        case main = "Main"
        case high = "High"
    }

    /// For `-profile:v`: everyone who states requirements takes High, and it needs the fewest bits of the three.
    package static let encoderProfile = "high"
    /// Ten times the level; 4.2 is what Apple's authoring rules end with and 1080p60 needs.
    package static let levels: Set<Int> = [10, 11, 12, 13, 20, 21, 22, 30, 31, 32, 40, 41, 42]
    /// For `-pix_fmt` and `format=`: hardware decoders take 8 bits and 4:2:0 only.
    package static let pixelFormat = "yuv420p"
    package static let chromaFormat = 1
    package static let bitDepth = 8

    // MARK: Size (7)

    /// A coded 1080p picture has 1088 lines; a file may show them all.
    package static let maxPixels = 1_920 * 1_088
    /// Hardware decoders have a smallest side, below this one where we know it.
    package static let minSide = 64
    /// The most lines of what is played by default: pixels of the shorter side.
    package static let previewLines = 720
    /// A video with more lines and more pixels than this is kept as the HD result, and played in a smaller version.
    ///
    /// A square one of 720p has more lines, but is not larger.
    package static let previewPixels = 1_280 * 720
    /// In pixels: lists show posters no wider.
    package static let posterWidth = 640

    // MARK: Colour (8)

    /// For `-colorspace`, `-color_primaries` and `-color_trc`.
    package static let colour = "bt709"
    /// For `-color_range`: studio range, 16 to 235, said aloud, since players guess what is not tagged and guess differently.
    package static let colourRange = "tv"
    /// BT.709, or SMPTE 170M (the 601 of 60 Hz), each throughout.
    package static let colours: Set<ColourDescription> = [colour709, colour601]
    package static let colour709 = ColourDescription(primaries: 1, transfer: 1, matrix: 1)
    package static let colour601 = ColourDescription(primaries: 6, transfer: 6, matrix: 6)

    // MARK: Time (9–14)

    /// Frames a second.
    package static let frameRate = 30
    /// Units a second of the video track: a multiple of 30, so that every frame lasts a whole number of units.
    ///
    /// It is ffmpeg's own choice for 30 fps.
    package static let timeScale = 15_360
    /// Units of the time scale that a frame lasts.
    package static let frameDuration = timeScale / frameRate
    /// How far the lengths in the container's headers may be from the frames': one AAC frame at 44.1 kHz, since a sound
    /// track ends where its last frame does.
    package static let lengthTolerance = 1_024.0 / 44_100
    /// Frames from one key frame to the next: a clip of ten seconds may have a single one.
    package static let maxKeyFrameGap = 300
    /// Frames from one key frame to the next in our encode, at most: seeking lands within two seconds.
    package static let keyFrameGap = 60
    /// B frames in a row in our encode.
    package static let bFrames = 2
    /// Reference frames in our encode, at most.
    package static let maxReferenceFrames = 4
    /// Frames that may precede a frame in the file and follow it on the screen: each one delays the start of playback.
    package static let maxReorderFrames = 3

    // MARK: Bit rate (15)

    /// Bits a second of the whole file: what a phone's connection carries without stalling.
    package static let maxBitRateBps = 12_000_000
    /// For `-crf`, constant quality: no visible loss for clips that were encoded once before.
    ///
    /// Larger pictures hide more, and a preset that tries harder is as good at a higher number. `lines` is the shorter side
    /// of the picture, in pixels.
    package static func crf(lines: Int, _ effort: EncodeEffort = .standard) -> Int {
        switch effort {
        case .standard, .fast: lines <= previewLines ? 18 : 20
        case .small: lines <= previewLines ? 21 : 22
        }
    }
    /// For `-preset`: the last one before compression gets much worse, so that a clip is ready earlier.
    ///
    /// Above 720 lines its time would be felt, so there it is one step faster. `lines` is the shorter side of the picture,
    /// in pixels.
    package static func preset(lines: Int, _ effort: EncodeEffort) -> String {
        switch effort {
        case .standard: lines <= previewLines ? "veryfast" : "superfast"
        case .fast: lines <= previewLines ? "superfast" : "ultrafast"
        case .small: "medium"
        }
    }
    /// Pinned: the same input gives the same bytes only with the same number of threads.
    package static let encoderThreads = 2

    /// For `-maxrate`, in bits a second; `lines` is the shorter side of the picture, in pixels.
    package static func maxRateBps(lines: Int) -> Int {
        switch lines {
        case ...480: 4_000_000
        case ...720: 8_000_000
        default: maxBitRateBps
        }
    }

    /// For `-bufsize`, in bits: two seconds, so that a cut between scenes may take more than its share.
    package static func bufferSizeBits(lines: Int) -> Int { 2 * maxRateBps(lines: lines) }

    // MARK: Sound (16)

    /// In Hz: those that everyone who states requirements names.
    package static let sampleRates: Set<Int> = [44_100, 48_000]
    package static let maxChannels = 2
    /// Seconds of silence before the sound that nobody notices.
    package static let maxSoundDelay = 0.03
    /// Seconds that the sound may go on after the last picture.
    package static let maxSoundOverrun = 0.05
    /// For our own encode.
    package static let soundBitRateBps = 128_000
    package static let soundSampleRate = 48_000
    package static let soundChannels = 2

    // MARK: Private data (17)

    package static let title = "Zoetrope"

    /// What file managers and players show beside the title: the short form of the mark of provenance.
    package static func comment(_ source: DigitalSourceType) -> String {
        switch source {
        case .trainedAlgorithmicMedia: "AI-generated video"
        case .compositeWithTrainedAlgorithmicMedia: "Camera move over an image made or restored by AI"
        case .algorithmicallyEnhanced: "Camera move over a photo, made without AI"
        }
    }

    /// The only metadata that a published file may carry without being asked to: each key with its possible values.
    ///
    /// Handlers and compressors are fields that every file has, with the words that ffmpeg puts there under
    /// `-fflags +bitexact`.
    package static let metadata: [String: Set<String>] = [
        "©nam": [title],
        "©cmt": Set(DigitalSourceType.allCases.map(comment)),
        "desc": Set(DigitalSourceType.allCases.map(comment)),
        MP4Metadata.handlerKey: ["VideoHandler", "SoundHandler"],
        MP4Metadata.compressorKey: ["Lavc libx264"],
    ]
}
