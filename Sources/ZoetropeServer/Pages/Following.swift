import Foundation
import ZoetropeCore
import ZoetropeWorkflow

/// What shows how far an animation is; our script keeps it up to date.
enum Following {
    /// For the element around it all.
    static func attributes(of view: AnimationView) -> HTML {
        " data-follow=\"\("/api/v1/jobs/\(view.jobID)/animations/\(view.id)")\""
    }

    static func bar(_ view: AnimationView) -> HTML {
        """
        <progress class="bar" max="100" value="\(view.percent)" aria-label="Progress of \(view.title)">\(view.percent) %</progress>
        """
    }

    /// All steps, of which the present one is shown.
    static func steps(_ view: AnimationView) -> HTML {
        let present = Stage(rawValue: view.step.rawValue) ?? .finishing
        let steps: [HTML] = Stage.allCases.map {
            "<li data-step=\"\($0.rawValue)\"\(" aria-current=\"step\"", if: $0 == present)>\($0.title)</li>"
        }
        return "<ol class=\"steps\">\(steps)</ol>"
    }

    /// Reads the page again where there is no script.
    static let refresh: HTML = "<noscript><meta http-equiv=\"refresh\" content=\"4\"></noscript>"

    /// How long one like it usually takes, by what the visitor's last ones took.
    static func estimate(_ model: String?, among records: [AnimationRecord]) -> String {
        let times =
            records.compactMap { record -> TimeInterval? in
                guard record.attempt.model == model, let end = record.run?.playableAt else { return nil }
                return end.timeIntervalSince(record.attempt.createdAt)
            }
            .sorted()
        guard !times.isEmpty else {
            return model == VideoModel.local.alias ? "Usually under a minute" : "Usually 2 to 3 minutes"
        }
        let seconds = Int(times[times.count / 2].rounded(.up))
        return seconds < 90
            ? "Usually about \(max(1, seconds)) s" : "Usually about \((seconds + 30) / 60) minutes"
    }
}
