/// The file around retimed pictures: `ftyp`, `moov`, `mdat`, in this order, with nothing in them that was not asked for.
///
/// Source: ISO/IEC 14496-12, clause 8, and 14496-15, clause 5.
struct RetimedMovie {
    typealias Piece = VideoStream.Piece

    /// A picture in decoding order.
    struct Picture {
        let pieces: [Piece]
        /// Which frame of the result it is.
        let slot: Int
        let isKeyFrame: Bool
    }

    let pictures: [Picture]
    let sound: RetimingSource.Sound?
    let width: Int
    let height: Int
    /// The content of `avcC`.
    let configuration: [UInt8]
    let colour: ColourDescription

    /// Everything before the media, and the media.
    func build() -> (head: [UInt8], media: [Piece]) {
        let chunks = chunks()
        let mediaBytes = chunks.reduce(0) { $0 + $1.bytes }
        let brands = box(
            "ftyp",
            text("isom"),
            word(0x200),
            text("isom"),
            text("iso2"),
            text("avc1"),
            text("mp41")
        )
        // The offsets do not change the size of their box.
        let size = brands.count + movie(chunks, from: 0).count + 8
        let head = brands + movie(chunks, from: size) + word(8 + mediaBytes) + text("mdat")
        return (head, chunks.flatMap { $0.samples.flatMap { $0 } })
    }

    // MARK: Media

    /// Samples of one track that stand together: a second of them.
    private struct Chunk {
        let isSound: Bool
        let samples: [[Piece]]
        var bytes: Int { samples.reduce(0) { $0 + $1.reduce(0) { $0 + $1.count } } }
    }

    private var seconds: Double { Double(pictures.count) / Double(MP4Target.frameRate) }

    private func chunks() -> [Chunk] {
        var chunks: [Chunk] = []
        let soundTimes = soundTimes
        var soundPlace = 0
        for start in stride(from: 0, to: pictures.count, by: MP4Target.frameRate) {
            let end = min(start + MP4Target.frameRate, pictures.count)
            chunks.append(Chunk(isSound: false, samples: pictures[start..<end].map(\.pieces)))
            guard let sound else { continue }
            let soundEnd =
                end == pictures.count
                ? soundTimes.count
                : soundTimes.firstIndex { $0 * Double(MP4Target.frameRate) >= Double(end) }
                    ?? soundTimes.count
            guard soundPlace < soundEnd else { continue }
            let samples = sound.samples.ranges[soundPlace..<soundEnd].map { [Piece.copy($0)] }
            chunks.append(Chunk(isSound: true, samples: samples))
            soundPlace = soundEnd
        }
        return chunks
    }

    /// When each packet of sound that is kept begins, in seconds.
    private var soundTimes: [Double] {
        guard let sound else { return [] }
        let start = Int(sound.track.edits.first?.mediaTime ?? 0)
        return sound.samples.presentations
            .map {
                (Double($0) - Double(start)) / Double(sound.track.timeScale)
            }
            .prefix { $0 < seconds }.map { $0 }
    }

    // MARK: Boxes

    private static let videoID = 1
    private static let soundID = 2

    private var duration: Int { pictures.count * MP4Target.frameDuration }

    private func movie(_ chunks: [Chunk], from start: Int) -> [UInt8] {
        var (videoOffsets, soundOffsets, offset): ([Int], [Int], Int) = ([], [], start)
        for chunk in chunks {
            if chunk.isSound { soundOffsets.append(offset) } else { videoOffsets.append(offset) }
            offset += chunk.bytes
        }
        let header = fullBox(
            "mvhd",
            words(0, 0, MP4Target.timeScale, duration, 1 << 16),
            half(0x100),
            half(0),
            words(0, 0),
            matrix,
            words(0, 0, 0, 0, 0, 0),
            word(sound == nil ? Self.videoID + 1 : Self.soundID + 1)
        )
        let video = videoTrack(chunks.filter { !$0.isSound }, videoOffsets)
        return box("moov", header, video, soundTrack(chunks.filter(\.isSound), soundOffsets))
    }

    private func videoTrack(_ chunks: [Chunk], _ offsets: [Int]) -> [UInt8] {
        let delay = pictures.enumerated().map { $0 - $1.slot }.max() ?? 0
        let step = MP4Target.frameDuration
        let compositions = pictures.enumerated().map { ($1.slot - $0 + delay) * step }
        let keys = pictures.indices.filter { pictures[$0].isKeyFrame }.map { $0 + 1 }
        let colourBox = box(
            "colr",
            text("nclx"),
            half(colour.primaries),
            half(colour.transfer),
            half(colour.matrix),
            [0]
        )
        let entry = box(
            "avc1",
            words(0),
            half(0),
            half(1),
            words(0, 0, 0, 0),
            half(width),
            half(height),
            words(72 << 16, 72 << 16, 0),
            half(1),
            [UInt8](repeating: 0, count: 32),
            half(24),
            half(0xFFFF),
            box("avcC", configuration),
            colourBox
        )
        let tables = [
            fullBox("stts", words(1, pictures.count, step)),
            delay == 0 ? [] : runs("ctts", compositions),
            keys.count == pictures.count ? [] : fullBox("stss", word(keys.count), keys.flatMap(word)),
        ]
        return track(
            Self.videoID,
            duration: duration,
            start: delay * step,
            size: (width, height),
            volume: 0,
            media: mediaHeader(MP4Target.timeScale, duration) + handler("vide", "VideoHandler"),
            header: fullBox("vmhd", flags: 1, words(0, 0)),
            tables: sampleDescription(entry) + tables.flatMap { $0 } + places(chunks, offsets)
        )
    }

    private func soundTrack(_ chunks: [Chunk], _ offsets: [Int]) -> [UInt8] {
        guard let sound, let description = sound.track.sound else { return [] }
        let durations = Array(
            sound.samples.durations.prefix(chunks.reduce(0) { $0 + $1.samples.count })
        )
        let total = durations.reduce(0, +)
        let start = Int(sound.track.edits.first?.mediaTime ?? 0)
        let timeScale = Int(sound.track.timeScale)
        let audible = Double(total - start) / Double(timeScale) * Double(MP4Target.timeScale)
        let entry = box(
            "mp4a",
            words(0),
            half(0),
            half(1),
            words(0, 0),
            half(description.channels),
            half(16),
            words(0),
            half(description.sampleRate),
            half(0),
            box("esds", sound.description)
        )
        return track(
            Self.soundID,
            duration: Int(min(Double(duration), max(0, audible))),
            start: start,
            size: (0, 0),
            volume: 0x100,
            media: mediaHeader(timeScale, total) + handler("soun", "SoundHandler"),
            header: fullBox("smhd", words(0)),
            tables: sampleDescription(entry) + runs("stts", durations) + places(chunks, offsets)
        )
    }

    private func track(
        _ id: Int,
        duration: Int,
        start: Int,
        size: (width: Int, height: Int),
        volume: Int,
        media: [UInt8],
        header: [UInt8],
        tables: [UInt8]
    ) -> [UInt8] {
        let here = box("dinf", fullBox("dref", word(1), fullBox("url ", flags: 1)))
        return box(
            "trak",
            fullBox(
                "tkhd",
                flags: 3,
                words(0, 0, id, 0, duration, 0, 0),
                half(0),
                half(id == Self.soundID ? 1 : 0),
                half(volume),
                half(0),
                matrix,
                words(size.width << 16, size.height << 16)
            ),
            box("edts", fullBox("elst", words(1, duration, start, 1 << 16))),
            box("mdia", media, box("minf", header, here, box("stbl", tables)))
        )
    }

    private func mediaHeader(_ timeScale: Int, _ duration: Int) -> [UInt8] {
        fullBox("mdhd", words(0, 0, timeScale, duration), half(0x55C4), half(0))  // the language «und»
    }

    private func handler(_ type: String, _ name: String) -> [UInt8] {
        fullBox("hdlr", word(0), text(type), words(0, 0, 0), text(name), [0])
    }

    private func sampleDescription(_ entry: [UInt8]) -> [UInt8] {
        fullBox("stsd", word(1), entry)
    }

    private func places(_ chunks: [Chunk], _ offsets: [Int]) -> [UInt8] {
        let sizes = chunks.flatMap { $0.samples.map { $0.reduce(0) { $0 + $1.count } } }
        var (entries, last): ([Int], Int?) = ([], nil)
        for (index, chunk) in chunks.enumerated() where chunk.samples.count != last {
            last = chunk.samples.count
            entries += [index + 1, chunk.samples.count, 1]
        }
        return fullBox("stsc", word(entries.count / 3), entries.flatMap(word))
            + fullBox("stsz", words(0, sizes.count), sizes.flatMap(word))
            + fullBox("stco", word(offsets.count), offsets.flatMap(word))
    }

    /// A table of values with how often each one comes in a row.
    private func runs(_ type: String, _ values: [Int]) -> [UInt8] {
        var runs: [(count: Int, value: Int)] = []
        for value in values {
            if let last = runs.last, last.value == value {
                runs[runs.count - 1].count += 1
            } else {
                runs.append((1, value))
            }
        }
        return fullBox(type, word(runs.count), runs.flatMap { word($0.count) + word($0.value) })
    }

    // MARK: Bytes

    private func box(_ type: String, _ contents: [UInt8]...) -> [UInt8] {
        word(8 + contents.reduce(0) { $0 + $1.count }) + text(type) + contents.flatMap { $0 }
    }

    private func fullBox(_ type: String, flags: Int = 0, _ contents: [UInt8]...) -> [UInt8] {
        box(type, word(flags), contents.flatMap { $0 })
    }

    private func word(_ value: Int) -> [UInt8] {
        withUnsafeBytes(of: UInt32(truncatingIfNeeded: value).bigEndian, Array.init)
    }

    private func words(_ values: Int...) -> [UInt8] { values.flatMap(word) }

    private func half(_ value: Int) -> [UInt8] {
        withUnsafeBytes(of: UInt16(truncatingIfNeeded: value).bigEndian, Array.init)
    }

    private func text(_ text: String) -> [UInt8] { Array(text.utf8) }

    private var matrix: [UInt8] { words(1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30) }
}
