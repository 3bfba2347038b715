import ZoetropeCore
import ZoetropeWorkflow

/// How far an animation is, in whole per cent.
enum Progress {
    /// 100 once it can be played, 0 once it has failed, since nothing of it is kept; else how far the run is.
    ///
    /// While the provider works nobody knows how far it is, so the looks at it are counted, each for less than the one
    /// before. A generation that is begun anew sets it back.
    static func percent(_ status: AnimationAttempt.Status, _ run: Run?) -> Int {
        switch status {
        case .ready: return 100
        case .failed: return 0
        case .pending: break
        }
        guard let run else { return 0 }
        let ofPart =
            switch run.state {
            case .queued: 0
            case .submitting: 5
            case .generating: 10 + 75 * run.polls / (run.polls + 8)
            case .finishing, .compensating, .done: 90
            }
        // Parts are made one after the other; the last tenth is finishing.
        return (90 * run.part + ofPart) / max(run.request.partCount, run.part + 1)
    }
}
