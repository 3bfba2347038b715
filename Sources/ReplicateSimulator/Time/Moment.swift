package import FoundationEssentials

/// A point of virtual time, in nanoseconds since 1970-01-01T00:00:00Z.
package struct Moment: Sendable, Hashable, Comparable {
    package var nanoseconds: Int

    package init(nanoseconds: Int) {
        self.nanoseconds = nanoseconds
    }

    package init(_ date: Date) {
        nanoseconds = Int((date.timeIntervalSince1970 * 1e6).rounded()) * 1000
    }

    package var date: Date { Date(timeIntervalSince1970: Double(nanoseconds) / 1e9) }

    /// Whole seconds since 1970, rounded down.
    package var unixSeconds: Int { nanoseconds / 1_000_000_000 }

    package static func < (left: Moment, right: Moment) -> Bool { left.nanoseconds < right.nanoseconds }

    /// Seconds later; clamped to ±300 years, so that no script can overflow it.
    package static func + (moment: Moment, seconds: Double) -> Moment {
        let limit = 9.0e9
        let bounded = seconds.isNaN ? 0 : min(max(seconds, -limit), limit)
        let (sum, overflow) = moment.nanoseconds.addingReportingOverflow(Int(bounded * 1e9))
        return Moment(nanoseconds: overflow ? .max : sum)
    }

    /// Seconds between two points.
    package static func - (left: Moment, right: Moment) -> Double {
        Double(left.nanoseconds.subtractingReportingOverflow(right.nanoseconds).partialValue) / 1e9
    }
}

extension Duration {
    /// In seconds.
    package var seconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
