import ZoetropeCore

extension AnimationService {
    /// Accepts an image and its animation in one transaction: there is never one without the other.
    ///
    /// - Parameters:
    ///   - image: The file as it came, in the folder of ``withUploadFolder(_:)``.
    ///   - order: What is wanted.
    ///   - caller: Whose it is.
    ///   - limits: What the caller and the service may have under way and spend.
    /// - Returns: The new animation, or the answer that the same idempotency key got before; then nothing of the image is
    ///   kept.
    /// - Throws: As ``createJob(_:for:kind:onFailure:id:limits:)`` and ``createAnimation(_:of:for:within:id:)``.
    package func createVideo(
        _ image: String,
        _ order: AnimationOrder,
        for caller: Caller,
        within limits: IntakeLimits = .none
    ) async throws -> AcceptedAnimation {
        let kind = JobKind.photo
        // Before anything is stored for it.
        let model = try model(named: order.model, for: kind)
        let params = try AnimationParams(order.params, model: model, tier: caller.tier)
        let id = JobID(chance.uuid())
        let source = try await store(image, .standard) { .source(id, $0) }
        let job = Job(
            id: id,
            userID: caller.userID,
            sessionID: caller.sessionID,
            kind: kind,
            onFailure: .standard(for: kind),
            source: source,
            createdAt: try await stamp()
        )
        do {
            let accepted = try await accept(order, params, of: job, isNew: true, source, for: caller, within: limits)
            // Best effort: what cannot be deleted now belongs to nobody, and the sweep of objects finds it.
            if case .replayed = accepted { try? await objects.delete(source.key) }
            return accepted
        } catch let error as ServiceError {
            try? await objects.delete(source.key)
            throw error
        }
    }
}
