import Synchronization

/// Shows how far an animation is: a bar on a terminal, a few plain lines elsewhere.
final class ProgressPrinter: Sendable {
    enum Style: Sendable {
        case bar
        case lines
        case none
    }

    private struct State {
        var lastShown = ContinuousClock.Instant?.none
        var lastStep = String?.none
        var lastQuarter = 0
    }

    private let style: Style
    private let start = ContinuousClock.now
    private let state = Mutex(State())

    init(style: Style) {
        self.style = style
    }

    /// - Parameters:
    ///   - step: What is being done, in a word or two.
    ///   - fraction: Share of the whole work that is done, 0…1.
    func show(_ step: String, _ fraction: Double) {
        let now = ContinuousClock.now
        state.withLock { state in
            let isNewStep = step != state.lastStep
            let quarter = Int(fraction * 4)
            switch style {
            case .none: return
            case .bar:
                guard isNewStep || state.lastShown.map({ now - $0 >= .milliseconds(100) }) ?? true else { return }
                Console.write("\r\u{1B}[2K" + bar(step, fraction, at: now))
            case .lines:
                guard isNewStep || quarter > state.lastQuarter else { return }
                Console.error(words(step, fraction, at: now))
            }
            state.lastShown = now
            state.lastStep = step
            state.lastQuarter = quarter
        }
    }

    /// Takes the bar away, so that what follows starts on a clean line.
    func finish() {
        if style == .bar { Console.write("\r\u{1B}[2K") }
    }

    private func bar(_ step: String, _ fraction: Double, at now: ContinuousClock.Instant) -> String {
        let text = words(step, fraction, at: now)
        let width = min(30, Console.width - text.count - 4)
        guard width >= 5 else { return String(text.prefix(max(0, Console.width - 1))) }
        let filled = Int(fraction * Double(width))
        return "[" + String(repeating: "#", count: filled) + String(repeating: "-", count: width - filled) + "] " + text
    }

    private func words(_ step: String, _ fraction: Double, at now: ContinuousClock.Instant) -> String {
        let elapsed = now - start
        let percent = String(Int(fraction * 100))
        var text = String(repeating: " ", count: max(0, 3 - percent.count)) + percent + " %  "
        text += "\(step), \(seconds(elapsed)) so far"
        // A forecast from less than a fifth of the work is a guess.
        if fraction >= 0.2 {
            text += ", \(seconds(elapsed * ((1 - fraction) / fraction))) left"
        }
        return text
    }

    /// "2.4 s".
    private func seconds(_ duration: Duration) -> String {
        let tenths = Int(duration / .milliseconds(100))
        return "\(tenths / 10).\(tenths % 10) s"
    }
}
