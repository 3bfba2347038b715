import Foundation
import Glibc
import NIOCore
import NIOHTTP1
import Synchronization

/// Predictions that succeed some time after they were made, and a count of what was asked.
///
/// Nothing is stored but when each was made and what it carries: all else follows from the clock.
final class StubProvider: Sendable {
    struct Answer {
        var status = HTTPResponseStatus.ok
        var contentType = "application/json"
        let body: ByteBuffer
    }

    private struct Prediction {
        let createdAt: Double
        let createdText: String
        /// The order's `input`, as it came.
        let input: String
    }

    private struct State {
        var base = ""
        /// From a prediction's creation to its end.
        var seconds = 8.0
        var predictions: [Prediction] = []
        var tags: [String: Int] = [:]
        var gets = 0
        var lists = 0
        var cancels = 0
        var outputs = 0
        /// CPU time that was used before.
        var usedBefore = StubProvider.cpuSeconds()
    }

    private let state = Mutex(State())
    private static let pageSize = 100
    private static let video = [UInt8](repeating: 0x5A, count: 2_048)

    var base: String {
        get { state.withLock { $0.base } }
        set { state.withLock { $0.base = newValue } }
    }

    func answer(to head: HTTPRequestHead, _ body: ByteBuffer, _ allocator: ByteBufferAllocator) -> Answer {
        let parts = head.uri.split(separator: "?", maxSplits: 1)
        let path = parts.first.map(String.init) ?? "/"
        let query = parts.count > 1 ? String(parts[1]) : ""
        return state.withLock { state in
            switch head.method {
            case .POST where path.hasPrefix("/v1/models/"): return Self.create(body, &state, allocator)
            case .GET where path == "/v1/predictions": return Self.list(query, &state, allocator)
            case .GET where path.hasPrefix("/v1/predictions/"):
                state.gets += 1
                return Self.one(path.dropFirst("/v1/predictions/".count), &state, allocator)
            case .POST where path.hasSuffix("/cancel"):
                state.cancels += 1
                let id = path.dropFirst("/v1/predictions/".count).dropLast("/cancel".count)
                return Self.one(id, &state, allocator)
            case .GET where path.hasPrefix("/outputs/"):
                state.outputs += 1
                return Answer(contentType: "video/mp4", body: allocator.buffer(bytes: Self.video))
            case .GET where path == "/ledger": return Self.ledger(state, allocator)
            case .POST where path == "/reset":
                var fresh = State()
                fresh.base = state.base
                fresh.seconds = query.split(separator: "=").last.flatMap { Double($0) } ?? 8
                state = fresh
                return Self.ledger(state, allocator)
            default:
                return Answer(status: .notFound, body: allocator.buffer(string: #"{"detail":"Not found."}"#))
            }
        }
    }

    // MARK: Calls

    private static func create(_ body: ByteBuffer, _ state: inout State, _ allocator: ByteBufferAllocator) -> Answer {
        let now = now()
        let text = String(buffer: body)
        if let tag = tag(in: text) { state.tags[tag, default: 0] += 1 }
        state.predictions.append(Prediction(createdAt: now, createdText: time(now), input: input(in: text)))
        var answer = allocator.buffer(capacity: 1_024)
        write(state.predictions.count - 1, state, now, &answer)
        return Answer(status: .created, body: answer)
    }

    private static func one(_ id: Substring, _ state: inout State, _ allocator: ByteBufferAllocator) -> Answer {
        guard let index = Int(id.dropFirst(4)), state.predictions.indices.contains(index) else {
            return Answer(status: .notFound, body: allocator.buffer(string: #"{"detail":"Not found."}"#))
        }
        var answer = allocator.buffer(capacity: 1_024)
        write(index, state, now(), &answer)
        return Answer(body: answer)
    }

    /// Newest first; `cursor` is the index at which a page begins, `created_before` is understood, too.
    private static func list(_ query: String, _ state: inout State, _ allocator: ByteBufferAllocator) -> Answer {
        state.lists += 1
        let now = now()
        var start = state.predictions.count - 1
        for item in query.split(separator: "&") {
            if item.hasPrefix("cursor="), let index = Int(item.dropFirst("cursor=".count)) { start = min(start, index) }
            if item.hasPrefix("created_before=") {
                let text = item.dropFirst("created_before=".count).replacing("%3A", with: ":")
                var (low, high) = (0, state.predictions.count)
                while low < high {
                    let middle = (low + high) / 2
                    if state.predictions[middle].createdText < text { low = middle + 1 } else { high = middle }
                }
                start = min(start, low - 1)
            }
        }
        var answer = allocator.buffer(capacity: 100_000)
        let end = max(0, start - pageSize + 1)
        answer.writeString(#"{"previous":null,"next":"#)
        if end > 0, start >= 0 {
            answer.writeString("\"\(state.base)/v1/predictions?cursor=\(end - 1)\"")
        } else {
            answer.writeString("null")
        }
        answer.writeString(#","results":["#)
        if start >= 0 {
            for index in stride(from: start, through: end, by: -1) {
                if index < start { answer.writeString(",") }
                write(index, state, now, &answer)
            }
        }
        answer.writeString("]}")
        return Answer(body: answer)
    }

    private static func ledger(_ state: State, _ allocator: ByteBufferAllocator) -> Answer {
        let doubled = state.tags.values.reduce(0) { $0 + $1 - 1 }
        let text = """
            {"creates": \(state.predictions.count), "tags": \(state.tags.count), "duplicates": \(doubled), \
            "gets": \(state.gets), "lists": \(state.lists), "cancels": \(state.cancels), "outputs": \(state.outputs), \
            "first_created": \(state.predictions.first?.createdAt ?? 0), \
            "last_created": \(state.predictions.last?.createdAt ?? 0), \
            "cpu_seconds": \(cpuSeconds() - state.usedBefore)}
            """
        return Answer(body: allocator.buffer(string: text))
    }

    // MARK: Texts

    /// A prediction with the keys and about the length of a real one.
    private static func write(_ index: Int, _ state: State, _ now: Double, _ buffer: inout ByteBuffer) {
        let prediction = state.predictions[index]
        let digits = String(index)
        let id = "race" + String(repeating: "0", count: max(0, 22 - digits.count)) + digits
        let isOver = now >= prediction.createdAt + state.seconds
        buffer.writeString(#"{"id":""#)
        buffer.writeString(id)
        buffer.writeString(#"","model":"race/stub","version":"hidden","input":"#)
        buffer.writeString(prediction.input)
        buffer.writeString(#","output":"#)
        if isOver {
            buffer.writeString("\"\(state.base)/outputs/\(id).mp4\"")
        } else {
            buffer.writeString("null")
        }
        buffer.writeString(#","data_removed":false,"error":null,"source":"api","status":""#)
        buffer.writeString(isOver ? "succeeded" : "processing")
        buffer.writeString(#"","created_at":""#)
        buffer.writeString(prediction.createdText)
        buffer.writeString(#"","started_at":""#)
        buffer.writeString(prediction.createdText)
        if isOver {
            buffer.writeString(#"","completed_at":""#)
            buffer.writeString(time(prediction.createdAt + state.seconds))
            buffer.writeString(#"","metrics":{"predict_time":8.0,"total_time":8.0}"#)
        } else {
            buffer.writeString("\"")
        }
        buffer.writeString(#","urls":{"cancel":""#)
        for (name, tail) in [("", "/cancel"), (#"","get":""#, "")] {
            buffer.writeString(name)
            buffer.writeString(state.base)
            buffer.writeString("/v1/predictions/")
            buffer.writeString(id)
            buffer.writeString(tail)
        }
        buffer.writeString(#"","web":"https://replicate.example/p/"#)
        buffer.writeString(id)
        buffer.writeString("\"}}")
    }

    /// The value of the order's member `input`: from its brace to the one that closes it.
    private static func input(in text: String) -> String {
        guard let start = text.range(of: #""input":"#) else { return "{}" }
        var depth = 0
        var end = start.upperBound
        for index in text[start.upperBound...].indices {
            if text[index] == "{" { depth += 1 }
            if text[index] == "}" { depth -= 1 }
            end = text.index(after: index)
            if depth == 0, text[index] == "}" { break }
        }
        return text[start.upperBound..<end].trimmingCharacters(in: .whitespaces)
    }

    /// What follows `attempt=` in the image's address.
    private static func tag(in text: String) -> String? {
        guard let start = text.range(of: "attempt=") else { return nil }
        return String(text[start.upperBound...].prefix { $0.isLetter || $0.isNumber || $0 == "-" })
    }

    /// `2026-11-21T15:04:05.123456Z`.
    private static func time(_ seconds: Double) -> String {
        var whole = time_t(seconds)
        var parts = tm()
        gmtime_r(&whole, &parts)
        func padded(_ number: some BinaryInteger, _ width: Int) -> String {
            let digits = String(number)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        let fraction = Int((seconds - Double(whole)) * 1_000_000)
        return padded(parts.tm_year + 1_900, 4) + "-" + padded(parts.tm_mon + 1, 2) + "-" + padded(parts.tm_mday, 2)
            + "T" + padded(parts.tm_hour, 2) + ":" + padded(parts.tm_min, 2) + ":" + padded(parts.tm_sec, 2) + "."
            + padded(fraction, 6) + "Z"
    }

    private static func now() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    private static func cpuSeconds() -> Double { Usage.now.cpuSeconds }
}
