package import Foundation
import StrictJSON
import ZoetropeCore
package import ZoetropeWorkflow

/// A server that speaks OpenAI's Videos interface as a generator: vLLM-Omni, SGLang-Diffusion, a LiteLLM proxy.
///
/// There is no setting for the kind of server; what differs is told apart by the answers. A create is a form with the picture as a
/// file, which all of them take.
///
/// No server keeps a mark of ours: a Video has no field that a caller may fill and that comes back, except the prompt, and the same prompt
/// is sent for many pictures. So a job whose answer was lost cannot be told from another user's, and ``find(_:)`` never guesses:
/// a wrong guess would show one user the picture of another. The tag of an intent goes along as `Idempotency-Key` and as
/// the picture's file name, where people can search for it.
package final class OpenAIVideosProvider: GenerationProvider {
    package let traits: ProviderTraits
    let client: OpenAIVideosClient
    private let inputs: EngineInputs
    private let clock: any Clock<Duration>
    private let now: @Sendable () -> Date

    /// Creates the adapter.
    ///
    /// - Parameters:
    ///   - client: A client whose `createTimeout` is below `submitTimeout`.
    ///   - folder: Path of a folder for pictures on their way; it is created. What is older than a day is removed.
    ///   - submitTimeout: When a create is over at the latest.
    ///   - clock: For waits between tries.
    ///   - now: The time, to tell which pictures are old.
    package init(
        client: OpenAIVideosClient,
        folder: String,
        submitTimeout: Duration = .seconds(65),
        clock: any Clock<Duration> = ContinuousClock(),
        now: @escaping @Sendable () -> Date
    ) {
        self.client = client
        inputs = EngineInputs(folder: folder)
        self.clock = clock
        self.now = now
        traits = ProviderTraits(
            provider: .openAIVideos,
            isIdempotentByTag: false,
            wantsInput: true,
            submitTimeout: submitTimeout,
            createsPerMinute: nil,
            readsPerMinute: nil
        )
    }

    package func prepareInput(_ image: String, tag: String) async throws(ProviderError)
        -> ProviderInput
    {
        try await inputs.removeForgotten(at: now())
        try await inputs.keep(image, tag: tag)
        return ProviderInput(url: EngineInputs.url(of: tag), fileID: nil)
    }

    package func removeInput(tag: String, fileID: String?) async throws(ProviderError) {
        try await inputs.remove(tag: tag)
    }

    // MARK: Submitting

    /// Asks for one generation.
    ///
    /// A picture that another process prepared is not in this one's folder; the order is refused then, and comes again with a new one.
    package func submit(_ order: GenerationOrder) async -> SubmitOutcome {
        let form: VideoForm
        do throws(ProviderError) {
            form = try await self.form(of: order)
        } catch {
            return .refused(error)
        }
        // Not a child of this task, because a cancelled one must not break the call off; the client's deadline ends it.
        return await Task { await create(form, order) }.value
    }

    private func form(of order: GenerationOrder) async throws(ProviderError) -> VideoForm {
        guard order.input?.url == EngineInputs.url(of: order.tag),
            let name = EngineInputs.fileName(order.tag)
        else {
            throw ProviderError(
                .unavailable,
                "the order's input is not its picture; it must be prepared again"
            )
        }
        let image = try await inputs.read(tag: order.tag)
        do {
            let header = try StillImage(parsing: image).header
            let picture = FrameSize(width: header.displayWidth, height: header.displayHeight)
            let size = FrameSize.ofEngineClip(for: picture, resolution: order.request.resolution)
            return VideoForm(order.request, size: size, image: image, fileName: name)
        } catch {
            throw ProviderError(.sourceUnreadable, "the prepared picture cannot be read: \(error)")
        }
    }

    private func create(_ form: VideoForm, _ order: GenerationOrder) async -> SubmitOutcome {
        let answer: EngineAnswer
        do {
            answer = try await client.create(form, tag: order.tag)
        } catch {
            return error.mayHaveArrived
                ? .unknown(detail: error.message) : .refused(ProviderError(.unavailable, error.message))
        }
        if answer.isSuccess, let video = EngineVideo(answer.json), let id = video.id {
            return .accepted(generation(id, video, answer.status, tag: order.tag))
        }
        if let error = answer.refusal(hiding: client.secret) { return .refused(error) }
        let detail =
            answer.isSuccess
            ? "status \(answer.status) without a usable id" : answer.message(hiding: client.secret)
        return .unknown(detail: detail)
    }

    /// Nothing: see the type's own description.
    package func find(_ search: TagSearch) async throws(ProviderError) -> [Generation] { [] }

    /// Nothing: a server's list may hold other people's jobs, and none of them shows whose it is.
    package func generations(since: Date) async throws(ProviderError) -> [Generation] { [] }

    // MARK: Watching

    /// So many are asked for at a time.
    private static let atATime = 8

    package func callsForStatus(of count: Int) -> Int { count }

    /// Asks one by one; when the last eight calls all failed, the others are taken to fail, too.
    package func status(of ids: [String]) async -> [String: StatusOutcome] {
        await withTaskGroup(of: (String, StatusOutcome).self) { group in
            var waiting = Set(ids).sorted()[...]
            for id in waiting.prefix(Self.atATime) { group.addTask { (id, await self.status(of: id)) } }
            waiting = waiting.dropFirst(Self.atATime)
            var answers: [String: StatusOutcome] = [:]
            var failuresInARow = 0
            while let (id, outcome) = await group.next() {
                answers[id] = outcome
                if case .failed = outcome { failuresInARow += 1 } else { failuresInARow = 0 }
                if failuresInARow >= Self.atATime {
                    for id in waiting { answers[id] = outcome }
                    waiting = []
                }
                if let next = waiting.popFirst() { group.addTask { (next, await self.status(of: next)) } }
            }
            return answers
        }
    }

    private func status(of id: String) async -> StatusOutcome {
        do throws(ProviderError) {
            let (video, status) = try await video(id)
            return .found(generation(id, video, status))
        } catch {
            return error.kind == .missing ? .missing : .failed(error)
        }
    }

    /// The Video and the status of the answer that brought it.
    ///
    /// A failed job may come with the status of its error, as vLLM-Omni sends it. The id in the answer is not compared: LiteLLM writes another
    /// one than it was asked for.
    private func video(_ id: String) async throws(ProviderError) -> (EngineVideo, status: Int) {
        guard EngineVideo.isUsable(id) else {
            throw ProviderError(.missing, "no server has a job with such an id")
        }
        return try await repeating { () async throws(ProviderError) in
            let answer = try await client.video(id)
            if let video = EngineVideo(answer.json), let status = video.status {
                if answer.isSuccess || (status == "failed" && video.id != nil) {
                    return (video, answer.status)
                }
            }
            guard !answer.isSuccess else {
                throw ProviderError(.unavailable, "status \(answer.status) without a Video")
            }
            throw answer.error(hiding: client.secret)
        }
    }

    private func generation(_ id: String, _ video: EngineVideo, _ status: Int, tag: String? = nil)
        -> Generation
    {
        video.generation(id: id, tag: tag, output: Self.scheme + id, status: status)
    }

    // MARK: Results

    /// Results are named by the job's id, because their addresses are the same for ever or too short-lived to be kept.
    private static let scheme = "openai-videos:"
    private static let mostRedirects = 3

    package func fetch(_ output: String, of order: GenerationOrder, to path: String)
        async throws(ProviderError)
    {
        let id = String(output.dropFirst(Self.scheme.count))
        guard output.hasPrefix(Self.scheme), EngineVideo.isUsable(id) else {
            throw ProviderError(.invalidOutput, "\"\(output.prefix(200))\" is no result of this provider")
        }
        let file = try await ResultFile.creating(at: path)
        try await repeating { () async throws(ProviderError) in try await fetch(id, into: file) }
        try await file.publish()
    }

    private func fetch(_ id: String, into file: ResultFile) async throws(ProviderError) {
        var place = OpenAIVideosClient.Place.content(id: id)
        for _ in 0...Self.mostRedirects {
            switch try await client.download(place, to: file) {
            case .whole:
                return
            case .redirect(let address):
                place = .address(address)
            case .refused(let answer):
                // SGLang does not serve what it has put into an object store.
                guard case .content = place, answer.status == 400, let url = try await video(id).0.url
                else {
                    throw Self.failure(of: answer, at: place, hiding: client.secret)
                }
                place = .address(url)
            }
        }
        throw ProviderError(
            .invalidOutput,
            "the result is behind more than \(Self.mostRedirects) redirects"
        )
    }

    private static func failure(
        of answer: EngineAnswer,
        at place: OpenAIVideosClient.Place,
        hiding secret: String?
    ) -> ProviderError {
        let error = answer.error(hiding: secret)
        let kind: ProviderError.Kind =
            switch place {
            case .content where error.kind == .missing: .expired
            case .content where [400, 422].contains(answer.status) && error.kind == .unavailable: .invalidOutput
            case .address where [404, 410].contains(answer.status): .expired
            // What an object store says of its users is not about our key.
            case .address where error.kind != .throttled: .unavailable
            default: error.kind
            }
        return ProviderError(kind, error.detail, retryAfter: error.retryAfter)
    }

    // MARK: Cancelling

    /// Deletes the job if it has not ended, which is the only way to stop one; what has ended keeps its result.
    ///
    /// SGLang forgets the job and works on, vLLM-Omni may refuse, LiteLLM cannot delete at all: without a receipt the job itself tells
    /// what has become of it.
    package func cancel(_ id: String) async throws(ProviderError) -> Generation {
        let (before, status) = try await video(id)
        let generation = generation(id, before, status)
        guard case .running(let hasStarted) = generation.state else { return generation }
        let canceled = Generation(
            id: id,
            tag: nil,
            model: before.model,
            state: .canceled(hasStarted: hasStarted),
            createdAt: before.createdAt,
            completedAt: nil
        )
        let answer = try await repeating { () async throws(ProviderError) in
            let answer = try await client.delete(id)
            let error = answer.error(hiding: client.secret)
            let isSaid = answer.isSuccess || [404, 405, 409, 410, 501].contains(answer.status)
            guard isSaid || error.kind == .missing else { throw error }
            return answer
        }
        if answer.isSuccess, answer.json?["deleted"] == true || answer.json?["status"] == "deleted" {
            return canceled
        }
        do throws(ProviderError) {
            let (after, status) = try await video(id)
            return self.generation(id, after, status)
        } catch {
            // It was there a moment ago.
            guard error.kind == .missing else { throw error }
            return canceled
        }
    }

    // MARK: Trying

    /// Does something up to three times, as long as the server cannot be reached or is out of order.
    private func repeating<Result>(
        _ body: () async throws(ProviderError) -> Result
    ) async throws(ProviderError) -> Result {
        var wait = client.configuration.retryWait
        for _ in 1...2 {
            do throws(ProviderError) {
                return try await body()
            } catch {
                guard error.kind == .unavailable, !Task.isCancelled else { throw error }
            }
            try? await clock.sleep(for: wait)
            wait *= 2
        }
        return try await body()
    }
}

// MARK: - Checking

extension OpenAIVideosProvider {
    /// Asks the server for its list, to find a wrong address or key before it matters; returns what it said.
    ///
    /// - Throws: ``ProviderError``; `credentials` when it does not accept the key, `rejected` when it answers but has no list.
    package static func check(_ client: OpenAIVideosClient) async throws(ProviderError) -> String {
        let answer = try await client.list()
        guard !answer.isSuccess else { return "it answers" }
        let error = answer.error(hiding: client.secret)
        throw ProviderError(error.kind == .credentials ? .credentials : .rejected, error.detail)
    }
}
