import NIOCore
import NIOHTTP1

/// One request and the writing of its answer.
struct HTTPExchange {
    let core: Core
    let connection: Connection
    let channel: any Channel
    let outbound: NIOAsyncChannelOutboundWriter<HTTPServerResponsePart>

    /// Answers a request.
    ///
    /// - Returns: Whether the connection stays open.
    func run(_ assembled: AssembledRequest) async throws -> Bool {
        let request = assembled.request
        let number = core.record(request)
        let reply: Reply
        do {
            reply = try await core.respond(to: request, clientLeft: connection.waitUntilClosed)
        } catch is CancellationError {
            reply = .close(reset: false)
        } catch {
            reply = .answer(Problem.plain(500, "\(error)"))
        }
        switch reply {
        case .close(let reset):
            connection.update { $0.wasCut = true }
            if reset { channel.makeReset() }
            try await channel.close()
            return false
        case .answer(let answer, let broken):
            return try await write(answer, broken, assembled, recordedAs: number)
        }
    }

    private func write(
        _ answer: Answer,
        _ broken: Reply.Break?,
        _ assembled: AssembledRequest,
        recordedAs number: Int
    ) async throws -> Bool {
        if case .video(let recipe, let delivery) = answer.body {
            let video = VideoAnswer(try await core.videos.video(recipe), delivery)
            return try await write(video, answer, delivery, broken, assembled, recordedAs: number)
        }
        let bytes = await core.bytes(of: answer.body)
        core.noteAnswer(number, status: answer.status)
        var headers = HTTPHeaders(answer.headers.map { ($0.name, $0.value) })
        if answer.status != 204, answer.status != 304 {
            headers.replaceOrAdd(name: "Content-Length", value: "\(bytes.count)")
        }
        headers.replaceOrAdd(name: "Date", value: core.clock.outsideNow.httpDate)
        if !assembled.keepsAlive { headers.replaceOrAdd(name: "Connection", value: "close") }
        arm(broken, bodySize: bytes.count)
        let head = HTTPResponseHead(version: .http1_1, status: .init(statusCode: answer.status), headers: headers)
        if bytes.isEmpty || assembled.request.method == "HEAD" {
            try await outbound.write(contentsOf: [.head(head), .end(nil)])
        } else {
            try await outbound.write(
                contentsOf: [.head(head), .body(.byteBuffer(ByteBuffer(bytes: bytes))), .end(nil)]
            )
        }
        return assembled.keepsAlive && broken == nil
    }

    /// Orders the tap to cut the answer that is written next.
    private func arm(_ broken: Reply.Break?, bodySize: Int) {
        switch broken?.point {
        case .midHead: connection.cutAfter(moreBytes: 25, reset: broken?.reset ?? false)
        case .midBody: connection.cutAfterHead(bodyBytes: bodySize / 2, reset: broken?.reset ?? false)
        case .noAnswer, nil: break
        }
    }

    /// Writes a download, at its pace, as far as it goes.
    private func write(
        _ video: VideoAnswer,
        _ answer: Answer,
        _ delivery: VideoDelivery,
        _ broken: Reply.Break?,
        _ assembled: AssembledRequest,
        recordedAs number: Int
    ) async throws -> Bool {
        core.noteAnswer(number, status: video.status)
        var headers = HTTPHeaders(video.headers.map { ($0.name, $0.value) })
        for header in answer.headers { headers.replaceOrAdd(name: header.name, value: header.value) }
        headers.replaceOrAdd(name: "Date", value: core.clock.outsideNow.httpDate)
        if !assembled.keepsAlive { headers.replaceOrAdd(name: "Connection", value: "close") }
        arm(broken, bodySize: video.body.count)
        let head = HTTPResponseHead(version: .http1_1, status: .init(statusCode: video.status), headers: headers)
        try await outbound.write(.head(head))
        var sent = 0
        defer {
            let isComplete = sent == video.body.count && video.reachesEnd && !delivery.isHead && broken == nil
            core.noteDownload(path: delivery.path, bytes: sent, isComplete: isComplete && video.closesAfter == nil)
        }
        let bytes = video.closesAfter.map { video.body.prefix($0) } ?? video.body
        let chunk = video.pace.map { max(1, $0 / 20) } ?? 65_536
        repeat {
            var position = bytes.startIndex
            while position < bytes.endIndex {
                let end = min(position + chunk, bytes.endIndex)
                try await outbound.write(.body(.byteBuffer(ByteBuffer(bytes: bytes[position..<end]))))
                sent += end - position
                position = end
                if let pace = video.pace { try await Task.sleep(for: .seconds(Double(chunk) / Double(pace))) }
            }
        } while video.isEndless && !bytes.isEmpty
        if video.closesAfter != nil {
            connection.update { $0.wasCut = true }
            try await channel.close()
            return false
        }
        try await outbound.write(.end(nil))
        return assembled.keepsAlive && broken == nil
    }
}

/// What the core decided about a request.
enum Reply: Sendable {
    case answer(Answer, Break? = nil)
    /// The connection is closed without a byte.
    case close(reset: Bool)

    /// Where the writing of an answer stops.
    struct Break: Sendable {
        var point: Fault.ClosePoint
        var reset: Bool
    }
}
