package import ZoetropeCore

/// The command lines that we give to ffmpeg: pure functions from what is wanted to words.
///
/// Every one of them names its demuxer, allows one protocol, stops at the first error and never sees a URL. Traps and
/// reasons: `docs/media.md`.
package enum FFmpegArguments {
    /// Quiet, never reading commands from a terminal, ending with an error instead of making do.
    ///
    /// Filters get no more threads than the encoder: left alone they take one for each core, and on a large machine their
    /// stacks alone would pass the limit on address space.
    static let strict = [
        "-v", "error", "-nostdin", "-xerror", "-err_detect", "explode", "-filter_threads",
        "\(MP4Target.encoderThreads)",
    ]

    /// What a photo is turned into.
    package enum PhotoResult: Sendable {
        /// Planes of YUV 4:2:0, BT.709, limited range.
        case planes
        /// A baseline JPEG in 4:2:0 that says nothing but its picture; from 2, the best, to 31.
        case jpeg(quantiser: Int)
    }

    /// Reads a photo from standard input and writes one picture to standard output.
    ///
    /// The photo is cropped and scaled as it is stored and turned upright last, when it is small.
    /// `crop` is the part of the upright photo that is wanted, `size` the size of the upright result.
    package static func decodePhoto(
        _ header: ImageHeader,
        crop: PixelRect,
        size: FrameSize,
        into result: PhotoResult = .planes
    ) -> [String] {
        // `accurate_rnd` and full chroma interpolation cost milliseconds once and avoid a cast in flat areas.
        let scaler = "lanczos+accurate_rnd+full_chroma_int" + (result.isJPEG ? intoJPEGColour : intoTargetColour)
        let filters = photoFilters(
            header,
            crop: crop,
            size: size,
            scaler: scaler,
            pixelFormat: result.isJPEG ? jpegPixelFormat : MP4Target.pixelFormat
        )
        return strict + photoInput(header) + [
            "-map", "0:v:0", "-vf", filters.joined(separator: ","), "-frames:v", "1",
        ] + result.output
    }

    /// From a photo as it is stored to one that is upright.
    static func photoFilters(
        _ header: ImageHeader,
        crop: PixelRect,
        size: FrameSize,
        scaler: String,
        pixelFormat: String
    ) -> [String] {
        let swaps = header.orientation.swapsSides
        let part = crop.stored(as: header.orientation, upright: header.uprightSize)
        let storedSize = swaps ? FrameSize(width: size.height, height: size.width) : size
        var filters: [String] = []
        if header.hasAlpha {
            // Transparent parts become black: the colours are multiplied by their opacity before it is dropped.
            filters += ["format=\(header.bitDepth > 8 ? "gbrap16le" : "gbrap")", "premultiply=inplace=1"]
        } else if header.format == .png, header.bitDepth <= 8, !header.isGreyscale {
            // From a palette, the scaler would make BT.601 whatever it is told. For RGB this does nothing.
            filters.append("format=rgb24")
        }
        filters += [
            "crop=\(part.width):\(part.height):\(part.x):\(part.y):exact=1",
            "scale=\(storedSize.width):\(storedSize.height):flags=\(scaler)",
            "format=\(pixelFormat)",
        ]
        return filters + upright(header.orientation)
    }

    /// Opens the photo on standard input as what it is and as nothing else.
    static func photoInput(_ header: ImageHeader) -> [String] {
        let (demuxer, decoder) =
            switch header.format {
            case .jpeg: ("jpeg_pipe", "mjpeg")
            case .png: ("png_pipe", "png")
            case .webp: ("webp_pipe", "webp")
            }
        // Decoders round a picture's sides up before they compare; the picture itself is known and allowed.
        let maxPixels = (header.width + 256) * (header.height + 256)
        return [
            "-protocol_whitelist", "pipe", "-max_pixels", "\(maxPixels)",
            "-noautorotate", "-threads", "1", "-f", demuxer, "-c:v", decoder, "-i", "pipe:0",
        ]
    }

    /// The filters that turn a stored picture upright, by the eight orientations of EXIF (tag 0x0112).
    private static func upright(_ orientation: ImageOrientation) -> [String] {
        switch orientation {
        case .mirrored: ["hflip"]
        case .rotated180: ["hflip", "vflip"]
        case .flipped: ["vflip"]
        case .transposed: ["transpose=cclock_flip"]
        case .rotated90: ["transpose=clock"]
        case .transversed: ["transpose=clock_flip"]
        case .rotated270: ["transpose=cclock"]
        case .upright: []
        }
    }

    /// Reads frames in YUV 4:2:0, BT.709, limited range, from standard input and writes the file of the target.
    ///
    /// `output` is the bare name of the file in the folder of work.
    package static func encodeFrames(
        size: FrameSize,
        frames: Int,
        output: String,
        effort: EncodeEffort = .standard
    ) -> [String] {
        strict + ["-y", "-protocol_whitelist", "pipe,file"]
            + colourTags
            + [
                "-f", "rawvideo", "-pix_fmt", MP4Target.pixelFormat, "-video_size",
                "\(size.width)x\(size.height)",
                "-framerate", "\(MP4Target.frameRate)", "-i", "pipe:0", "-map", "0:v:0", "-frames:v",
                "\(frames)",
            ] + encoder(size: size, effort) + container(output: output)
    }

    /// Reports the streams of a video from outside as JSON, the picture first.
    ///
    /// For ffprobe.
    package static func probe(_ file: String) -> [String] {
        ["-v", "error"] + videoInput(file) + ["-select_streams", "v:0", "-show_streams", "-of", "json"]
    }

    /// Opens a file as an MP4 and as nothing else: no playlist, no list of files, no address.
    static func videoInput(_ file: String, protocols: String = "file") -> [String] {
        [
            "-protocol_whitelist", protocols, "-format_whitelist", "mov,mp4,m4a,3gp,3g2,mj2",
            "-max_pixels", "\(VideoProbe.maxPixels)", "-max_alloc", "268435456", "-max_streams", "16",
            "-threads", "\(MP4Target.encoderThreads)", "-f", "mp4", "-i", "file:\(file)",
        ]
    }

    /// The scaler's options for the colours of the target.
    static let intoTargetColour =
        ":out_color_matrix=\(MP4Target.colour):out_range=\(MP4Target.colourRange)"

    /// The scaler's options for the colours of a JPEG, which JFIF fixes: BT.601 in full range.
    static let intoJPEGColour = ":out_color_matrix=smpte170m:out_range=pc"

    /// 4:2:0 in full range.
    static let jpegPixelFormat = "yuvj420p"

    /// A JPEG without a word about its maker; `quantiser` goes from 2, the best, to 31.
    static func jpegEncoder(quantiser: Int) -> [String] {
        [
            "-c:v", "mjpeg", "-q:v", "\(quantiser)", "-threads", "1", "-map_metadata", "-1", "-fflags",
            "+bitexact",
            "-flags:v", "+bitexact",
        ]
    }

    /// x264 as the target wants it.
    static func encoder(size: FrameSize, _ effort: EncodeEffort) -> [String] {
        let lines = size.lines
        return [
            "-c:v", "libx264", "-preset", MP4Target.preset(lines: lines, effort), "-crf",
            "\(MP4Target.crf(lines: lines, effort))",
            "-profile:v", MP4Target.encoderProfile, "-g", "\(MP4Target.keyFrameGap)", "-bf",
            "\(MP4Target.bFrames)",
            "-maxrate", "\(MP4Target.maxRateBps(lines: lines))",
            "-bufsize", "\(MP4Target.bufferSizeBits(lines: lines))",
            "-threads", "\(MP4Target.encoderThreads)",
        ] + colourTags
    }

    private static let colourTags = [
        "-color_primaries", MP4Target.colour, "-color_trc", MP4Target.colour, "-colorspace",
        MP4Target.colour,
        "-color_range", MP4Target.colourRange,
    ]

    /// An MP4 that starts at once and says nothing about where it came from.
    static func container(output: String) -> [String] {
        [
            "-map_metadata", "-1", "-map_chapters", "-1", "-video_track_timescale",
            "\(MP4Target.timeScale)",
            "-movflags", "+faststart", "-fflags", "+bitexact", "-f", "mp4", "file:\(output)",
        ]
    }

    /// Decodes every frame of a file, as rule 19 of the target asks.
    ///
    /// Standard error tells how many frames there were (``lastFrameCount(in:)``).
    package static func decodeFully(_ file: String, withSound: Bool = false) -> [String] {
        strict + ["-progress", "pipe:2"] + videoInput(file, protocols: "file,pipe")
            + ["-map", "0:v:0"] + (withSound ? ["-map", "0:a?"] : []) + ["-f", "null", "-"]
    }

    /// The number of frames of the first output, from the last report of `-progress`.
    static func lastFrameCount(in report: String) -> Int? {
        report.split(separator: "\n").last { $0.hasPrefix("frame=") }
            .flatMap {
                Int($0.dropFirst("frame=".count))
            }
    }
}

extension FFmpegArguments.PhotoResult {
    fileprivate var isJPEG: Bool {
        switch self {
        case .planes: false
        case .jpeg: true
        }
    }

    /// Format and place of the result.
    fileprivate var output: [String] {
        switch self {
        case .planes: ["-f", "rawvideo", "pipe:1"]
        case .jpeg(let quantiser):
            FFmpegArguments.jpegEncoder(quantiser: quantiser) + ["-f", "image2pipe", "pipe:1"]
        }
    }
}
