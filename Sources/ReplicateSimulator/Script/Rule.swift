/// What a rule applies to.
package enum Exchange: String, Sendable, Hashable, Codable, CaseIterable {
    case create, get, list, cancel, model, account
    case webhookSecret = "webhook_secret"
    case fileUpload = "file_upload"
    case fileGet = "file_get"
    case fileList = "file_list"
    case fileDelete = "file_delete"
    case fileDownload = "file_download"
    /// A download from the output host.
    case output
    /// A delivery to the client's webhook URL.
    case webhook
    /// A TCP connection, below HTTP.
    case connection
    case cogCreate = "cog_create"
    case cogCancel = "cog_cancel"
    case cogHealth = "cog_health"
}

/// Makes something go wrong, or differently, a number of times.
///
/// The first rule that matches an exchange and is not used up decides; plans are looked up apart from faults, so a create
/// can have one of each.
package struct Rule: Sendable, Hashable {
    /// For people; shown in problems and in `GET /_simulator/rules`.
    package var name: String?
    package var on: Exchange
    /// `owner/name`; nil matches every model.
    package var model: String?
    /// The attempt's tag; nil matches every one.
    package var tag: String?
    /// A prediction's id; nil matches every one.
    package var prediction: String?
    /// Only for webhooks: the event; nil matches every one.
    package var event: WebhookEvent?
    /// Only for connections: where they come in; nil means the API.
    package var origin: Origin?
    /// How many matching exchanges pass untouched first.
    package var skip: Int
    /// How many it then applies to; nil means for ever.
    package var times: Int?
    package var action: Action

    /// What a rule does.
    package enum Action: Sendable, Hashable {
        case fault(Fault)
        /// Only for creates, Replicate's and Cog's.
        case plan(Plan)
    }

    package init(
        on: Exchange,
        _ action: Action,
        name: String? = nil,
        model: String? = nil,
        tag: String? = nil,
        prediction: String? = nil,
        event: WebhookEvent? = nil,
        origin: Origin? = nil,
        skip: Int = 0,
        times: Int? = 1
    ) {
        self.name = name
        self.on = on
        self.model = model
        self.tag = tag
        self.prediction = prediction
        self.event = event
        self.origin = origin
        self.skip = skip
        self.times = times
        self.action = action
    }

    /// A fault of an exchange.
    package static func fault(
        _ on: Exchange,
        _ fault: Fault,
        model: String? = nil,
        tag: String? = nil,
        prediction: String? = nil,
        event: WebhookEvent? = nil,
        origin: Origin? = nil,
        skip: Int = 0,
        times: Int? = 1
    ) -> Rule {
        Rule(
            on: on,
            .fault(fault),
            model: model,
            tag: tag,
            prediction: prediction,
            event: event,
            origin: origin,
            skip: skip,
            times: times
        )
    }

    /// A course for the next predictions.
    package static func plan(
        _ plan: Plan,
        model: String? = nil,
        tag: String? = nil,
        skip: Int = 0,
        times: Int? = 1
    ) -> Rule {
        Rule(on: .create, .plan(plan), model: model, tag: tag, skip: skip, times: times)
    }
}

/// The events of a prediction that a webhook can ask for.
package enum WebhookEvent: String, Sendable, Hashable, Codable, CaseIterable {
    case start, output, logs, completed
}
