package import ZoetropeCore

/// Commands that make the published video of one from outside.
extension FFmpegArguments {
    /// One encode with the standard chain.
    package struct Encode: Sendable {
        /// Bare names in the folder of work.
        package var input: String
        package var output: String
        /// Of the result.
        package var size: FrameSize
        package var frames: Int
        package var isInterlaced = false
        /// How much longer the result lasts than the input.
        package var stretch = 1.0
        /// What the colours of the input mean; nil to go by what it says.
        package var colour: ColourDescription?
        package var keepsSound = false
        package var effort = EncodeEffort.standard

        package init(_ input: String, to output: String, size: FrameSize, frames: Int) {
            (self.input, self.output, self.size, self.frames) = (input, output, size, frames)
        }
    }

    /// Reads a video from outside and writes the file of the target: even, steady, upright, in BT.709.
    package static func encode(_ order: Encode) -> [String] {
        let source =
            order.colour.map { ":in_color_matrix=\($0.matrixName)" } ?? ""
        let filters =
            (order.isInterlaced ? ["bwdif=deint=interlaced"] : []) + evenTime(stretch: order.stretch) + [
                "scale=\(order.size.width):\(order.size.height):flags=bicubic\(source)" + intoTargetColour,
                "setsar=1", "format=\(MP4Target.pixelFormat)",
            ]
        let seconds = Double(order.frames) / Double(MP4Target.frameRate)
        let sound =
            order.keepsSound
            ? ["-map", "0:a:0"] + soundEncoder(stretch: order.stretch, seconds: seconds) : ["-an"]
        return strict + videoInput(order.input) + ["-map", "0:v:0"] + sound + [
            "-sn", "-dn", "-y", "-vf", filters.joined(separator: ","), "-frames:v", "\(order.frames)",
        ] + encoder(size: order.size, order.effort) + container(output: order.output)
    }

    /// Copies the picture of a video from outside into a plain file.
    ///
    /// - Parameters:
    ///   - input: Bare name in the folder of work.
    ///   - output: Bare name of the file to make.
    ///   - isH264: Whether its pictures are H.264, which is then stored as it is published.
    ///   - sound: What becomes of the sound.
    ///   - stretch: How much longer the published video will last.
    ///   - seconds: Length of the published video.
    /// - Returns: The words.
    package static func copy(
        _ input: String,
        to output: String,
        isH264: Bool,
        sound: MediaPlan.Sound,
        stretch: Double,
        seconds: Double
    ) -> [String] {
        let soundWords =
            switch sound {
            case .drop: ["-an"]
            case .copy: ["-map", "0:a:0", "-c:a", "copy"]
            case .encode: ["-map", "0:a:0"] + soundEncoder(stretch: stretch, seconds: seconds)
            }
        return strict + videoInput(input) + ["-map", "0:v:0", "-c:v", "copy"]
            + (isH264 ? ["-tag:v", "avc1"] : []) + soundWords + [
                "-sn", "-dn", "-y", "-map_metadata", "-1", "-map_chapters", "-1", "-fflags", "+bitexact",
                "-f", "mp4",
                "file:\(output)",
            ]
    }

    /// Scales a video that is right already, and keeps its sound.
    ///
    /// Files are bare names in the folder of work.
    package static func preview(
        of input: String,
        to output: String,
        size: FrameSize,
        effort: EncodeEffort
    )
        -> [String]
    {
        let filters = [
            "scale=\(size.width):\(size.height):flags=bicubic" + intoTargetColour,
            "format=\(MP4Target.pixelFormat)",
        ]
        return strict + videoInput(input) + [
            "-map", "0:v:0", "-map", "0:a?", "-c:a", "copy", "-sn", "-dn", "-y", "-vf",
            filters.joined(separator: ","),
        ] + encoder(size: size, effort) + container(output: output)
    }

    /// Spreads the frames over another length, at the rate of the target.
    ///
    /// The end of a video is no frame, so the last one is held for a moment before the frames are spread: what follows
    /// the length that is wanted is cut, and nothing stands still.
    static func evenTime(stretch: Double) -> [String] {
        [
            "tpad=stop_mode=clone:stop_duration=0.1", "setpts=(PTS-STARTPTS)*\(stretch)",
            "fps=\(MP4Target.frameRate)",
        ]
    }

    /// Sound that is encoded anew: from the first frame on, no longer than the picture, and stretched with it.
    private static func soundEncoder(stretch: Double, seconds: Double) -> [String] {
        let filters =
            ["aresample=\(MP4Target.soundSampleRate):async=1:first_pts=0"]
            + (abs(stretch - 1) * seconds > Retiming.maxSoundDrift ? ["atempo=\(1 / stretch)"] : [])
            + ["atrim=end=\(seconds)"]
        return [
            "-af", filters.joined(separator: ","), "-c:a", "aac", "-b:a", "\(MP4Target.soundBitRateBps)",
            "-ar", "\(MP4Target.soundSampleRate)", "-ac", "\(MP4Target.soundChannels)",
        ]
    }
}
