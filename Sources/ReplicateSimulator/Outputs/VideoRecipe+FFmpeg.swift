extension VideoRecipe {
    /// The arguments of the ffmpeg that makes the clip, without the name of the file.
    ///
    /// A square moves over a plain ground: motion that everybody sees, in few bytes.
    var ffmpegArguments: [String] {
        let square = max(16, height / 4 / 2 * 2)
        let time = String(seconds)
        let ground = "color=c=0x1b3a4b:s=\(width)x\(height):r=\(framesPerSecond):d=\(time)"
        let moving = "color=c=0xffb703:s=\(square)x\(square):r=\(framesPerSecond):d=\(time)"
        let path = "x='(W-w)*(0.5+0.45*sin(t*2))':y='(H-h)*(0.5+0.4*cos(t*3))'"
        var arguments = ["-hide_banner", "-loglevel", "error", "-nostdin", "-y"]
        arguments += [
            "-f", "lavfi", "-i", "\(ground)[ground];\(moving)[moving];[ground][moving]overlay=\(path),format=yuv420p",
        ]
        if hasAudio {
            arguments += ["-f", "lavfi", "-i", "sine=frequency=330:sample_rate=44100:duration=\(time)"]
            arguments += ["-c:a", "aac", "-b:a", "64k", "-ac", "2"]
        }
        arguments += ["-frames:v", String(frames), "-c:v", "libx264", "-preset", "veryfast", "-crf", "30"]
        arguments += ["-pix_fmt", "yuv420p", "-r", String(framesPerSecond), "-map_metadata", "-1", "-bitexact"]
        return arguments + ["-movflags", "+faststart", "-f", "mp4"]
    }
}
