/// Rules 9 to 15: when which frame is shown, and how many bits that takes.
extension MP4Conformance {
    static func frameRate(_ track: MP4Track, _ timing: MP4FrameTiming?) -> [String] {
        guard let timing else { return [] }
        // 36,000 samples of 32 bits each: the products stay far below 2⁶³.
        if timing.totalDuration * MP4Target.frameRate == track.sampleCount * Int(track.timeScale) { return [] }
        let rate = Double(track.sampleCount) * Double(track.timeScale) / Double(timing.totalDuration)
        return ["the mean frame rate must be \(MP4Target.frameRate), got \(rate.rounded3)"]
    }

    static func constantRate(_ track: MP4Track, _ timing: MP4FrameTiming?) -> [String] {
        guard track.sampleCount > 0 else { return [] }
        guard let timing else {
            return ["'stts' and 'ctts' must cover the \(track.sampleCount) samples, no more, no fewer"]
        }
        guard Int(track.timeScale) % MP4Target.frameRate == 0 else {
            return ["the time scale must be a multiple of \(MP4Target.frameRate), got \(track.timeScale)"]
        }
        let step = Int(track.timeScale) / MP4Target.frameRate
        var texts: [String] = []
        let durations = Set(track.durations.filter { $0.count > 0 }.map(\.duration))
        if durations != [step] {
            let found = durations.sorted().prefix(4).map(String.init).joined(separator: ", ")
            texts.append("every frame must last \(step) of \(track.timeScale) units, got \(found)")
        }
        if let steps = timing.steps, steps != step...step {
            texts.append("frames must be shown every \(step) units, got \(steps.lowerBound) to \(steps.upperBound)")
        }
        return texts
    }

    static func length(_ track: MP4Track, in movie: MP4Movie, seconds: Int?) -> [String] {
        var texts: [String] = []
        if let seconds, track.sampleCount != seconds * MP4Target.frameRate {
            texts.append("\(seconds) s must have \(seconds * MP4Target.frameRate) frames, got \(track.sampleCount)")
        }
        if track.sampleCount == 0 { texts.append("there must be frames, got none") }
        if track.emptySampleCount > 0 {
            texts.append("every frame must have bytes, got \(track.emptySampleCount) without")
        }
        let frames = Double(track.sampleCount) / Double(MP4Target.frameRate)
        let lengths = [
            ("mvhd", movie.duration, movie.timeScale),
            ("tkhd", track.duration, movie.timeScale),
            ("mdhd", track.mediaDuration, track.timeScale),
        ]
        for (box, duration, timeScale) in lengths {
            let found = duration.map { Double($0) / Double(timeScale) }
            if let found, abs(found - frames) <= MP4Target.lengthTolerance { continue }
            texts.append("'\(box)' must say \(frames.rounded3) s, got \(found.map { $0.rounded3 + " s" } ?? "nothing")")
        }
        return texts
    }

    static func keyFrames(_ track: MP4Track) -> [String] {
        guard let numbers = track.syncSamples else { return [] }
        guard let first = numbers.first else { return ["frame 1 must be a key frame, got no key frames"] }
        guard first == 1 else { return ["frame 1 must be a key frame, got frame \(first) as the first"] }
        // The end of the clip closes the last gap.
        let gaps = zip(numbers.dropFirst() + [track.sampleCount + 1], numbers).map { $0 - $1 }
        if gaps.contains(where: { $0 < 1 }) { return ["'stss' must rise and end with sample \(track.sampleCount)"] }
        guard let longest = gaps.max(), longest > MP4Target.maxKeyFrameGap else { return [] }
        return ["key frames must be at most \(MP4Target.maxKeyFrameGap) frames apart, got \(longest)"]
    }

    static func reordering(_ track: MP4Track, _ timing: MP4FrameTiming?) -> [String] {
        // What the set promises is what a decoder waits for; what the times show is what really happens.
        let promised = track.avc?.sequenceParameterSet?.maxReorderFrames ?? 0
        let depth = max(promised, timing?.reorderDepth ?? 0)
        if depth <= MP4Target.maxReorderFrames { return [] }
        return ["at most \(MP4Target.maxReorderFrames) frames may be reordered, got \(depth)"]
    }

    static func edits(of track: MP4Track, _ timing: MP4FrameTiming?, in movie: MP4Movie) -> [String] {
        var texts = editShape(track)
        if let sound = movie.soundTrack { texts += editShape(sound) }
        guard texts.isEmpty, let timing else { return texts }
        let start = track.edits.first?.mediaTime ?? 0
        if start != Int64(timing.firstPresentation) {
            let delay = (Double(timing.firstPresentation) - Double(start)) / Double(track.timeScale)
            texts.append("the first frame must be shown at 0, got \(delay.rounded3) s")
        }
        if let edit = track.edits.first {
            let shown = Double(edit.segmentDuration) / Double(movie.timeScale)
            let all = Double(timing.totalDuration) / Double(track.timeScale)
            if abs(shown - all) > MP4Target.lengthTolerance {
                texts.append("the edit list must show all \(all.rounded3) s, got \(shown.rounded3) s")
            }
        }
        return texts
    }

    /// At most one edit, for the delay of B frames or the priming of AAC.
    private static func editShape(_ track: MP4Track) -> [String] {
        if track.edits.contains(where: \.isEmpty) { return ["track \(track.id) must have no empty edit, got one"] }
        if track.edits.count > 1 { return ["track \(track.id) must have at most 1 edit, got \(track.edits.count)"] }
        guard let edit = track.edits.first, edit.rate != MP4Track.Edit.normalRate else { return [] }
        return ["the edit of track \(track.id) must have rate 1, got \((Double(edit.rate) / 65_536).rounded3)"]
    }

    static func bitRate(of movie: MP4Movie, _ timing: MP4FrameTiming?, timeScale: UInt32) -> [String] {
        guard let timing, timing.totalDuration > 0 else { return [] }
        let seconds = Double(timing.totalDuration) / Double(timeScale)
        let rate = Double(movie.fileSize) * 8 / seconds
        if rate <= Double(MP4Target.maxBitRateBps) { return [] }
        return ["the bit rate must be at most 12 Mbit/s, got \((rate / 1e6).rounded3)"]
    }
}
