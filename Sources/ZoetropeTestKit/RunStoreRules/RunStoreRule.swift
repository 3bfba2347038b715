import Testing
package import ZoetropeWorkflow

/// A rule that every run store keeps, whatever lies beneath it.
///
/// Rules take a store that is empty at first and whose clock is this machine's, and share nothing.
package enum RunStoreRule: CaseIterable, Sendable {
    // Intake
    case `what was accepted comes back`
    case `nothing is accepted for a job that is not there`
    case `an intake is written whole or not at all`
    case `a repeated key gets the first answer and writes nothing`
    case `of many intakes with one key at once, one is accepted`
    case `lists come in their order and keep to their limit`
    // Claiming
    case `what waits longest is claimed first, light and heavy each to their number`
    case `a claimed run is nobody else's until its lease is over`
    case `a lease that is over is taken over, and its old holder has lost`
    case `runs of the dead go before a backlog`
    case `of many claims at once, each run goes to one`
    case `checks are claimed apart from other work, when they are due`
    case `a claim brings intents and what is still to be undone`
    case `a lease is prolonged only for its holder`
    case `the next wake is the earliest that can be claimed`
    // Writing
    case `every column comes back`
    case `a change of an old epoch writes nothing`
    case `changes of a batch do not depend on each other`
    case `a batch that names a run twice is refused`
    case `a lease is kept or let go with a change`
    case `one intent of an animation is open, and one takes the place of another`
    case `a prediction belongs to one intent`
    case `params keep what the caller sent`
    case `a change outlives the row that callers know`
    case `an amendment takes the run from its holder`
    case `amendments at once do not undo each other`
    // Money
    case `the day's budget is kept to the cent`
    case `the day's budget is kept by many at once`
    case `money is charged to the day of its reservation`
    // Ringing
    case `a ring makes a waiting run due`
    case `a ring makes an intent due that waits for its prediction`
    case `a ring during a step is not lost`
    case `a webhook counts once`
    case `the doorbell rings when runs became due`
    // Sharing
    case `gates are changed by one at a time`
    // Rolling back
    case `a condemned scene is hidden, refused and removed, and its money stays`
    case `a scene with another animation stays`
    case `a scene is condemned or gets an animation, never both`

    package func check(_ store: some RunStore) async throws {
        let bench = RunStoreBench(store)
        switch self {
        case .`what was accepted comes back`: try await bench.acceptedComesBack()
        case .`nothing is accepted for a job that is not there`: try await bench.missingJob()
        case .`an intake is written whole or not at all`: try await bench.wholeIntake()
        case .`a repeated key gets the first answer and writes nothing`: try await bench.repeatedKey()
        case .`of many intakes with one key at once, one is accepted`: try await bench.manyIntakes()
        case .`lists come in their order and keep to their limit`: try await bench.lists()
        case .`what waits longest is claimed first, light and heavy each to their number`:
            try await bench.claimOrder()
        case .`a claimed run is nobody else's until its lease is over`: try await bench.leased()
        case .`a lease that is over is taken over, and its old holder has lost`: try await bench.takenOver()
        case .`runs of the dead go before a backlog`: try await bench.deadBeforeBacklog()
        case .`of many claims at once, each run goes to one`: try await bench.manyClaims()
        case .`checks are claimed apart from other work, when they are due`: try await bench.checks()
        case .`a claim brings intents and what is still to be undone`: try await bench.claimBrings()
        case .`a lease is prolonged only for its holder`: try await bench.renewing()
        case .`the next wake is the earliest that can be claimed`: try await bench.nextWakes()
        case .`every column comes back`: try await bench.everyColumn()
        case .`a change of an old epoch writes nothing`: try await bench.oldEpoch()
        case .`changes of a batch do not depend on each other`: try await bench.batch()
        case .`a batch that names a run twice is refused`: try await bench.twiceInBatch()
        case .`a lease is kept or let go with a change`: try await bench.keepingAndReleasing()
        case .`one intent of an animation is open, and one takes the place of another`: try await bench.oneOpenIntent()
        case .`a prediction belongs to one intent`: try await bench.onePrediction()
        case .`params keep what the caller sent`: try await bench.mergedParams()
        case .`a change outlives the row that callers know`: try await bench.attemptGone()
        case .`an amendment takes the run from its holder`: try await bench.amending()
        case .`amendments at once do not undo each other`: try await bench.manyAmendments()
        case .`the day's budget is kept to the cent`: try await bench.budget()
        case .`the day's budget is kept by many at once`: try await bench.manyReservations()
        case .`money is charged to the day of its reservation`: try await bench.chargedDay()
        case .`a ring makes a waiting run due`: try await bench.ringWhileWaiting()
        case .`a ring makes an intent due that waits for its prediction`: try await bench.ringOfIntents()
        case .`a ring during a step is not lost`: try await bench.ringDuringStep()
        case .`a webhook counts once`: try await bench.webhooks()
        case .`the doorbell rings when runs became due`: try await bench.doorbell()
        case .`gates are changed by one at a time`: try await bench.gates()
        case .`a condemned scene is hidden, refused and removed, and its money stays`: try await bench.condemned()
        case .`a scene with another animation stays`: try await bench.spared()
        case .`a scene is condemned or gets an animation, never both`: try await bench.condemnedOrAccepted()
        }
    }
}
