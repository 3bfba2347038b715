package import ZoetropeCore

/// One thing about a file that is not as it must be.
package struct ConformanceFinding: Sendable, Hashable, CustomStringConvertible {
    /// Number of the rule, 1 to 18.
    package let rule: Int
    /// The value that was found and what would be right.
    ///
    /// Never a value of metadata: that may be private.
    package let text: String

    package init(rule: Int, text: String) {
        self.rule = rule
        self.text = text
    }

    package var description: String { "rule \(rule): \(text)" }
}

/// Whether a file is the video we publish: H.264 MP4, 30 fps constant, playable everywhere.
package enum MP4Conformance {
    /// Checks rules 1 to 18, in their order; no findings mean that the file conforms.
    ///
    /// Whether the pictures can be decoded (rule 19) takes a decoder, and is not looked at here.
    ///
    /// - Parameters:
    ///   - movie: what the boxes of the file say.
    ///   - seconds: the length that was asked for, or `nil` when any is right.
    ///   - allowsSound: a sound track is allowed, not demanded.
    ///   - keeping: metadata that somebody asked for, byte for byte.
    ///   - provenance: what our mark must say; `nil` for a file that is not marked yet, which then must have none (rule 17).
    /// - Returns: what is not as it must be.
    package static func check(
        _ movie: MP4Movie,
        seconds: Int?,
        allowsSound: Bool,
        keeping: Set<MP4Metadata> = [],
        marking provenance: Provenance? = nil
    ) -> [ConformanceFinding] {
        var findings: [ConformanceFinding] = []
        func add(_ rule: Int, _ texts: [String]) {
            findings += texts.map { ConformanceFinding(rule: rule, text: $0) }
        }
        add(1, brand(movie))
        add(2, fastStart(movie))
        add(3, tracks(movie))
        if let track = movie.videoTrack {
            add(4, codec(track))
            add(5, profile(track))
            add(6, pixels(track))
            add(7, size(track, in: movie))
            add(8, colour(track))
            // The tables of a fragmented file are empty: rule 2 has said what is wrong.
            if !movie.isFragmented {
                let timing = MP4FrameTiming(track)
                add(9, frameRate(track, timing))
                add(10, constantRate(track, timing))
                add(11, length(track, in: movie, seconds: seconds))
                add(12, keyFrames(track))
                add(13, reordering(track, timing))
                add(14, edits(of: track, timing, in: movie))
                add(15, bitRate(of: movie, timing, timeScale: track.timeScale))
            }
        }
        if let track = movie.soundTrack { add(16, sound(track, in: movie, isAllowed: allowsSound)) }
        add(17, privateData(movie, keeping: keeping, marking: provenance))
        if let provenance { add(18, mark(of: movie, provenance)) }
        return findings
    }
}

extension Double {
    /// With three decimals, without Foundation.
    var rounded3: String {
        guard magnitude < 1e12 else { return "\(self)" }
        let thousandths = Int((self * 1_000).rounded())
        let decimals = String(thousandths.magnitude % 1_000)
        let sign = thousandths < 0 ? "-" : ""
        return "\(sign)\(thousandths.magnitude / 1_000)." + String(repeating: "0", count: 3 - decimals.count) + decimals
    }
}
