import ZoetropeCore
import ZoetropeMedia

extension JudgedClip {
    static let all = good + container + tracks + picture + time + sound + metadata

    static let sine = ["-f", "lavfi", "-i", "sine=1000:sample_rate=48000"]
    static let aac = ["-c:a", "aac", "-b:a", "64k", "-ar", "48000", "-ac", "2", "-t", "1"]

    // MARK: Right

    private static let good = [
        JudgedClip("our encode", breaks: []) { try await $0.encode() },
        JudgedClip("our encode, any length", breaks: [], seconds: nil) { try await $0.encode(frames: 17) },
        JudgedClip("ten seconds with key frames where x264 likes them", breaks: [], seconds: 10) {
            try await $0.encode(frames: 300)
        },
        JudgedClip("one key frame in 300 frames", breaks: [], seconds: 10) {
            try await $0.encode(size: "64x64", frames: 300, ["-g", "600", "-sc_threshold", "0"])
        },
        JudgedClip("1088 lines", breaks: [], seconds: nil) { try await $0.encode(size: "1920x1088", frames: 3) },
        JudgedClip("1080p", breaks: [], seconds: nil) { try await $0.encode(size: "1920x1080", frames: 5) },
        JudgedClip("all key frames, so no stss", breaks: []) { try await $0.encode(["-g", "1"]) },
        JudgedClip("no B frames, so no ctts and no edit list", breaks: []) { try await $0.encode(["-bf", "0"]) },
        JudgedClip("Constrained Baseline", breaks: []) { try await $0.encode(["-profile:v", "baseline"]) },
        JudgedClip("Main", breaks: []) { try await $0.encode(["-profile:v", "main"]) },
        JudgedClip("SMPTE 170M", breaks: []) { try await $0.encode(smpte170m) },
        JudgedClip("brand mp42", breaks: []) { try await $0.encode(["-brand", "mp42"]) },
        JudgedClip("30000 units a second", breaks: []) { try await $0.encode(["-video_track_timescale", "30000"]) },
        JudgedClip("our title and comment", breaks: []) {
            let comment = MP4Target.comment(.trainedAlgorithmicMedia)
            return try await $0.encode(["-metadata", "title=\(MP4Target.title)", "-metadata", "comment=\(comment)"])
        },
        JudgedClip("AAC-LC 48 kHz stereo", breaks: [], allowsSound: true) { try await $0.encode(inputs: sine, aac) },
        JudgedClip("AAC-LC 44.1 kHz mono", breaks: [], allowsSound: true) {
            try await $0.encode(inputs: sine, aac + ["-ar", "44100", "-ac", "1"])
        },
    ]

    private static let smpte170m = [
        "-color_primaries", "smpte170m", "-color_trc", "smpte170m", "-colorspace", "smpte170m",
    ]

    // MARK: 1, 2

    private static let container = [
        JudgedClip("brand qt", breaks: [1]) { try await $0.encode(["-brand", "qt  "]) },
        JudgedClip("moov at the end", breaks: [2]) { try await $0.encode(["-movflags", "-faststart"]) },
        // ffprobe sees the late start too, which we leave alone: the fragments would have to be read.
        JudgedClip("fragmented", breaks: [2], script: [2, 14]) {
            try await $0.encode(["-movflags", "frag_keyframe+empty_moov"])
        },
        // ffprobe reads what is left, and so counts too few frames as well.
        JudgedClip("truncated in mdat", breaks: [2], script: [2, 11]) { workshop in
            let clip = try await workshop.encode()
            return Array(clip.prefix(clip.count * 6 / 10))
        },
        JudgedClip("bytes after the last box", breaks: [2]) { try await $0.encode() + [1, 2, 3] },
        // ffprobe takes the first one and says nothing.
        JudgedClip("two moov boxes", breaks: [2]) { workshop in
            var editor = BoxEditor(try await workshop.encode())
            editor.boxes.append(editor.boxes[1])
            return editor.file()
        },
        // ffprobe opens no other file and says nothing.
        JudgedClip("media in another file", breaks: [2], script: []) { workshop in
            var editor = BoxEditor(try await workshop.encode())
            editor.edit("moov/trak/mdia/minf/dinf/dref/url ") {
                $0.head = [0, 0, 0, 0] + Array("file:///etc/passwd".utf8)
            }
            return editor.file()
        },
        // The script does not look where chunks are.
        JudgedClip("media outside mdat", breaks: [2, 17], script: []) { workshop in
            var boxes = BoxEditor(try await workshop.encode()).boxes
            boxes[boxes.count - 1].type = "mfra"
            boxes.append(BoxNode(type: "mdat", head: [1, 2, 3, 4]))
            return boxes.flatMap { $0.bytes() }
        },
        JudgedClip("a chunk that holds too few samples", breaks: [2], script: [11]) { workshop in
            var editor = BoxEditor(try await workshop.encode())
            editor.edit("moov/trak/mdia/minf/stbl/stsc") { $0.write([0, 0, 0, 29], at: 12) }
            return editor.file()
        },
    ]

    // MARK: 3

    private static let tracks = [
        JudgedClip("two video tracks", breaks: [3]) {
            try await $0.encode(
                inputs: ["-f", "lavfi", "-i", "testsrc=s=128x96:r=30:d=1"],
                ["-map", "0:v", "-map", "1:v"]
            )
        },
        JudgedClip("two sound tracks", breaks: [3], allowsSound: true) {
            try await $0.encode(inputs: sine, aac + ["-map", "0:v", "-map", "1:a", "-map", "1:a"])
        },
        JudgedClip("time code track", breaks: [3, 17]) { try await $0.encode(["-timecode", "00:00:00:00"]) },
        JudgedClip("subtitles", breaks: [3, 17]) { workshop in
            let text = try workshop.write(Array("1\n00:00:00,000 --> 00:00:01,000\nHello\n".utf8))
            return try await workshop.encode(
                inputs: ["-f", "srt", "-i", text],
                ["-map", "0:v", "-map", "1:s", "-c:s", "mov_text"]
            )
        },
        // ffprobe shows a track whether it is enabled or not.
        JudgedClip("a video track that is switched off", breaks: [3], script: []) { workshop in
            var editor = BoxEditor(try await workshop.encode())
            editor.edit("moov/trak/tkhd") { $0.write([0, 0, 0, 2], at: 0) }
            return editor.file()
        },
        JudgedClip("sound only", breaks: [3, 16], script: [3, 16], seconds: nil, allowsSound: true) {
            try await $0.ffmpeg(sine + aac + ["-movflags", "+faststart", "-fflags", "+bitexact"])
        },
    ]

    // MARK: 4 to 8

    private static let picture = [
        JudgedClip("HEVC", breaks: [4, 17]) {
            try await $0.encode([
                "-c:v", "libx265", "-profile:v", "main", "-tag:v", "hvc1", "-x265-params", "log-level=none",
            ])
        },
        JudgedClip("MPEG-4 part 2", breaks: [4, 17]) { try await $0.encode(["-c:v", "mpeg4", "-profile:v", "0"]) },
        JudgedClip("Motion JPEG", breaks: [4, 17]) {
            try await $0.encode(pixelFormat: "yuvj420p", ["-c:v", "mjpeg", "-profile:v", "-99", "-bf", "0"])
        },
        JudgedClip("avc3", breaks: [4]) { try await $0.encode(["-tag:v", "avc3"]) },
        // ffprobe does not say how many parameter sets or sample entries there are.
        JudgedClip("two sequence parameter sets", breaks: [4], script: []) { workshop in
            var editor = BoxEditor(try await workshop.encode())
            editor.edit("moov/trak/mdia/minf/stbl/stsd/avc1/avcC") { box in
                let length = Int(UInt16(bigEndianBytes: box.head[6..<8]))
                box.head[5] += 1
                box.head.insert(contentsOf: Array(box.head[6..<8 + length]), at: 6)
            }
            return editor.file()
        },
        JudgedClip("High 10", breaks: [5, 6]) {
            try await $0.encode(pixelFormat: "yuv420p10le", ["-profile:v", "high10"])
        },
        JudgedClip("4:2:2", breaks: [5, 6]) { try await $0.encode(pixelFormat: "yuv422p", ["-profile:v", "high422"]) },
        JudgedClip("4:4:4", breaks: [5, 6]) { try await $0.encode(pixelFormat: "yuv444p", ["-profile:v", "high444"]) },
        JudgedClip("Baseline with all its tools", breaks: [5]) { workshop in
            var editor = BoxEditor(try await workshop.encode(["-profile:v", "baseline"]))
            editor.edit("moov/trak/mdia/minf/stbl/stsd/avc1/avcC") { box in
                box.head[2] &= ~0x40
                box.head[10] &= ~0x40
            }
            return editor.file()
        },
        JudgedClip("level 5", breaks: [5]) { try await $0.encode(["-level", "5.0"]) },
        // ffprobe believes the parameter set alone.
        JudgedClip("avcC with another level than the pictures", breaks: [5], script: []) { workshop in
            var editor = BoxEditor(try await workshop.encode())
            editor.edit("moov/trak/mdia/minf/stbl/stsd/avc1/avcC") { $0.head[3] = 31 }
            return editor.file()
        },
        JudgedClip("interlaced", breaks: [6]) { try await $0.encode(["-flags:v", "+ilme+ildct", "-top", "1"]) },
        // x264 leaves the matrix out. ffprobe calls it yuv420p, since that is what its decoder makes of it.
        JudgedClip("grey", breaks: [6, 8], script: [8]) { try await $0.encode(pixelFormat: "gray") },
        JudgedClip("too small", breaks: [7]) { try await $0.encode(size: "128x32") },
        JudgedClip("too large", breaks: [7], seconds: nil) { try await $0.encode(size: "1936x1088", frames: 3) },
        JudgedClip("odd sides", breaks: [5, 6, 7]) {
            try await $0.encode(filter: "scale=127:95", pixelFormat: "yuv444p", ["-profile:v", "high444"])
        },
        JudgedClip("pixels that are not square", breaks: [7]) { try await $0.encode(filter: "setsar=16/11") },
        JudgedClip("turned by the display matrix", breaks: [7]) { workshop in
            try await workshop.remux(
                try await workshop.encode(),
                [
                    "-c", "copy", "-map_metadata", "-1", "-metadata:s:v", "rotate=90", "-movflags", "+faststart",
                    "-fflags", "+bitexact",
                ]
            )
        },
        JudgedClip("mirrored by the movie's matrix", breaks: [7]) { workshop in
            var editor = BoxEditor(try await workshop.encode())
            editor.edit("moov/mvhd") { $0.write((-65_536 as Int32).bigEndianBytes, at: 36) }
            return editor.file()
        },
        JudgedClip("stretched by the track", breaks: [7]) { workshop in
            var editor = BoxEditor(try await workshop.encode())
            editor.edit("moov/trak/tkhd") { $0.write((256 << 16 as UInt32).bigEndianBytes, at: 76) }
            // Without it ffprobe believes the track; with it, the pasp box.
            editor.edit("moov/trak/mdia/minf/stbl/stsd/avc1") { $0.children?.removeAll { $0.type == "pasp" } }
            return editor.file()
        },
        JudgedClip("full range", breaks: [8]) {
            try await $0.encode(filter: "scale=out_range=pc", ["-color_range", "pc"])
        },
        JudgedClip("untagged", breaks: [8]) {
            try await $0.encode(["-color_range", "0", "-colorspace", "2", "-color_primaries", "2", "-color_trc", "2"])
        },
        JudgedClip("colours of two kinds", breaks: [8]) { try await $0.encode(["-colorspace", "smpte170m"]) },
        JudgedClip("BT.2020", breaks: [8]) {
            try await $0.encode(["-colorspace", "bt2020nc", "-color_primaries", "bt2020", "-color_trc", "bt2020-10"])
        },
        // ffprobe merges both into one answer.
        JudgedClip("colr that contradicts the pictures", breaks: [8], script: []) { workshop in
            var editor = BoxEditor(try await workshop.encode())
            editor.edit("moov/trak/mdia/minf/stbl/stsd/avc1/colr") { $0.write([0, 9, 0, 16, 0, 9], at: 4) }
            return editor.file()
        },
    ]

    // MARK: 9 to 15

    private static let time = [
        JudgedClip("24 fps", breaks: [9, 10, 11]) { try await $0.encode(frames: 24, filter: "fps=24") },
        JudgedClip("60 fps", breaks: [9, 10, 11]) { try await $0.encode(frames: 60, filter: "fps=60") },
        JudgedClip("29.97 fps", breaks: [9, 10]) { try await $0.encode(filter: "fps=30000/1001") },
        JudgedClip("variable rate", breaks: [9, 10, 11]) {
            try await $0.encode(frames: 20, filter: "select='mod(n+1,3)'", ["-fps_mode", "vfr"])
        },
        JudgedClip("variable rate with the right mean", breaks: [10], script: [9, 10]) { workshop in
            var editor = BoxEditor(try await workshop.encode(["-bf", "0"]))
            editor.edit("moov/trak/mdia/minf/stbl/stts") { box in
                let runs: [UInt32] = [0, 3, 10, 512, 10, 256, 10, 768]
                box.head = runs.flatMap(\.bigEndianBytes)
            }
            return editor.file()
        },
        // ffprobe starts at the first frame whatever its time.
        JudgedClip("times that jump on the screen", breaks: [10, 14], script: [10]) { workshop in
            var editor = BoxEditor(try await workshop.encode())
            editor.edit("moov/trak/mdia/minf/stbl/ctts") { $0.write([0, 1, 0, 0], at: 12) }
            return editor.file()
        },
        JudgedClip("29 frames", breaks: [11]) { try await $0.encode(frames: 29) },
        JudgedClip("31 frames", breaks: [11]) { try await $0.encode(frames: 31) },
        JudgedClip("a movie header of two seconds", breaks: [11]) { workshop in
            var editor = BoxEditor(try await workshop.encode())
            editor.edit("moov/mvhd") { $0.write([0, 0, 0x07, 0xD0], at: 16) }
            return editor.file()
        },
        JudgedClip("one key frame in 330 frames", breaks: [12], seconds: 11) {
            try await $0.encode(size: "64x64", frames: 330, ["-g", "600", "-sc_threshold", "0"])
        },
        // ffprobe looks at the picture itself.
        JudgedClip("no key frame first", breaks: [12], script: []) { workshop in
            var editor = BoxEditor(try await workshop.encode())
            editor.edit("moov/trak/mdia/minf/stbl/stss") { $0.write([0, 0, 0, 2], at: 8) }
            return editor.file()
        },
        JudgedClip("four frames reordered by the parameter set", breaks: [13]) { workshop in
            var editor = BoxEditor(try await workshop.encode())
            editor.edit("moov/trak/mdia/minf/stbl/stsd/avc1/avcC") { box in
                let length = Int(UInt16(bigEndianBytes: box.head[6..<8]))
                var set = Array(box.head[8..<8 + length])
                set.setReorderFrames(4)
                box.head.replaceSubrange(6..<8 + length, with: UInt16(set.count).bigEndianBytes + set)
            }
            return editor.file()
        },
        JudgedClip("no edit list, so a late start", breaks: [14]) { try await $0.encode(["-use_editlist", "0"]) },
        JudgedClip("empty edit", breaks: [11, 14]) { try await $0.encode(["-output_ts_offset", "0.5"]) },
        // ffprobe plays them, and so finds other times and more frames.
        JudgedClip("two edits", breaks: [14], script: [10, 11, 13, 14]) { workshop in
            var editor = BoxEditor(try await workshop.encode())
            editor.edit("moov/trak/edts/elst") { box in
                let half: [UInt32] = [500, 1_024, 65_536]
                box.head = [0, 0, 0, 0, 0, 0, 0, 2] + (half + half).flatMap(\.bigEndianBytes)
            }
            return editor.file()
        },
        JudgedClip("an edit that plays at half the speed", breaks: [14]) { workshop in
            var editor = BoxEditor(try await workshop.encode())
            editor.edit("moov/trak/edts/elst") { $0.write([0, 0, 0x80, 0], at: 16) }
            return editor.file()
        },
        // ffprobe marks the packets that are not shown, and lists them all the same.
        JudgedClip("an edit that shows half of it", breaks: [14], script: []) { workshop in
            var editor = BoxEditor(try await workshop.encode())
            editor.edit("moov/trak/edts/elst") { $0.write([0, 0, 1, 244], at: 8) }
            return editor.file()
        },
        JudgedClip("high bit rate", breaks: [15]) {
            try await $0.encode(
                size: "320x240",
                filter: "noise=alls=100:allf=t",
                ["-crf", "1", "-maxrate", "60M", "-bufsize", "60M"]
            )
        },
    ]

    // MARK: 16

    private static let sound = [
        JudgedClip("MP3", breaks: [16], allowsSound: true) {
            try await $0.encode(inputs: sine, aac + ["-c:a", "libmp3lame"])
        },
        JudgedClip("AC-3", breaks: [16], allowsSound: true) {
            try await $0.encode(inputs: sine, aac + ["-c:a", "ac3"])
        },
        JudgedClip("AAC 5.1", breaks: [16], allowsSound: true) {
            try await $0.encode(inputs: sine, aac + ["-ac", "6"])
        },
        JudgedClip("AAC 32 kHz", breaks: [16], allowsSound: true) {
            try await $0.encode(inputs: sine, aac + ["-ar", "32000"])
        },
        JudgedClip("HE-AAC by its extension", breaks: [16], allowsSound: true) { workshop in
            var editor = BoxEditor(try await workshop.encode(inputs: sine, aac))
            editor.edit("moov/trak[1]/mdia/minf/stbl/stsd/mp4a/esds") { box in
                let place = box.head.indices.first { box.head[$0...].starts(with: [0x56, 0xE5, 0x00]) } ?? 0
                box.head[place + 2] = 0x80
            }
            return editor.file()
        },
        JudgedClip("sound that starts late", breaks: [14, 16], allowsSound: true) {
            try await $0.encode(
                inputs: ["-itsoffset", "0.2"] + sine,
                aac + ["-map", "0:v", "-map", "1:a", "-t", "1"]
            )
        },
        JudgedClip("sound that goes on", breaks: [11, 16], allowsSound: true) {
            try await $0.encode(inputs: sine, aac + ["-t", "1.2"])
        },
    ]

    // MARK: 17

    private static let metadata = [
        JudgedClip("title", breaks: [17]) { try await $0.encode(["-metadata", "title=Grandmother"]) },
        JudgedClip("GPS", breaks: [17]) { try await $0.encode(["-metadata", "location=+48.1370+011.5750/"]) },
        JudgedClip("keys of the camera", breaks: [17]) {
            try await $0.encode([
                "-metadata", "com.apple.quicktime.make=X", "-movflags", "+use_metadata_tags+faststart",
            ])
        },
        JudgedClip("creation time", breaks: [17]) {
            try await $0.encode(["-metadata", "creation_time=2020-01-01T00:00:00Z"])
        },
        JudgedClip("names of encoder and writer", breaks: [17]) { try await $0.encode(["-fflags", "-bitexact"]) },
        JudgedClip("name of the handler", breaks: [17]) {
            try await $0.encode(["-metadata:s:v", "handler_name=Grandmother"])
        },
    ]
}

extension [UInt8] {
    /// Rewrites the end of x264's sequence parameter set, which is `max_num_reorder_frames` and
    /// `max_dec_frame_buffering`, without caring for emulation prevention: there are no zeros so late.
    mutating func setReorderFrames(_ frames: Int) {
        var bits = flatMap { byte in (0..<8).map { byte >> (7 - $0) & 1 } }
        while bits.last == 0 { bits.removeLast() }
        bits.removeLast()
        // 2 and 4, as Exp-Golomb numbers.
        precondition(bits.suffix(8) == [0, 1, 1, 0, 0, 1, 0, 1], "x264 wrote other numbers: \(bits.suffix(16))")
        bits.removeLast(8)
        for number in [frames, 4] {
            let code = String(number + 1, radix: 2).map { $0 == "1" ? 1 as UInt8 : 0 }
            bits += [UInt8](repeating: 0, count: code.count - 1) + code
        }
        bits.append(1)
        bits += [UInt8](repeating: 0, count: (8 - bits.count % 8) % 8)
        self = stride(from: 0, to: bits.count, by: 8)
            .map { start in bits[start..<start + 8].reduce(0) { $0 << 1 | $1 }
            }
    }
}
