/// An amount of money in millionths of a US dollar.
///
/// Whole numbers, because sums of binary fractions drift and a ledger must add up.
package struct MicroUSD: Sendable, Hashable, Comparable, AdditiveArithmetic, CustomStringConvertible {
    /// Millionths of a dollar; negative for money that came back.
    package var microDollars: Int64

    package static let zero = MicroUSD(0)

    package init(_ microDollars: Int64) {
        self.microDollars = microDollars
    }

    /// Dollars, for JSON.
    package var usd: Double { Double(microDollars) / 1_000_000 }

    /// Dollars with at least two and at most six decimals, such as `0.50`, `-1.00` or `0.068`.
    package var description: String {
        let (dollars, fraction) = microDollars.magnitude.quotientAndRemainder(dividingBy: 1_000_000)
        var decimals = String(String(1_000_000 + fraction).dropFirst())
        while decimals.count > 2, decimals.last == "0" { decimals.removeLast() }
        return "\(microDollars < 0 ? "-" : "")\(dollars).\(decimals)"
    }

    package static func + (left: MicroUSD, right: MicroUSD) -> MicroUSD {
        MicroUSD(left.microDollars + right.microDollars)
    }

    package static func - (left: MicroUSD, right: MicroUSD) -> MicroUSD {
        MicroUSD(left.microDollars - right.microDollars)
    }

    package static func < (left: MicroUSD, right: MicroUSD) -> Bool {
        left.microDollars < right.microDollars
    }
}
