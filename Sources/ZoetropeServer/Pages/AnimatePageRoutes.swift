import Crypto
import Foundation
import HTTPTypes
import Hummingbird
import StrictJSON
import ZoetropeCore
import ZoetropeWorkflow

/// `/`, and the form on it.
struct AnimatePageRoutes: Sendable {
    let service: AnimationService
    let library: AnimationLibrary
    let store: any ServiceStore
    let objects: ObjectWriter
    let limits: @Sendable (Caller) -> IntakeLimits
    let pace: BodyPace
    let shell: PageShell
    /// As many as the API takes at a time.
    private let uploads = Slots(64)

    init(
        service: AnimationService,
        library: AnimationLibrary,
        store: any ServiceStore,
        objects: ObjectWriter,
        limits: @escaping @Sendable (Caller) -> IntakeLimits,
        pace: BodyPace,
        shell: PageShell
    ) {
        self.service = service
        self.library = library
        self.store = store
        self.objects = objects
        self.limits = limits
        self.pace = pace
        self.shell = shell
    }

    @Sendable func show(_ request: Request, _ context: APIContext, _ visitor: Visitor) async throws
        -> Response
    {
        var form = emptyForm(visitor)
        let again = request.uri.queryParameters["again"].flatMap { AnimationID(String($0)) }
        if let again, let record = try? await library.animation(again, for: visitor.caller) {
            try await fill(&form, from: record)
        }
        let notice = request.uri.queryParameters["done"] == "deleted" ? "It was deleted." : nil
        return try await page(form, GalleryQuery(request), visitor, notice: notice)
    }

    /// Where the form was sent to there is nothing to read.
    @Sendable func start(_ request: Request, _ context: APIContext, _ visitor: Visitor) async throws -> Response {
        .seeOther("/")
    }

    /// Takes the form: a photo, new or used before, and what is wanted of it.
    @Sendable func order(_ request: Request, _ context: APIContext, _ visitor: Visitor) async throws
        -> Response
    {
        try await uploads.withSlot {
            try await service.withUploadFolder { folder in
                let sent = try await PageForm(
                    request,
                    of: visitor,
                    texts: [
                        "key", "job", "restore", "prompt", "model", "resolution", "duration", "motion",
                        "camera",
                    ],
                    upload: "image",
                    in: folder,
                    pace: pace
                )
                do {
                    return .seeOther("/animations/\(try await accept(sent, of: visitor))")
                } catch {
                    guard let problem = Self.refusal(error) else { throw error }
                    return try await page(
                        try await form(of: visitor, as: sent, problem),
                        GalleryQuery(),
                        visitor
                    )
                }
            }
        }
    }

    private func accept(_ sent: PageForm, of visitor: Visitor) async throws -> String {
        var order = AnimationOrder(model: sent["model"], params: sent.params)
        // The same form sent twice is one order; sent again with something changed it is another.
        let call = [
            sent["key"], sent["job"], sent["model"], sent.params.text, "\(sent.file?.byteCount ?? 0)",
        ]
        let print = SHA256.hash(data: Array(call.map { $0 ?? "" }.joined(separator: "\n").utf8))
            .hexadecimal
        if sent["key"] != nil {
            order.idempotency = Repeatable(key: "page-\(print)", fingerprint: print) {
                objects.object($0)
            }
        }
        let accepted: AcceptedAnimation
        if let file = sent.file {
            accepted = try await service.createVideo(
                file.path,
                order,
                for: visitor.caller,
                within: limits(visitor.caller)
            )
        } else if let job = sent["job"].flatMap({ JobID($0) }) {
            order.restoreID = sent["restore"].flatMap { RestoreID($0) }
            accepted = try await service.createAnimation(
                order,
                of: job,
                for: visitor.caller,
                within: limits(visitor.caller)
            )
        } else {
            throw Problem(invalid: [.init(field: "image", message: "Choose a photo first")])
        }
        return accepted.id
    }

    /// What is said beside the form, for what can be mended in it.
    private static func refusal(_ error: any Error) -> String? {
        let problem = Problem(error)
        guard problem.status.kind == .clientError, problem.code != Problem.foreignForm.code else {
            return nil
        }
        return problem.detail.hasSuffix(".") ? problem.detail : "\(problem.detail)."
    }

    // MARK: Form

    private func emptyForm(_ visitor: Visitor) -> OrderForm {
        OrderForm(
            models: service.offeredModels(first: .photo),
            tier: visitor.caller.tier,
            key: UUID().text
        )
    }

    private func fill(_ form: inout OrderForm, from record: AnimationRecord) async throws {
        let params = record.attempt.params
        form.prompt = params?["prompt"]?.string ?? ""
        form.motion = params?["motion"]?.string.flatMap { Motion(rawValue: $0) } ?? .standard
        form.camera = params?["camera"]?.string.flatMap { Camera(rawValue: $0) } ?? .standard
        form.model = record.attempt.model
        form.resolution = params?["resolution"]?.string
        form.seconds = params?["duration"]?.integer.map { Int($0) }
        form.photo = try await photo(record.attempt.jobID, record.attempt.restoreID, of: record.userID)
    }

    private func form(of visitor: Visitor, as sent: PageForm, _ problem: String) async throws
        -> OrderForm
    {
        var form = emptyForm(visitor)
        form.problem = problem
        form.prompt = sent["prompt"] ?? ""
        form.model = sent["model"]
        form.motion = sent["motion"].flatMap { Motion(rawValue: $0) } ?? .standard
        form.camera = sent["camera"].flatMap { Camera(rawValue: $0) } ?? .standard
        form.resolution = sent["resolution"]
        form.seconds = sent["duration"].flatMap { Int($0) }
        if let job = sent["job"].flatMap({ JobID($0) }) {
            let restore = sent["restore"].flatMap { RestoreID($0) }
            form.photo = try await photo(job, restore, of: visitor.caller.userID)
        }
        return form
    }

    /// Nil for what is not the user's, or not there any more.
    private func photo(_ job: JobID, _ restore: RestoreID?, of user: String) async throws -> OrderForm
        .Photo?
    {
        guard let source = try await store.source(of: job, restore, userID: user) else { return nil }
        let expiry = objects.now().addingTimeInterval(86_400)
        let still = AnimationView.Still(
            url: objects.pageURL(of: source.key.description, until: expiry),
            orientation: source.orientation
        )
        return OrderForm.Photo(job: job, restore: restore, still: still, size: source.size)
    }

    // MARK: Page

    private func page(
        _ form: OrderForm,
        _ query: GalleryQuery,
        _ visitor: Visitor,
        notice: String? = nil
    ) async throws -> Response {
        let find = try await GalleryFind(query, of: visitor.caller, in: library)
        var views: [AnimationView] = []
        for record in find.records {
            // A video has a poster; what has none is shown by its photo.
            let source =
                record.attempt.status == .ready
                ? nil
                : try await store.source(
                    of: record.attempt.jobID,
                    record.attempt.restoreID,
                    userID: record.userID
                )
            views.append(AnimationView(record, source: source, objects: objects))
        }
        let gallery = Gallery(
            query: query,
            views: views,
            next: find.next,
            isCutShort: find.isCutShort,
            models: service.offeredModels(first: .photo).map { ModelName($0) }
        )
        return shell.response(
            AnimatePage(visitor: visitor, form: form, gallery: gallery, notice: notice).page
        )
    }
}

extension PageForm {
    /// The API's `params`.
    fileprivate var params: JSONValue {
        var members: [String: JSONValue] = [:]
        for name in ["prompt", "motion", "camera", "resolution"] {
            members[name] = self[name].map { .string($0) }
        }
        // What is no number stays text, of which the API's rules say what it must be.
        members["duration"] = self["duration"]
            .map { text in
                Int64(text).map { .integer($0) } ?? .string(text)
            }
        return .object(members)
    }
}

extension JSONValue {
    fileprivate var text: String {
        (try? encoded()).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
}

extension AcceptedAnimation {
    /// The animation's identifier.
    var id: String {
        switch self {
        case .new(let record): record.attempt.id.description
        case .replayed(let answer): answer["id"]?.string ?? ""
        }
    }
}

extension ServiceStore {
    /// The image that an animation is made from; nil where it is not the user's, or not there any more.
    func source(of job: JobID, _ restore: RestoreID?, userID: String) async throws -> SourceImage? {
        guard let job = try await self.job(job), job.userID == userID else { return nil }
        guard let restore else { return job.source }
        guard let restore = try await self.restore(restore), restore.jobID == job.id else { return nil }
        return restore.image
    }
}
