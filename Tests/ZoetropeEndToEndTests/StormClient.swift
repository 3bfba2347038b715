import Foundation
import StrictJSON
import Synchronization
import ZoetropeTestKit

/// A caller who asks for many animations, asks again whenever the service gave no answer, and keeps books of their own.
final class StormClient: Sendable {
    /// One animation that was asked for, and what was said of it.
    struct Order: Sendable {
        let number: Int
        /// Whether the caller cancels it.
        let cancels: Bool
        var job: String?
        /// Ids that were answered to the one idempotency key.
        var ids: Set<String> = []
        var asks = 0
        /// What the cancel was answered: 202 or 409; nil when none was asked for.
        var cancelAnswer: Int?
        /// The final answer, once it was seen.
        var final: Final?
    }

    struct Final: Sendable, Equatable {
        let status: String
        let code: String?
        let previewKey: String
    }

    /// The caller's books.
    struct Ledger: Sendable {
        var orders: [Order] = []
        var jobs: [String] = []
        /// Uploads without an answer: each may have left a job, or only its image.
        var lostUploads = 0
        /// Answers that should not have been.
        var surprises: Set<String> = []
        /// By the animation's id, where its video and its poster can be fetched.
        var urls: [String: [String]] = [:]

        var asked: Int { orders.count { !$0.ids.isEmpty } }
        var ended: Int { orders.count { $0.final != nil } }
    }

    /// Animations of one job.
    private static let perJob = 10

    private let ports: [Int]
    private let photo: [UInt8]
    private let books: Mutex<Ledger>
    private let jobs = Mutex<[Int: Task<String, any Error>]>([:])
    private let size: StormSize
    /// Seconds from the moment at which an order may be made to when it is.
    private let pauses: [Double]
    /// Seconds from an order to its cancel.
    private let patience: [Double]

    init(_ size: StormSize, ports: [Int]) throws {
        var random = SplitMix64(seed: size.seed &+ 1)
        self.ports = ports
        photo = Array(try Data(contentsOf: Project.photo("grey")))
        self.size = size
        pauses = (0..<size.runs).map { _ in .random(in: 0..<2, using: &random) }
        patience = (0..<size.runs).map { _ in .random(in: 0..<2, using: &random) }
        books = Mutex(
            Ledger(
                orders: (0..<size.runs)
                    .map { Order(number: $0, cancels: Int.random(in: 0..<20, using: &random) == 0) }
            )
        )
    }

    var ledger: Ledger { books.withLock { $0 } }

    var ended: Int { books.withLock { $0.ended } }

    /// Waits until this share of all orders, 0…1, has its final answer.
    func end(of share: Double) async throws {
        while Double(ended) < share * Double(size.runs) { try await Task.sleep(for: .milliseconds(20)) }
    }

    // MARK: Asking

    /// Makes all orders, of which only so many are open at a time, and returns when each was accepted.
    func order() async throws {
        try await withThrowingTaskGroup { group in
            for number in 0..<size.runs {
                group.addTask {
                    try await self.end(of: Double(number - self.size.open) / Double(self.size.runs))
                    try await Task.sleep(for: .seconds(self.pauses[number]))
                    try await self.order(number)
                }
            }
            try await group.waitForAll()
        }
    }

    private func order(_ number: Int) async throws {
        let job = try await job(number / Self.perJob)
        books.withLock { $0.orders[number].job = job }
        let path = "/api/v1/jobs/\(job)/animations"
        let id = try await ask(number, path)
        guard let id else { return }
        // The key still stands for the same animation.
        if number % 8 == 0 { _ = try await ask(number, path) }
        guard books.withLock({ $0.orders[number].cancels }) else { return }
        try await Task.sleep(for: .seconds(patience[number]))
        let answer = try await answered([202, 409]) { await self.call("POST", "\(path)/\(id)/cancel") }
        books.withLock { $0.orders[number].cancelAnswer = answer?.status }
    }

    /// Asks for an animation until there is an answer; returns its id.
    private func ask(_ number: Int, _ path: String) async throws -> String? {
        let answer = try await answered([202]) {
            self.books.withLock { $0.orders[number].asks += 1 }
            return await self.call(
                "POST",
                path,
                ["Content-Type: application/json", "Idempotency-Key: order-\(number)"],
                Array(#"{"model": "replicate_video_01_live"}"#.utf8)
            )
        }
        guard let id = answer?.json["id"]?.string else { return nil }
        books.withLock { _ = $0.orders[number].ids.insert(id) }
        return id
    }

    /// The job of a group of orders, made by the first of them.
    private func job(_ group: Int) async throws -> String {
        let task = jobs.withLock { jobs in
            if let task = jobs[group] { return task }
            // Owned by this table, and waited for by every order of the group.
            let task = Task { try await self.upload() }
            jobs[group] = task
            return task
        }
        return try await task.value
    }

    private func upload() async throws -> String {
        let head =
            "--storm\r\nContent-Disposition: form-data; name=\"image\"; filename=\"photo.jpg\"\r\n"
            + "Content-Type: image/jpeg\r\n\r\n"
        let form = Array(head.utf8) + photo + Array("\r\n--storm--\r\n".utf8)
        let answer = try await answered([201]) {
            let answer = await self.call(
                "POST",
                "/api/v1/jobs",
                ["Content-Type: multipart/form-data; boundary=storm"],
                form
            )
            if answer?.status != 201 { self.books.withLock { $0.lostUploads += 1 } }
            return answer
        }
        guard let id = answer?.json["id"]?.string else { throw CancellationError() }
        books.withLock { $0.jobs.append(id) }
        return id
    }

    /// Calls until the answer has one of these statuses; nil, and a note, when it has one that nothing excuses.
    private func answered(
        _ wanted: Set<Int>,
        _ call: () async -> StormHTTP.Answer?
    ) async throws -> StormHTTP.Answer? {
        while true {
            let answer = await call()
            if let answer, wanted.contains(answer.status) { return answer }
            // 503 is what a service says whose database is gone.
            if let answer, answer.status != 503 {
                books.withLock { _ = $0.surprises.insert("the service answered \(answer.text)") }
                return nil
            }
            try await Task.sleep(for: .milliseconds(300))
        }
    }

    private func call(_ method: String, _ path: String, _ headers: [String] = [], _ body: [UInt8] = []) async
        -> StormHTTP.Answer?
    {
        // Whoever gets no answer may ask another service the next time.
        await StormHTTP.call(method, port: ports.randomElement() ?? 0, path, headers: headers, body: body)
    }

    // MARK: Watching

    /// Looks at the animations that are not final yet, until all are or the task is cancelled.
    func watch() async throws {
        while true {
            let (open, isOver) = books.withLock { books in
                let open = Set(books.orders.compactMap { $0.final == nil && !$0.ids.isEmpty ? $0.job : nil })
                return (open, books.orders.allSatisfy { $0.final != nil })
            }
            if isOver { return }
            for job in open.sorted() { await look(at: job) }
            try await Task.sleep(for: .milliseconds(500))
        }
    }

    /// Looks at everything once more: a final answer is one for ever.
    func lookAgain() async {
        for job in ledger.jobs { await look(at: job) }
    }

    private func look(at job: String) async {
        guard let answer = await call("GET", "/api/v1/jobs/\(job)/animations"), answer.status == 200 else { return }
        for animation in answer.json["animations"]?.array ?? [] { note(animation, of: job) }
    }

    private func note(_ animation: JSONValue, of job: String) {
        guard let id = animation["id"]?.string, let status = animation["status"]?.string else { return }
        let final = Final(
            status: status,
            code: animation["error"]?["code"]?.string,
            previewKey: animation["preview_s3_key"]?.string ?? ""
        )
        books.withLock { books in
            let urls = ["preview_url", "thumb_url"].compactMap { animation[$0]?.string }
            if !urls.isEmpty { books.urls[id] = urls }
            guard let number = books.orders.firstIndex(where: { $0.ids.contains(id) }) else { return }
            guard let before = books.orders[number].final else {
                if status != "pending" { books.orders[number].final = final }
                return
            }
            if before != final { books.surprises.insert("\(id) was \(before) and then \(final)") }
        }
    }
}
