/// Why an animation failed; stored and shown to callers, so never rename a raw value.
package enum FailureCode: String, Sendable, CaseIterable {
    /// The generator's safety check refused the image or the prompt.
    case contentRejected = "content_rejected"
    /// The image cannot be read, or the generator cannot work with it.
    case sourceUnreadable = "source_unreadable"
    /// The generator could not be reached, or was overloaded, for longer than we retry.
    case providerUnavailable = "provider_unavailable"
    /// The generator refused the request or failed on it, and would again.
    case providerRejected = "provider_rejected"
    /// The request may have been accepted, and no prediction of it was found; it is never sent again.
    case providerOutcomeUnknown = "provider_outcome_unknown"
    /// No result in time, twice.
    case generationTimeout = "generation_timeout"
    /// The generator deleted its result before it was fetched.
    case outputExpired = "output_expired"
    /// The generator's result is not a video that can be published.
    case outputInvalid = "output_invalid"
    /// The object store could not be written for longer than we retry.
    case storageUnavailable = "storage_unavailable"
    /// The day's budget does not allow another paid call.
    case budgetExceeded = "budget_exceeded"
    /// The user cancelled it.
    case canceled
    /// A fault of this service.
    case `internal`

    /// What happened and what to do, for the person who waits for the video.
    package var message: String {
        switch self {
        case .contentRejected:
            "The generator's safety check refused this image or prompt. Change the prompt or use another image."
        case .sourceUnreadable:
            "The image could not be read. Save it again as a JPEG or PNG and upload the new file."
        case .providerUnavailable:
            "The generator cannot be reached right now. Start the animation again in a few minutes."
        case .providerRejected:
            "The generator could not make a video from this request. Change the prompt or use another image or model."
        case .providerOutcomeUnknown:
            """
            The generator did not confirm this job. You were not charged and nothing was kept. \
            You can start it again.
            """
        case .generationTimeout:
            "The generator took too long, twice. Start the animation again later or choose another model."
        case .outputExpired:
            "The generator deleted the video before it could be fetched. Start the animation again."
        case .outputInvalid:
            "The generator's video was damaged and was not published. Start the animation again."
        case .storageUnavailable:
            "The video could not be stored. Start the animation again later; if it happens again, tell the operator."
        case .budgetExceeded:
            "Today's budget for paid generation is used up. Start the animation again tomorrow (UTC)."
        case .canceled:
            "The animation was cancelled. Start it again if you still want the video."
        case .internal:
            "Something went wrong in this service. Start the animation again; if it happens again, tell the operator."
        }
    }
}
