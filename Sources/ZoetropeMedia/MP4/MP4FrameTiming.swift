/// When the frames of a track are shown, from `stts` and `ctts` together.
struct MP4FrameTiming {
    /// Of all frames in a row, in the track's time scale.
    let totalDuration: Int
    /// When the first frame is shown, before the edit list, in the track's time scale.
    let firstPresentation: Int
    /// The longest and the shortest time from one frame on the screen to the next; equal for one rate.
    let steps: ClosedRange<Int>?
    /// How many frames precede a frame in the file and follow it on the screen, at most ``deepest``.
    let reorderDepth: Int

    /// H.264 allows no more (clause A.3.1, MaxDpbFrames).
    static let deepest = 16

    /// - Returns: `nil` when the tables do not cover exactly the samples there are, or there are none.
    init?(_ track: MP4Track) {
        let count = track.sampleCount
        guard count > 0, track.durations.reduce(0, { $0 + $1.count }) == count else { return nil }
        var times: [Int] = []
        var time = 0
        for run in track.durations {
            for _ in 0..<run.count {
                times.append(time)
                time += run.duration
            }
        }
        totalDuration = time
        if !track.compositionOffsets.isEmpty {
            guard track.compositionOffsets.reduce(0, { $0 + $1.count }) == count else { return nil }
            var index = 0
            for run in track.compositionOffsets {
                for _ in 0..<run.count {
                    times[index] += run.offset
                    index += 1
                }
            }
        }
        reorderDepth = Self.reorderDepth(of: times)
        times.sort()
        firstPresentation = times[0]
        let gaps = zip(times.dropFirst(), times).map { $0 - $1 }
        steps = if let shortest = gaps.min(), let longest = gaps.max() { shortest...longest } else { nil }
    }

    private static func reorderDepth(of times: [Int]) -> Int {
        var depth = 0
        // The latest presentation times so far, the latest first. More than `deepest` of them change nothing.
        var latest: [Int] = []
        for time in times {
            let place = latest.firstIndex { $0 <= time } ?? latest.count
            depth = max(depth, place)
            latest.insert(time, at: place)
            if latest.count > deepest { latest.removeLast() }
        }
        return depth
    }
}
