package import ZoetropeCore

/// Commands on clips that are made in parts.
extension FFmpegArguments {
    /// Reads several videos from outside and writes the file of the target, one after the other, without sound.
    ///
    /// Every part after the first begins with a frame that is already there and is dropped. They are joined at their own
    /// rate, before any frame is doubled for the target's, by a filter with an input for each: the demuxer that joins
    /// would follow what a list of files says.
    /// - Parameters:
    ///   - parts: Bare names in the folder of work, in order.
    ///   - output: Bare name of the file to make.
    ///   - size: That of the result.
    ///   - stretch: How much longer the result lasts than what is joined.
    ///   - frames: Of the result; what is left over is cut.
    ///   - effort: That of the encoder.
    /// - Returns: The words.
    package static func join(
        _ parts: [(name: String, isInterlaced: Bool)],
        to output: String,
        size: FrameSize,
        stretch: Double = 1,
        frames: Int,
        effort: EncodeEffort = .standard
    ) -> [String] {
        var graph: [String] = []
        for (index, part) in parts.enumerated() {
            let filters =
                (index > 0 ? ["trim=start_frame=1"] : []) + ["setpts=PTS-STARTPTS"]
                + (part.isInterlaced ? ["bwdif=deint=interlaced"] : []) + [
                    "scale=\(size.width):\(size.height):flags=bicubic" + intoTargetColour,
                    "setsar=1", "format=\(MP4Target.pixelFormat)",
                ]
            graph.append("[\(index):v:0]\(filters.joined(separator: ","))[part\(index)]")
        }
        let joined = parts.indices.map { "[part\($0)]" }.joined()
        let time = evenTime(stretch: stretch).joined(separator: ",")
        graph.append("\(joined)concat=n=\(parts.count):v=1:a=0,\(time)[joined]")
        // Complex graphs have a number of threads of their own.
        return strict + ["-filter_complex_threads", "\(MP4Target.encoderThreads)"]
            + parts.flatMap { videoInput($0.name) } + [
                "-filter_complex", graph.joined(separator: ";"), "-map", "[joined]", "-an", "-sn", "-dn",
                "-y",
                "-frames:v", "\(frames)",
            ] + encoder(size: size, effort) + container(output: output)
    }

    /// Decodes a video from outside to its end and leaves its last frame as a PNG.
    ///
    /// Every frame is written over the one before: what lies there at the end was really the last, whatever the file
    /// says of its length. Files are bare names in the folder of work.
    package static func lastFrame(
        of input: String,
        to output: String,
        size: FrameSize,
        isInterlaced: Bool
    )
        -> [String]
    {
        let filters =
            (isInterlaced ? ["bwdif=deint=interlaced"] : []) + [
                "scale=\(size.width):\(size.height):flags=bicubic+accurate_rnd+full_chroma_int", "setsar=1",
                "format=rgb24",
            ]
        return strict + videoInput(input) + [
            "-map", "0:v:0", "-an", "-sn", "-dn", "-y", "-vf", filters.joined(separator: ","),
            "-fps_mode", "passthrough", "-c:v", "png", "-compression_level", "1", "-threads", "1",
            "-map_metadata", "-1",
            "-fflags", "+bitexact", "-flags:v", "+bitexact", "-f", "image2", "-update", "1",
            "file:\(output)",
        ]
    }
}
