extension Fault {
    /// The word for it in a script.
    enum Kind: String, CaseIterable {
        case close, delay, hang, answer
        case malformedJSON = "malformed_json"
        case truncatedJSON = "truncated_json"
        case throttle, rewrite, redirect
        case contentType = "content_type"
        case shortRead = "short_read"
        case notVideo = "not_video"
        case slow
        case changingETag = "changing_etag"
        case ignoresRange = "ignores_range"
        case noContentLength = "no_content_length"
        case endless, drop, duplicate, early, reorder
        case wrongSignature = "wrong_signature"
        case oldTimestamp = "old_timestamp"
        case twoSignatures = "two_signatures"
        case extraSignature = "extra_signature"
        case cut

        /// Whether it means something for an exchange.
        func fits(_ exchange: Exchange) -> Bool {
            switch self {
            case .close, .delay, .hang, .answer, .redirect, .contentType:
                exchange != .webhook && exchange != .connection
            case .malformedJSON, .truncatedJSON, .throttle, .rewrite:
                exchange != .webhook && exchange != .connection && exchange != .output
            case .shortRead, .notVideo, .slow, .changingETag, .ignoresRange, .noContentLength, .endless:
                exchange == .output
            case .drop, .duplicate, .early, .reorder, .wrongSignature, .oldTimestamp, .twoSignatures, .extraSignature:
                exchange == .webhook
            case .cut: exchange == .connection
            }
        }
    }

    init?(reading value: JSONValue, path: String, on: Exchange?, problems: FieldCoder.Problems) {
        let coder = FieldCoder(reading: value, path: path, problems: problems)
        guard value.object != nil else { return nil }
        var kind: Kind?
        coder.word("kind", &kind)
        guard let kind else {
            if coder.object["kind"] == nil {
                problems.list.append("\(path).kind is missing; it is one of \(Kind.allWords)")
            }
            return nil
        }
        if let on, !kind.fits(on) {
            let fitting = Kind.allCases.filter { $0.fits(on) }.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
            problems.list.append(
                "\(path).kind \"\(kind.rawValue)\" is not for \"\(on.rawValue)\"; there are \(fitting)"
            )
        }
        self = Self.plain(kind)
        code(coder)
        coder.finish()
    }

    var json: JSONValue {
        var copy = self
        let coder = FieldCoder()
        var kind = self.kind
        coder.word("kind", &kind)
        copy.code(coder)
        return .object(coder.object)
    }

    private static func plain(_ kind: Kind) -> Fault {
        switch kind {
        case .close: .close()
        case .delay: .delay(1)
        case .hang: .hang()
        case .answer: .answer(CannedAnswer(502))
        case .malformedJSON: .malformedJSON
        case .truncatedJSON: .truncatedJSON
        case .throttle: .throttle()
        case .rewrite: .rewrite(Rewrite())
        case .redirect: .redirect(to: "http://127.0.0.1:9/")
        case .contentType: .contentType("text/html")
        case .shortRead: .shortRead()
        case .notVideo: .notVideo()
        case .slow: .slow(bytesPerSecond: 10_000)
        case .changingETag: .changingETag
        case .ignoresRange: .ignoresRange
        case .noContentLength: .noContentLength
        case .endless: .endless
        case .drop: .drop
        case .duplicate: .duplicate
        case .early: .early
        case .reorder: .reorder
        case .wrongSignature: .wrongSignature
        case .oldTimestamp: .oldTimestamp()
        case .twoSignatures: .twoSignatures
        case .extraSignature: .extraSignature
        case .cut: .cut(Cut(.sent(0)))
        }
    }

    var kind: Kind {
        switch self {
        case .close: .close
        case .delay: .delay
        case .hang: .hang
        case .answer: .answer
        case .malformedJSON: .malformedJSON
        case .truncatedJSON: .truncatedJSON
        case .throttle: .throttle
        case .rewrite: .rewrite
        case .redirect: .redirect
        case .contentType: .contentType
        case .shortRead: .shortRead
        case .notVideo: .notVideo
        case .slow: .slow
        case .changingETag: .changingETag
        case .ignoresRange: .ignoresRange
        case .noContentLength: .noContentLength
        case .endless: .endless
        case .drop: .drop
        case .duplicate: .duplicate
        case .early: .early
        case .reorder: .reorder
        case .wrongSignature: .wrongSignature
        case .oldTimestamp: .oldTimestamp
        case .twoSignatures: .twoSignatures
        case .extraSignature: .extraSignature
        case .cut: .cut
        }
    }

    private mutating func code(_ coder: FieldCoder) {
        switch self {
        case .close(var when, var point, var reset):
            coder.word("when", &when)
            coder.word("at", &point)
            coder.bool("reset", &reset)
            self = .close(when, at: point, reset: reset)
        case .delay(var seconds, var when):
            coder.seconds("seconds", &seconds)
            coder.word("when", &when)
            self = .delay(seconds, when)
        case .hang(var when):
            coder.word("when", &when)
            self = .hang(when)
        case .answer(var answer, var when):
            answer.code(coder)
            coder.word("when", &when)
            self = .answer(answer, when)
        case .throttle(var throttle):
            coder.word("wording", &throttle.wording)
            coder.int("retry_after", &throttle.retryAfter, in: 0...86_400, writesNull: true)
            coder.word("header", &throttle.header)
            self = .throttle(throttle)
        case .rewrite(var rewrite):
            coder.object("set", &rewrite.set)
            coder.strings("remove", &rewrite.remove)
            coder.int("fraction_digits", &rewrite.fractionDigits, in: 0...9)
            coder.bool("output_as_array", &rewrite.outputAsArray)
            coder.bool("detail_as_array", &rewrite.detailAsArray)
            self = .rewrite(rewrite)
        case .redirect(var url, var status):
            coder.string("to", &url)
            coder.int("status", &status, in: 300...399)
            self = .redirect(to: url, status: status)
        case .contentType(var type):
            coder.string("value", &type)
            self = .contentType(type)
        case .shortRead(var bytes):
            coder.int("bytes", &bytes, in: 0...1_000_000_000)
            self = .shortRead(bytes: bytes)
        case .notVideo(var what):
            coder.word("what", &what)
            self = .notVideo(what)
        case .slow(var rate):
            coder.int("bytes_per_second", &rate, in: 1...1_000_000_000)
            self = .slow(bytesPerSecond: rate)
        case .oldTimestamp(var seconds):
            coder.int("seconds", &seconds, in: 0...1_000_000_000)
            self = .oldTimestamp(seconds: seconds)
        case .cut(var cut):
            cut.code(coder)
            self = .cut(cut)
        case .malformedJSON, .truncatedJSON, .changingETag, .ignoresRange, .noContentLength, .endless, .drop,
            .duplicate, .early, .reorder, .wrongSignature, .twoSignatures, .extraSignature:
            break
        }
    }
}

extension CannedAnswer {
    fileprivate mutating func code(_ coder: FieldCoder) {
        coder.int("status", &status, in: 200...599)
        var html: String? = if case .html(let text) = body { text } else { nil }
        var text: String? = if case .text(let text) = body { text } else { nil }
        coder.string("html", &html)
        coder.string("text", &text)
        var json: JSONValue = if case .json(let value) = body { value } else { .null }
        coder.field("json", &json, "any JSON", read: { $0 }, write: { $0 == .null ? nil : $0 })
        var names = JSONObject()
        for header in headers { names[header.name] = .string(header.value) }
        coder.object("headers", &names)
        guard coder.isReading else { return }
        let given = [html != nil, text != nil, json != .null].filter { $0 }.count
        if given > 1 { coder.problems.list.append("\(coder.path) has more than one of \"html\", \"text\", \"json\"") }
        body = html.map { .html($0) } ?? text.map { .text($0) } ?? (json == .null ? .edge : .json(json))
        headers = names.members.compactMap { member in
            let value = member.value.string ?? member.value.text
            guard Header.isSafe(member.key, value) else {
                coder.problem("headers.\(member.key)", member.value, "a header name and a value of one line")
                return nil
            }
            return Header(member.key, value)
        }
    }
}

extension Header {
    /// Whether a name and a value can stand in an HTTP message.
    static func isSafe(_ name: String, _ value: String) -> Bool {
        !name.isEmpty
            && name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: ":") }
            && value.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
    }
}

extension Cut {
    fileprivate mutating func code(_ coder: FieldCoder) {
        var received: Int? = if case .received(let count) = point { count } else { nil }
        var sent: Int? = if case .sent(let count) = point { count } else { nil }
        if coder.isReading { (received, sent) = (nil, nil) }
        coder.int("received", &received, in: 0...1_000_000_000)
        coder.int("sent", &sent, in: 0...1_000_000_000)
        coder.bool("reset", &reset)
        var random: Random? =
            if case .random(let seed, let probability, let received, let sent) = point {
                Random(seed: Int(truncatingIfNeeded: seed), probability: probability, received: received, sent: sent)
            } else {
                nil
            }
        if coder.isReading, coder.object["random"] != nil { random = Random() }
        if var value = random {
            coder.nested("random", &value) { value, coder in value.code(coder) }
            random = value
        } else {
            _ = coder.take("random")
        }
        guard coder.isReading else { return }
        switch (received, sent, random) {
        case (let count?, nil, nil): point = .received(count)
        case (nil, let count?, nil): point = .sent(count)
        case (nil, nil, let value?): point = value.point
        default:
            coder.problems.list.append("\(coder.path) needs exactly one of \"received\", \"sent\", \"random\"")
        }
    }

    private struct Random {
        var seed = 1
        var probability = 0.5
        var received = 2000
        var sent = 2000

        var point: Point {
            .random(
                seed: UInt64(bitPattern: Int64(seed)),
                probability: probability,
                receivedUpTo: received,
                sentUpTo: sent
            )
        }

        mutating func code(_ coder: FieldCoder) {
            coder.int("seed", &seed, in: .min ... .max)
            coder.field(
                "probability",
                &probability,
                "a number from 0 to 1",
                read: { value in value.double.flatMap { (0...1).contains($0) ? $0 : nil } },
                write: { .double($0) }
            )
            coder.int("received_up_to", &received, in: 0...1_000_000_000)
            coder.int("sent_up_to", &sent, in: 0...1_000_000_000)
        }
    }
}
