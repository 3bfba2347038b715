/// Rule 16: the sound track.
extension MP4Conformance {
    static func sound(_ track: MP4Track, in movie: MP4Movie, isAllowed: Bool) -> [String] {
        guard isAllowed else { return ["there must be no sound track, got one"] }
        return soundCodec(track) + (movie.isFragmented ? [] : soundTime(track, in: movie))
    }

    static func soundCodec(_ track: MP4Track) -> [String] {
        guard let sound = track.sound, sound.objectTypeIndication == SoundDescription.mpeg4Audio else {
            return ["sound must be AAC-LC, got '\(track.codec?.description ?? "nothing")' of another kind"]
        }
        var texts: [String] = []
        if sound.audioObjectType != SoundDescription.lowComplexity || sound.usesBandReplication {
            let kind = sound.usesBandReplication ? "HE-AAC" : "audio object type \(sound.audioObjectType)"
            texts.append("sound must be AAC-LC, got \(kind)")
        }
        if !MP4Target.sampleRates.contains(sound.sampleRate) {
            texts.append("sound must have 44100 or 48000 Hz, got \(sound.sampleRate)")
        }
        if !(1...MP4Target.maxChannels).contains(sound.channels) {
            texts.append("sound must have 1 or 2 channels, got \(sound.channels)")
        }
        return texts
    }

    private static func soundTime(_ track: MP4Track, in movie: MP4Movie) -> [String] {
        guard track.sampleCount > 0 else { return ["the sound track must have packets, got none"] }
        var texts: [String] = []
        let delay = track.edits.prefix { $0.isEmpty }.reduce(0.0) { $0 + Double($1.segmentDuration) }
        let start = delay / Double(movie.timeScale)
        if start > MP4Target.maxSoundDelay { texts.append("sound must start within 0.030 s, got \(start.rounded3) s") }
        let frames = Double(movie.videoTrack?.sampleCount ?? 0) / Double(MP4Target.frameRate)
        let end = soundEnd(track, in: movie)
        if end > frames + MP4Target.maxSoundOverrun {
            let limit = (frames + MP4Target.maxSoundOverrun).rounded3
            texts.append("sound must end by \(limit) s, got \(end.rounded3) s")
        }
        return texts
    }

    /// When the last edit ends or, without edits, the last packet, in seconds.
    private static func soundEnd(_ track: MP4Track, in movie: MP4Movie) -> Double {
        if track.edits.isEmpty {
            let units = track.durations.reduce(0.0) { $0 + Double($1.count) * Double($1.duration) }
            return units / Double(track.timeScale)
        }
        let units = track.edits.reduce(0.0) { $0 + Double($1.segmentDuration) }
        return units / Double(movie.timeScale)
    }
}
