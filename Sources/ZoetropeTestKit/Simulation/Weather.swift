/// Where the world answers a process, and can fail it.
package enum CallSite: Int, CaseIterable, Sendable {
    case accept, read, claim, commit, renew, amend, wake, receive, nextWake, gates, condemn, remove
    case prepareInput, removeInput, submit, find, status, fetch, cancel
    case put, get, delete
    case makeInput, publishable, check, lastFrame, scratch

    var isDatabase: Bool { rawValue <= CallSite.remove.rawValue }
    var isProvider: Bool { (CallSite.prepareInput.rawValue...CallSite.cancel.rawValue).contains(rawValue) }
    var isObjects: Bool { (CallSite.put.rawValue...CallSite.delete.rawValue).contains(rawValue) }

    /// Usual and slow answers take so many seconds.
    var seconds: (usual: ClosedRange<Double>, slow: ClosedRange<Double>) {
        switch self {
        case .submit: (0.05...0.8, 1...54)
        case .fetch: (0.05...3, 5...110)
        case .publishable: (0.5...8, 20...100)
        case .makeInput, .check, .lastFrame: (0.02...0.4, 2...40)
        case .put, .get: (0.005...0.2, 1...40)
        case _ where isDatabase: (0.000_5...0.006, 0.1...12)
        case .scratch: (0...0.001, 0...0.001)
        default: (0.03...0.4, 1...20)
        }
    }
}

/// How bad a world is: some are calm, some fail here and there, some are wild.
///
/// Each has its own few kinds of trouble, because a world in which everything fails all the time goes nowhere.
struct Weather {
    /// By call site: nothing was done, and the caller is told.
    var fails = [Double](repeating: 0, count: CallSite.allCases.count)
    /// By call site: it was done, and the caller is not told.
    var losesAnswer = [Double](repeating: 0, count: CallSite.allCases.count)
    var slow = [Double](repeating: 0, count: CallSite.allCases.count)
    /// Of what is put: it is done after the caller has given up.
    var landsLate = 0.0
    /// At each crash point.
    var kill = 0.0
    var freeze = 0.0
    /// Of the call that costs money.
    var refuses = 0.0
    var hides = 0.0
    /// Of the paid calls whose answer is lost: something on the way delivers them twice.
    var echoes = 0.0
    /// Of the videos that are made: not every frame of them can be decoded.
    var damages = 0.0
    /// Generations that do not simply succeed.
    var badEnds = 0.0
    var webhooks = 0.0
    var loseWebhook = 0.0
    var doubleWebhook = 0.0
    var foreignWebhook = 0.0
    var loseBell = 0.0
    /// When all trouble ends, in seconds.
    var calmAfter: Double

    init(_ generator: inout SplitMix64, isCalm: Bool) {
        calmAfter = generator.skewed(120...3_000)
        webhooks = generator.pick([0, 1, 1])
        badEnds = generator.pick([0, 0.1, 0.3])
        guard !isCalm, !generator.chance(0.1) else { return }
        let strength = generator.chance(0.3) ? 0.12 : 0.03
        for site in CallSite.allCases {
            if generator.chance(0.5) { fails[site.rawValue] = generator.unit() * strength }
            if generator.chance(0.5) { losesAnswer[site.rawValue] = generator.unit() * strength }
            if generator.chance(0.4) { slow[site.rawValue] = generator.unit() * strength }
        }
        // Nothing is sorted out about the dear call unless it goes wrong often.
        if generator.chance(0.5) { losesAnswer[CallSite.submit.rawValue] = generator.within(0.05...0.6) }
        // The same holds for what is done once in a run's life.
        if generator.chance(0.3) { losesAnswer[CallSite.put.rawValue] = generator.within(0.05...0.3) }
        if generator.chance(0.2) { losesAnswer[CallSite.amend.rawValue] = generator.within(0.05...0.4) }
        if generator.chance(0.2) { losesAnswer[CallSite.commit.rawValue] = generator.within(0.03...0.15) }
        if generator.chance(0.3) { slow[CallSite.publishable.rawValue] = generator.within(0.1...0.6) }
        if generator.chance(0.3) { echoes = generator.within(0.05...0.4) }
        if generator.chance(0.4) { damages = generator.within(0.1...0.7) }
        if generator.chance(0.3) { landsLate = generator.within(0.05...0.4) }
        if generator.chance(0.5) { kill = generator.unit() * strength * 0.6 }
        if generator.chance(0.3) { freeze = generator.unit() * strength * 0.3 }
        if generator.chance(0.4) { refuses = generator.unit() * 0.3 }
        if generator.chance(0.5) { hides = generator.unit() }
        if generator.chance(0.5) { loseWebhook = generator.unit() }
        if generator.chance(0.5) { doubleWebhook = generator.unit() * 0.4 }
        if generator.chance(0.5) { foreignWebhook = generator.unit() * 0.2 }
        if generator.chance(0.3) { loseBell = generator.unit() }
    }
}
