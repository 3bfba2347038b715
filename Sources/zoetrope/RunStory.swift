import Foundation
import ZoetropeCore
import ZoetropeWorkflow

/// A run as lines for an operator.
enum RunStory {
    static func lines(_ run: Run, undos: [UndoRecord], ledger: [LedgerEntry]) -> [String] {
        var lines = [
            "run         \(run.id)",
            "job         \(run.jobID)",
            "state       \(run.state.rawValue)\(run.outcome.map { ", \($0.rawValue)" } ?? "")",
        ]
        if let failure = run.failure {
            lines.append("failure     \(failure.code.rawValue): \(failure.code.message)")
            if !failure.detail.isEmpty { lines.append("detail      \(printable(failure.detail))") }
        }
        lines += [
            "model       \(run.request.model.alias), \(run.request.seconds) s, \(run.request.resolution.rawValue)",
            "accepted    \(time(run.createdAt))",
            "lease       epoch \(run.lease.epoch), \(run.lease.owner.map { "held by \($0)" } ?? "free")",
            "next        \(run.wakeAt.map(time) ?? "nothing to do")",
            "cost        $\(run.cost)",
        ]
        if let date = run.providerDoneAt { lines.append("generated   \(time(date))") }
        if let date = run.playableAt { lines.append("playable    \(time(date))") }
        if run.edition > 1 { lines.append("withdrawn   \(run.edition - 1) published videos that could not be decoded") }
        if let checkAt = run.checkAt { lines.append("check       due \(time(checkAt)), \(run.tries) failures") }
        if let video = run.video {
            lines.append(
                "video       \(video.previewKey), \(video.size), \(video.byteCount) bytes, sha256 \(video.sha256)"
            )
        }
        if let result = run.video?.result {
            lines.append(
                "result      \(result.key), \(result.size), \(result.byteCount) bytes, sha256 \(result.sha256)"
            )
        }
        for intent in run.intents {
            lines.append(
                "intent \(intent.number)    \(intent.state.rawValue), tag \(intent.tag), prediction \(intent.predictionID ?? "-"), "
                    + "sent \(intent.sentAt.map(time) ?? "-"), at most $\(intent.priceCap), cost \(intent.cost.map { "$\($0)" } ?? "-")"
            )
        }
        for entry in ledger { lines.append("ledger      \(time(entry.at)) \(entry.kind.rawValue) \(entry.amount)") }
        for undo in undos {
            let error = undo.lastError.map { ": \(printable($0))" } ?? ""
            lines.append("undo        \(undo.state.rawValue), \(words(undo.action)), \(undo.tries) failures\(error)")
        }
        return lines
    }

    private static func time(_ date: Date) -> String {
        date.formatted(.iso8601.year().month().day().time(includingFractionalSeconds: true))
    }

    private static func words(_ action: UndoAction) -> String {
        switch action {
        case .cancelPrediction(_, _, let id): "cancel prediction \(id)"
        case .deleteInput(_, let tag, let fileID): "delete input \(fileID ?? "with tag \(tag)")"
        case .deleteObject(let key): "delete \(key)"
        case .deleteScene(let job): "delete scene \(job)"
        }
    }

    /// Text from outside must not steer the terminal.
    private static func printable(_ text: String) -> String {
        String(
            String.UnicodeScalarView(text.unicodeScalars.map { $0.properties.generalCategory == .control ? " " : $0 })
        )
    }
}
