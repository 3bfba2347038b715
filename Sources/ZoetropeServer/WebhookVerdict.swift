/// What the check of a webhook's signature found.
package enum WebhookVerdict: Sendable, Equatable {
    /// The provider sent it; `id` is the same for each of its tries.
    case genuine(id: String)
    /// It is not known to be the provider's; the reason is for operators and is not answered.
    case rejected(String)
}
