package import Foundation

// Times are whole milliseconds wherever they are decided, because the databases keep no more: what is read back is then
// what was written.
extension Date {
    /// A later time, to the nearest millisecond.
    package static func + (date: Date, duration: Duration) -> Date {
        Date(timeIntervalSince1970: ((date.timeIntervalSince1970 + duration / .seconds(1)) * 1_000).rounded() / 1_000)
    }

    /// This time without what lies below a millisecond.
    package var inWholeMilliseconds: Date {
        Date(timeIntervalSince1970: (timeIntervalSince1970 * 1_000).rounded(.down) / 1_000)
    }
}
