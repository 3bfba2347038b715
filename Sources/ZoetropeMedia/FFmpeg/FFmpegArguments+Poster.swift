package import ZoetropeCore

/// Commands on the first frame of a video and on its key frames.
extension FFmpegArguments {
    /// Decodes the key frames of a file and leaves the first one as a JPEG of this size.
    ///
    /// Standard error tells how many key frames there were (``lastFrameCount(in:)``), standard output is the poster.
    /// Without `-skip_frame` ahead of the input the second output would make ffmpeg decode all frames.
    package static func decodeKeyFrames(_ file: String, posterSize: FrameSize) -> [String] {
        countKeyFrames + videoInput(file, protocols: "file,pipe") + nullOutput
            + ["-map", "0:v:0", "-frames:v", "1", "-vf", poster(posterSize).joined(separator: ",")]
            + jpegEncoder(quantiser: 3) + ["-f", "image2pipe", "pipe:1"]
    }

    /// Does the same for a video whose colours are not said, with a poster in each reading, and puts what
    /// ``ColourJudge`` wants to see on standard output.
    ///
    /// - Parameters:
    ///   - file: Bare name of the video in the folder of work.
    ///   - photo: The head of the photo that is on standard input.
    ///   - posterSize: Of the posters.
    ///   - posters: Bare names of the posters to make, with what they take the colours for.
    /// - Returns: The words.
    package static func decodeKeyFrames(
        _ file: String,
        beside photo: ImageHeader,
        posterSize: FrameSize,
        posters: [(name: String, colour: ColourDescription)]
    ) -> [String] {
        let parts = posters.indices.map { "[part\($0)]" }
        var graph = ["[0:v:0]split=\(posters.count + 1)[frame]\(parts.joined())"]
        for (index, poster) in posters.enumerated() {
            let filters = Self.poster(posterSize, from: poster.colour).joined(separator: ",")
            graph.append("\(parts[index])\(filters)[poster\(index)]")
        }
        graph += sideBySide("[frame]", photo)
        return countKeyFrames + videoInput(file, protocols: "file,pipe") + photoInput(photo) + complex(graph)
            + nullOutput + rawOutput
            + posters.enumerated()
            .flatMap { index, poster in
                ["-map", "[poster\(index)]", "-frames:v", "1"] + jpegEncoder(quantiser: 3)
                    + ["-f", "image2", "-update", "1", "-y", "file:\(poster.name)"]
            }
    }

    /// Puts what ``ColourJudge`` wants to see on standard output: frame 0 beside the photo that is on standard input.
    package static func compareColours(of file: String, with photo: ImageHeader) -> [String] {
        strict + videoInput(file, protocols: "file,pipe") + photoInput(photo)
            + complex(sideBySide("[0:v:0]", photo)) + rawOutput
    }

    private static let countKeyFrames = strict + ["-progress", "pipe:2", "-skip_frame", "nokey"]
    private static let nullOutput = ["-map", "0:v:0", "-fps_mode", "passthrough", "-f", "null", "-"]
    private static let rawOutput = ["-map", "[both]", "-frames:v", "1", "-f", "rawvideo", "pipe:1"]

    /// Complex graphs have a number of threads of their own.
    private static func complex(_ graph: [String]) -> [String] {
        [
            "-filter_complex_threads", "\(MP4Target.encoderThreads)", "-filter_complex",
            graph.joined(separator: ";"),
        ]
    }

    private static func poster(_ size: FrameSize, from colour: ColourDescription? = nil) -> [String] {
        let source = colour.map { ":in_color_matrix=\($0.matrixName)" } ?? ""
        return [
            "scale=\(size.width):\(size.height):flags=bicubic\(source)\(intoJPEGColour)", "format=\(jpegPixelFormat)",
        ]
    }

    /// The frame with its numbers as they are, and to the right of it the whole photo in BT.709.
    private static func sideBySide(_ frame: String, _ photo: ImageHeader) -> [String] {
        let whole = photo.uprightSize
        let side = ColourJudge.side
        let size = FrameSize(width: side, height: side)
        let photoFilters = photoFilters(
            photo,
            crop: PixelRect(x: 0, y: 0, width: whole.width, height: whole.height),
            size: size,
            scaler: "area" + intoTargetColour,
            pixelFormat: MP4Target.pixelFormat
        )
        return [
            "\(frame)scale=\(side):\(side):flags=area:out_range=tv,setsar=1,format=\(MP4Target.pixelFormat)[video]",
            "[1:v:0]\(photoFilters.joined(separator: ",")),setsar=1[photo]",
            "[video][photo]hstack[both]",
        ]
    }
}

extension ColourDescription {
    /// As the scaler calls it.
    var matrixName: String { matrix == MP4Target.colour709.matrix ? "bt709" : "smpte170m" }
}
