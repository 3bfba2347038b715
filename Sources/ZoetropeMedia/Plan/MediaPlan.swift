import ZoetropeCore

/// What is done with a fetched video: the least that makes it the one we publish.
package enum MediaPlan: Sendable, Equatable {
    /// It is right, or only boxes around the media are not: our own mover writes the published file.
    case move
    /// An edit of the stream, see ``Retiming``: other frame rate or length, tags, tracks, boxes.
    case edit
    /// ffmpeg copies the picture into a plain file, which is then looked at again.
    case copy(Sound)
    /// One encode with the standard chain.
    case encode(Sound)
    case refuse(MediaError)

    /// What becomes of the sound.
    package enum Sound: Sendable, Equatable {
        case drop
        case copy
        /// Encoded anew, and fitted to the length that was ordered.
        case encode
    }

    /// What was ordered of a video.
    package struct Order: Sendable, Equatable {
        package var seconds: Int
        package var wantsSound: Bool
        package var retiming: RetimingPolicy

        package init(seconds: Int, wantsSound: Bool, retiming: RetimingPolicy = .lossless) {
            (self.seconds, self.wantsSound, self.retiming) = (seconds, wantsSound, retiming)
        }
    }

    /// A way that was gone already.
    package enum Way: Sendable {
        case move
        case copy
        case edit
    }

    /// Decides, without looking at anything but what was seen.
    ///
    /// - Parameters:
    ///   - facts: What was seen of the file, judged for this order.
    ///   - order: What was ordered.
    ///   - gone: Ways that led here or led nowhere, not to be gone again: with each decision there are fewer.
    /// - Returns: The cheapest thing that can work.
    package static func decide(_ facts: VideoFacts, _ order: Order, gone: Set<Way> = []) -> MediaPlan {
        if let refusal = refusal(facts, order) { return .refuse(refusal) }
        let keepsSound = order.wantsSound && facts.sound != .none
        let encode = MediaPlan.encode(keepsSound ? .encode : .drop)
        let isStretched =
            facts.length.map { abs($0 - Double(order.seconds)) > Retiming.maxSoundDrift } ?? false
        let needsSound = keepsSound && (facts.sound == .other || isStretched)
        let copy = MediaPlan.copy(!keepsSound ? .drop : needsSound ? .encode : .copy)
        if facts.isFragmented {
            // The tables are known only after the copy; what must be encoded anyway is seen then.
            return gone.contains(.copy) ? .refuse(.damaged("it cannot be copied")) : copy
        }
        let changesTime = !facts.brokenRules.isDisjoint(with: time)
        let canEdit = !gone.contains(.edit) && (order.retiming == .lossless || !changesTime)
        guard !mustBeEncoded(facts), canEdit || !changesTime else { return encode }
        if facts.codec == .h264InBand || needsSound, !gone.contains(.copy) { return copy }
        guard facts.codec == .h264 else { return encode }
        let movable = keepsSound ? boxes : boxes.union([16])
        if facts.brokenRules.isSubset(of: movable), !gone.contains(.move) { return .move }
        return canEdit ? .edit : encode
    }

    /// Decides whether a part of a longer video is taken, whatever its length.
    ///
    /// - Returns: A refusal, or an encode.
    package static func decidePart(_ facts: VideoFacts) -> MediaPlan {
        unusable(facts).map(MediaPlan.refuse) ?? .encode(.drop)
    }

    /// Rules that the mover mends: brand, place of the boxes, foreign tracks, private data.
    private static let boxes: Set<Int> = [1, 2, 3, 17]
    /// Rules that only another rate or length mends.
    private static let time: Set<Int> = [9, 10, 11]
    /// Rules that only other pictures mend: codec, profile, pixels, size, key frames, reordering, bit rate.
    private static let pictures: Set<Int> = [5, 6, 7, 12, 13, 15]

    private static func mustBeEncoded(_ facts: VideoFacts) -> Bool {
        switch facts.codec {
        case .other: true
        case .h264InBand: facts.isInterlaced || facts.colour == .foreign
        case .h264:
            facts.isInterlaced || facts.colour == .foreign || facts.brokenRules.contains(4)
                || !facts.brokenRules.isDisjoint(with: pictures)
        }
    }

    private static func unusable(_ facts: VideoFacts) -> MediaError? {
        if facts.isCutShort { return .damaged("it is cut short") }
        guard facts.isSelfContained else {
            return MediaError(.outputInvalid, "The model's video keeps its media in another file")
        }
        guard facts.size.pixels <= VideoProbe.maxPixels else {
            return MediaError(
                .outputInvalid,
                "The model's video is \(facts.size) pixels; at most \(VideoProbe.maxPixels) are taken"
            )
        }
        return nil
    }

    private static func refusal(_ facts: VideoFacts, _ order: Order) -> MediaError? {
        if let error = unusable(facts) { return error }
        let wanted = Double(order.seconds)
        guard let length = facts.length, !Retiming.stretch.contains(wanted / length) else { return nil }
        return MediaError(
            .outputInvalid,
            "The model's video lasts \(length.rounded3) s instead of \(order.seconds) s"
        )
    }
}

extension MediaError {
    /// What arrived damaged may arrive whole the next time.
    static func damaged(_ what: String, detail: String = "") -> MediaError {
        MediaError(
            .outputInvalid,
            "The model's video is damaged: \(what)",
            detail: detail,
            isRetryable: true
        )
    }
}
