import Foundation
package import ZoetropeCore

/// The numbers by which runs are steered.
package struct RunPolicy: Sendable {
    /// What happens when a provider never showed a prediction that may have been accepted.
    package enum AmbiguousCreate: String, Sendable, CaseIterable {
        /// The run fails; at most one charge per intent, and none that is not watched for.
        case neverResend = "never-resend"
        /// A new intent; pays twice if the provider hid the first for longer than all looks.
        case resendIfAbsent = "resend-if-absent"
    }

    package var ambiguousCreate = AmbiguousCreate.neverResend
    /// With ``AmbiguousCreate/resendIfAbsent``: new intents for one part after ones that never turned up.
    package var resends = 2
    /// A generation that brings no result in this time is cancelled and tried once more.
    package var generationTimeout = Duration.seconds(600)
    /// New generations after one that timed out.
    package var regenerationsAfterTimeout = 1
    /// How much longer than ``generationTimeout`` the provider itself waits before it gives up: `Cancel-After`.
    package var providerPatience = Duration.seconds(60)
    /// How long a prediction may take to die after it was cancelled.
    package var cancelGrace = Duration.seconds(180)
    /// How long a run waits for a provider that takes no orders.
    package var submitPatience = Duration.seconds(6 * 3_600)
    /// How long a finished prediction may be unreachable; outputs are kept for an hour.
    package var outputPatience = Duration.seconds(50 * 60)
    /// First and longest wait between two looks at a prediction.
    package var pollWaits = Duration.seconds(2)...Duration.seconds(15)
    /// How far each of these waits is spread, as a share of it, so that many runs do not come at once.
    package var pollSpread = 0.2
    /// Looks fall on multiples of this, so that those of a moment are one sweep of the provider's list.
    package var pollBeat = Duration.milliseconds(100)
    /// A submit that was marked as sent is over after the provider's submit timeout and this.
    package var submitMargin = Duration.seconds(5)
    /// The call is made only while at most this has gone by since the mark was being written.
    package var markMargin = Duration.seconds(4)
    /// How long after it was made, or was first seen in a list, a prediction may be unknown by its identifier.
    package var knownWithin = Duration.seconds(60)
    /// Waits between the searches after the first.
    package var lookWaits: [Duration] = [.seconds(30), .seconds(120), .seconds(300), .seconds(900)]
    /// How long and how often a written-off intent is watched for a late prediction.
    package var watch = (length: Duration.seconds(3_600), every: Duration.seconds(120))
    /// Media work is done at most so often.
    package var mediaTries = 3
    /// Waits between two tries of a step: exponential with full jitter.
    package var backoff = Duration.seconds(2)...Duration.seconds(120)
    /// Waits between two tries of an undo, or of a check that this machine could not do.
    package var undoBackoff = Duration.seconds(5)...Duration.seconds(3_600)
    /// So many checks of a published video that fail for reasons of our own are reported; they are still tried.
    package var checksBeforeAlarm = 5
    /// An undo that failed for so long is reported to the operators; it is still tried.
    package var undoAlarm = Duration.seconds(7 * 86_400)
    /// Paid intents for one part, whatever their ends.
    package var intentsPerPart = 50

    package init() {}

    /// A wait that grows with the number of tries, from 1, spread by `chance`, 0..<1, so that many do not come back at once.
    static func wait(_ range: ClosedRange<Duration>, tries: Int, chance: Double) -> Duration {
        let most = min(range.upperBound, range.lowerBound * (1 << min(max(tries, 1), 20)))
        return range.lowerBound + (most - range.lowerBound) * chance
    }

    func pollWait(_ polls: Int, chance: Double) -> Duration {
        let factor = min(pollWaits.upperBound / pollWaits.lowerBound, pow(1.3, polls))
        return pollWaits.lowerBound * factor * (1 - pollSpread + 2 * pollSpread * chance)
    }

    /// When to look at a prediction again.
    ///
    /// `dueAt` is when this look was due; nil for the look that came with the order. Waits are counted from there, so that
    /// what a look takes does not add to them, but at least half of each lies ahead.
    func nextPoll(_ polls: Int, dueAt: Date?, at now: Date, chance: Double) -> Date {
        let wait = pollWait(polls, chance: chance)
        let base = dueAt.map { min(now, max($0, now + wait * -0.5)) } ?? now
        let beat = max(1, pollBeat / .milliseconds(1))
        let next = (base + wait).timeIntervalSince1970 * 1_000
        // A time on a beat may come back a hair above it.
        return Date(timeIntervalSince1970: ((next - 0.01) / beat).rounded(.up) * beat / 1_000)
    }

    private func pow(_ base: Double, _ exponent: Int) -> Double {
        (0..<min(exponent, 40)).reduce(1) { product, _ in product * base }
    }
}

extension AnimationRequest {
    /// What one generation of this request costs at most.
    package var priceOfPart: MicroUSD { model.pricePerPart(resolution: resolution, seconds: seconds) }

    /// What the whole clip costs at most when nothing is begun anew.
    package var price: MicroUSD { model.price(resolution: resolution, seconds: seconds) }

    /// Generations that the clip is made of.
    package var partCount: Int { model.parts(seconds: seconds) }
}
