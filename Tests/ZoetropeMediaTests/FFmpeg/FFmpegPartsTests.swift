import Testing
import ZoetropeCore
import ZoetropeMedia

@Suite struct FFmpegPartsTests {
    private static let size = FrameSize(width: 1280, height: 720)

    @Test func `each part of a joined clip is opened as an MP4 and as nothing else`() {
        let words = FFmpegArguments.join(
            [("1.mp4", false), ("concat:a|b", false)],
            to: "-out.mp4",
            size: Self.size,
            frames: 300
        )
        for option in ["-protocol_whitelist", "-format_whitelist", "-max_pixels", "-max_alloc", "-max_streams"] {
            #expect(words.count { $0 == option } == 2, "\(option)")
        }
        #expect(words.contains("file:1.mp4") && words.contains("file:concat:a|b"))
        #expect(words.last == "file:-out.mp4")
        #expect(words.contains("-xerror") && words.contains("-nostdin"))
    }

    @Test func `only the parts after the first lose a frame`() throws {
        let words = FFmpegArguments.join(
            [("1.mp4", false), ("2.mp4", true), ("3.mp4", false)],
            to: "out.mp4",
            size: Self.size,
            frames: 300
        )
        let place = try #require(words.firstIndex(of: "-filter_complex"))
        let chains = words[place + 1].split(separator: ";")
        #expect(chains.map { $0.contains("trim=start_frame=1") } == [false, true, true, false])
        #expect(chains.map { $0.contains("bwdif") } == [false, true, false, false])
        #expect(chains.last?.hasPrefix("[part0][part1][part2]concat=n=3:v=1:a=0,tpad=") == true)
    }

    @Test func `sound is mapped only where it is kept`() {
        var order = FFmpegArguments.Encode("in.mp4", to: "out.mp4", size: Self.size, frames: 150)
        #expect(FFmpegArguments.encode(order).contains("-an") && !FFmpegArguments.encode(order).contains("0:a:0"))
        order.keepsSound = true
        #expect(FFmpegArguments.encode(order).contains("0:a:0") && !FFmpegArguments.encode(order).contains("-an"))
    }
}
