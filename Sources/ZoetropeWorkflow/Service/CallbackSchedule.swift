/// When a callback that was not delivered is tried again.
///
/// Eight tries within 28 hours, as Svix has it: at once, after 5 s, 5 min, 30 min, 2 h, 5 h, 10 h and 10 h.
package enum CallbackSchedule {
    private static let waits: [Duration] = [
        .zero, .seconds(5), .seconds(5 * 60), .seconds(30 * 60), .seconds(2 * 3_600), .seconds(5 * 3_600), longest,
        longest,
    ]
    private static let longest = Duration.seconds(10 * 3_600)

    /// How many tries there are in all.
    package static let mostTries = waits.count

    /// How long to wait before the next try; nil when there is none.
    ///
    /// - Parameters:
    ///   - tries: How many were made, 0 or more.
    ///   - unit: A random number in 0..<1: it shortens the wait by up to a tenth, so that many callbacks do not come at once.
    ///   - retryAfter: What the receiver asked for; only ever lengthens the wait, to 10 h at most.
    /// - Returns: the wait, counted from the end of the last try.
    package static func wait(after tries: Int, unit: Double, retryAfter: Duration? = nil) -> Duration? {
        guard waits.indices.contains(tries) else { return nil }
        let usual = waits[tries] * (1 - 0.1 * unit)
        return max(usual, min(retryAfter ?? .zero, longest))
    }
}
