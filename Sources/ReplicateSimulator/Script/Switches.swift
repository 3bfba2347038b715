/// Behaviours of the whole server; every unconfirmed row of the fact sheet's section 10 is one of them.
package struct Switches: Sendable, Hashable {
    /// What a create answers: 201, or 202.
    package var createStatus = 201
    /// Six creates per minute, burst 1, with the body for little credit.
    package var lowCredit = false
    package var rateLimits = true
    package var createsPerMinute = 600
    /// Reads of one prediction.
    package var getsPerMinute = 60_000
    /// Everything else.
    package var requestsPerMinute = 3000
    /// Requests that are throttled push the end of the throttling away.
    package var throttledRequestsCount = false
    /// What the `Retry-After` header of a 429 says.
    package var retryAfterHeader = Throttle.RetryAfterHeader.none
    /// What cancelling a finished prediction answers: 200, or 400–499.
    package var cancelFinishedStatus = 200
    /// GET and list show `webhook` and `webhook_events_filter`.
    package var webhookEchoed = false
    package var dataURIEcho = DataURIEcho.verbatim
    package var unknownInputKeys = UnknownInputKeys.dropped
    package var removedShape = RemovedShape.empty
    /// Virtual seconds until a create shows in the list.
    package var listLag = 0.0
    package var cancelCharge = CancelCharge.full
    package var failedCharge = FailedCharge.none
    /// The simulator really downloads http(s) inputs; when that fails, the prediction fails.
    package var fetchInputs = false
    package var waitAnswer = WaitAnswer.processing
    package var waitTimeoutStatus = WaitTimeoutStatus.starting
    package var startWebhook = StartWebhook.started
    package var webhookClock = WebhookClock.auto
    /// Virtual seconds after which the platform fails a run.
    package var runLimit = 1800.0
    package var cog = CogSwitches()

    package init() {}

    /// How a data URI comes back in `input`.
    package enum DataURIEcho: String, Sendable, Hashable, CaseIterable {
        case verbatim, shortened
    }

    /// What happens to keys of `input` that the model does not have.
    package enum UnknownInputKeys: String, Sendable, Hashable, CaseIterable {
        case dropped, refused
    }

    /// What removed data leaves: `input:{}` and `logs:""`, or both null.
    package enum RemovedShape: String, Sendable, Hashable, CaseIterable {
        case empty, null
    }

    /// What a prediction costs that was canceled while it ran.
    package enum CancelCharge: String, Sendable, Hashable, CaseIterable {
        case full
        case proRata = "pro_rata"
    }

    /// What a failed prediction costs.
    package enum FailedCharge: String, Sendable, Hashable, CaseIterable {
        case none, full
    }

    /// What a held create says when the prediction is done: `processing` with the output filled in (recorded), or all.
    package enum WaitAnswer: String, Sendable, Hashable, CaseIterable {
        case processing, current
    }

    /// What a held create says when the wait runs out: `starting` (a comment in the official client), or the truth.
    package enum WaitTimeoutStatus: String, Sendable, Hashable, CaseIterable {
        case starting, current
    }

    /// When the `start` webhook is sent.
    package enum StartWebhook: String, Sendable, Hashable, CaseIterable {
        case created, started
    }

    /// Which clock stamps webhooks; `auto` is the real one unless the virtual one is moved by hand.
    ///
    /// A receiver compares the stamp with its own clock, and a scaled clock soon runs minutes ahead.
    package enum WebhookClock: String, Sendable, Hashable, CaseIterable {
        case auto, real, virtual
    }
}

/// Behaviours of the Cog server.
package struct CogSwitches: Sendable, Hashable {
    package var server = Server.coglet
    /// What the health check says; `auto` follows set-up and load.
    package var health = Health.auto
    /// Virtual seconds from the start of the simulator until the model is ready.
    package var setupSeconds = 0.0
    package var slots = 1
    package var queueSeconds = 0.0
    package var runSeconds = 40.0
    /// Outputs are PUT here instead of being inlined.
    package var uploadURL: String?
    /// Sent with webhooks as a bearer.
    package var webhookToken: String?

    package init() {}

    /// Whose bodies.
    package enum Server: String, Sendable, Hashable, CaseIterable {
        case coglet, python
    }

    /// The words of the health check.
    package enum Health: String, Sendable, Hashable, CaseIterable {
        case auto
        case unknown = "UNKNOWN"
        case starting = "STARTING"
        case ready = "READY"
        case busy = "BUSY"
        case setupFailed = "SETUP_FAILED"
        case defunct = "DEFUNCT"
        case unhealthy = "UNHEALTHY"
    }
}
