import Foundation
import Testing
import ZoetropeCore
import ZoetropeWorkflow

/// One row of a decision table: at this stage, so long after it was reached, this event means that.
struct Row: Sendable, CustomTestStringConvertible {
    let stage: Stage
    let seconds: Double
    let name: String
    let table: Table
    let meaning: String
    let event: @Sendable (Run) -> RunEvent

    init(
        _ stage: Stage,
        _ name: String,
        after seconds: Double = 1,
        _ table: Table = Table(),
        means meaning: String,
        _ event: @escaping @Sendable (Run) -> RunEvent
    ) {
        self.stage = stage
        self.seconds = seconds
        self.name = name
        self.table = table
        self.meaning = meaning
        self.event = event
    }

    var testDescription: String { "\(stage): \(name)" }
}

@Suite struct DecisionTests {
    @Test(arguments: Decisions.ordering)
    func `ordering: what an outcome means`(row: Row) throws {
        #expect(try row.table.line(row.stage, after: row.seconds, row.event) == row.meaning)
    }

    @Test(arguments: Decisions.submitting)
    func `the paid call: what its answer means`(row: Row) throws {
        #expect(try row.table.line(row.stage, after: row.seconds, row.event) == row.meaning)
    }

    @Test(arguments: Decisions.searching)
    func `searching for a prediction: what is found means`(row: Row) throws {
        #expect(try row.table.line(row.stage, after: row.seconds, row.event) == row.meaning)
    }

    @Test(arguments: Decisions.watching)
    func `looking at a prediction: what is seen means`(row: Row) throws {
        #expect(try row.table.line(row.stage, after: row.seconds, row.event) == row.meaning)
    }

    @Test(arguments: Decisions.finishing)
    func `finishing: what became of it means`(row: Row) throws {
        #expect(try row.table.line(row.stage, after: row.seconds, row.event) == row.meaning)
    }

    @Test(arguments: Decisions.checking)
    func `checking: what became of it means`(row: Row) throws {
        #expect(try row.table.line(row.stage, after: row.seconds, row.event) == row.meaning)
    }

    @Test(arguments: Decisions.deleting)
    func `deleting ends what is under way`(row: Row) throws {
        #expect(try row.table.line(row.stage, after: row.seconds, row.event) == row.meaning)
    }

    @Test(arguments: Decisions.canceling)
    func `a cancellation means the same answer for ever`(row: Row) throws {
        #expect(try row.table.line(row.stage, after: row.seconds, row.event) == row.meaning)
    }
}
