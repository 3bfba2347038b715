package import Foundation
package import ZoetropeCore
package import ZoetropeWorkflow

/// Which alerts are sent, and when: decisions only.
///
/// The first alert of a code goes out at once; while its trouble lasts, later ones are put together into one every ten minutes.
package struct AlertPolicy: Sendable {
    /// What is posted to the operators.
    package struct Notice: Sendable, Equatable {
        package let severity: String
        package let code: String
        package let text: String
        package let animationID: AnimationID?
        package let at: Date
    }

    private struct Trouble {
        var lastSent: Date
        var heldBack = 0
        /// The newest alert that was held back.
        var newest: Alert?
        /// Whether the operators know of it and do not know of its end.
        var isTold = true

        /// A clock that was set back does not silence it.
        func isQuiet(at now: Date) -> Bool {
            (lastSent..<lastSent + AlertPolicy.interval).contains(now)
        }
    }

    package static let interval = Duration.seconds(600)
    /// More codes than this share one; ours are a few dozen.
    private static let mostCodes = 256

    private var troubles: [String: Trouble] = [:]

    package init() {}

    /// Takes an alert; returns what to send now, if anything.
    package mutating func raise(_ alert: Alert, at now: Date) -> Notice? {
        let key = key(alert.code)
        guard var trouble = troubles[key], trouble.isQuiet(at: now) else {
            // What was held back before goes along as a number.
            let heldBack = troubles[key]?.heldBack ?? 0
            troubles[key] = Trouble(lastSent: now)
            return Self.notice(alert, heldBack: heldBack, at: now)
        }
        trouble.heldBack += 1
        trouble.newest = alert
        troubles[key] = trouble
        return nil
    }

    /// Notes that the trouble of a code is over; returns what to send, nil when nobody was told of it.
    package mutating func resolve(_ code: String, _ text: String, at now: Date) -> Notice? {
        let key = key(code)
        guard var trouble = troubles[key] else { return nil }
        // Not sent late: it is over. Trouble that comes and goes makes two messages in ten minutes.
        trouble.newest = nil
        let heldBack = trouble.heldBack
        if trouble.isTold { trouble.heldBack = 0 }
        defer {
            trouble.isTold = false
            troubles[key] = trouble
        }
        guard trouble.isTold else { return nil }
        let text = text + Self.suffix(heldBack: heldBack)
        return Notice(severity: "resolved", code: code, text: text, animationID: nil, at: now)
    }

    /// What was held back and is due.
    package mutating func due(at now: Date) -> [Notice] {
        var notices: [Notice] = []
        for (key, trouble) in troubles.sorted(by: { $0.key < $1.key }) {
            guard let newest = trouble.newest, !trouble.isQuiet(at: now) else { continue }
            troubles[key] = Trouble(lastSent: now)
            notices.append(Self.notice(newest, heldBack: trouble.heldBack - 1, at: now))
        }
        return notices
    }

    private func key(_ code: String) -> String {
        troubles[code] != nil || troubles.count < Self.mostCodes ? code : ""
    }

    private static func notice(_ alert: Alert, heldBack: Int, at now: Date) -> Notice {
        Notice(
            severity: alert.severity.rawValue,
            code: alert.code,
            text: alert.text + suffix(heldBack: heldBack),
            animationID: alert.animationID,
            at: now
        )
    }

    private static func suffix(heldBack: Int) -> String {
        heldBack == 0 ? "" : " (and \(heldBack) more since the last message)"
    }
}
