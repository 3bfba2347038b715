/// What a user may ask for.
package enum Tier: String, Sendable, CaseIterable {
    case free
    case paid
}
