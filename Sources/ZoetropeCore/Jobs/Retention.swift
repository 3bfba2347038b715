package import FoundationEssentials

/// How long what callers made is kept.
///
/// An animation expires this long after it was made; a restored photo when it is that old and no animation refers to it any
/// more; a job when it is that old and has neither. Addresses of objects end with the same moment, so that none outlives
/// its object.
package struct Retention: Sendable, Equatable {
    /// From 1.
    package let days: Int

    package init(days: Int) {
        precondition(days > 0, "retention must be at least a day, got \(days)")
        self.days = days
    }

    /// The first moment at which something is expired.
    package func expiry(of createdAt: Date) -> Date { createdAt.addingTimeInterval(length) }

    /// What was made at this moment or before is expired at `now`.
    package func cutoff(at now: Date) -> Date { now.addingTimeInterval(-length) }

    private var length: TimeInterval { TimeInterval(days) * 86_400 }
}
