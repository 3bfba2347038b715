/// What a provider charges for one generation.
package enum Price: Sendable, Hashable {
    /// The same for each video.
    case perVideo(MicroUSD)
    /// For each second of video, by resolution.
    case perSecond([Resolution: MicroUSD])

    package static let free = Price.perVideo(.zero)

    /// The price of one generation that makes `seconds`.
    ///
    /// A resolution without a price costs what the dearest does, so that a budget is never passed.
    func one(resolution: Resolution, seconds: Int) -> MicroUSD {
        switch self {
        case .perVideo(let price):
            price
        case .perSecond(let prices):
            MicroUSD((prices[resolution] ?? prices.values.max() ?? .zero).microDollars * Int64(seconds))
        }
    }
}
