import Foundation
import ReplicateSimulator
import StrictJSON
import ZoetropeTestKit

/// What a storm proved: findings against the service, and figures.
struct StormVerdict: Sendable {
    private(set) var findings: [String] = []
    private var lines: [String] = []
    private let evidence: StormEvidence

    /// A table for people.
    var report: String {
        let title = "storm on \(evidence.size.form.rawValue)"
        return (lines + ["\(findings.count) findings"] + findings.prefix(30)).map { "\(title) | \($0)" }
            .joined(separator: "\n")
    }

    init(_ evidence: StormEvidence, seconds: Double) {
        self.evidence = evidence
        judgeClient()
        judgeMoney()
        judgeStorage()
        judgeRest()
        judgeForger()
        judgeProcesses()
        judgeFence()
        tell("took \(Int(seconds)) s, seed \(evidence.size.seed)")
    }

    private mutating func tell(_ line: String) {
        lines.append(line)
    }

    private mutating func check(_ isTrue: Bool, _ finding: @autoclosure () -> String) {
        if !isTrue { findings.append(finding()) }
    }

    private static func counts(_ texts: some Sequence<String>) -> String {
        Dictionary(grouping: texts) { $0 }.map { "\($0.key) \($0.value.count)" }.sorted().joined(separator: ", ")
    }

    // MARK: Nothing is lost

    /// The caller's books against the database: every accepted order has one run, one animation and one final answer.
    private mutating func judgeClient() {
        let client = evidence.client
        for surprise in client.surprises.sorted() { findings.append(surprise) }
        for order in client.orders {
            check(order.ids.count == 1, "order \(order.number) was given \(order.ids.count) animations: \(order.ids)")
            check(order.final != nil, "lost: order \(order.number), animation \(order.ids.first ?? "-"), has no end")
        }
        let ids = client.orders.reduce(into: Set<String>()) { $0.formUnion($1.ids) }
        for (name, rows) in [("animation", evidence.attempts), ("run", evidence.runs)] {
            let known = Set(rows.compactMap { $0["id"]?.string })
            for id in ids.subtracting(known) { findings.append("lost: \(name) \(id) was accepted and is not there") }
            for id in known.subtracting(ids) { findings.append("\(name) \(id) is there and nobody was told") }
        }
        let asks = client.orders.reduce(0) { $0 + $1.asks }
        let canceled = client.orders.compactMap(\.cancelAnswer)
        tell(
            "orders: \(client.orders.count), asked \(asks) times; cancels answered: \(Self.counts(canceled.map(String.init)))"
        )
        let ends = client.orders.compactMap(\.final).map { $0.code.map { "failed with \($0)" } ?? $0.status }
        tell("ends: \(Self.counts(ends))")
        judgeEnds()
    }

    /// An end must have a reason that the storm gave.
    private mutating func judgeEnds() {
        let runs = Dictionary(evidence.runs.map { ($0["id"]?.string ?? "", $0) }) { $1 }
        let creates = createsByAnimation
        for order in evidence.client.orders {
            guard let id = order.ids.first, let final = order.final, let run = runs[id], let job = order.job else {
                continue
            }
            let mine = creates[id] ?? []
            check(
                run["outcome"]?.string == final.status,
                "\(id): answered \(final), stored \(run["outcome"]?.string ?? "-")"
            )
            check(
                run["failure_code"]?.string == final.code,
                "\(id): answered \(final), stored \(run["failure_code"] ?? .null)"
            )
            if order.cancelAnswer == 202 {
                check(final.code == "canceled", "\(id): its cancel was accepted, it is \(final)")
            }
            if order.cancelAnswer == 409 {
                check(final.code != "canceled", "\(id): its cancel was refused, it is \(final)")
            }
            switch (final.status, final.code) {
            case ("ready", _):
                check(final.previewKey == "animations/\(job)/\(id).mp4", "\(id): its video is \(final.previewKey)")
                check(
                    mine.map(\.status) == ["succeeded"],
                    "\(id) is ready and its predictions are \(mine.map(\.status))"
                )
            case ("failed", "canceled"): check(order.cancels, "\(id) was cancelled by nobody")
            case ("failed", "content_rejected"):
                check(mine.map(\.status) == ["failed"], "\(id): \(final), \(mine.map(\.status))")
            case ("failed", "provider_outcome_unknown"):
                // A worker died between the mark and the call; what may have been sent is never sent again.
                check(mine.isEmpty, "lost: \(id) was given up, and the provider had accepted \(mine.map(\.id))")
            default: findings.append("lost: \(id) ended as \(final): \(run["failure_detail"]?.string ?? "")")
            }
        }
    }

    // MARK: Nothing is paid twice

    private var animationByTag: [String: String] {
        Dictionary(evidence.intents.map { ($0["tag"]?.string ?? "", $0["animation_id"]?.string ?? "") }) { $1 }
    }

    private var createsByAnimation: [String: [Ledger.Create]] {
        let animations = animationByTag
        return Dictionary(grouping: evidence.provider.creates) { $0.tag.flatMap { animations[$0] } ?? "" }
    }

    /// The provider's books against ours.
    private mutating func judgeMoney() {
        let provider = evidence.provider
        for (tag, creates) in Dictionary(grouping: provider.creates, by: { $0.tag ?? "" }) {
            check(creates.count == 1, "paid twice: the provider accepted tag \(tag) \(creates.count) times")
        }
        for (tag, count) in provider.createsReceivedByTag {
            check(!tag.isEmpty && count == 1, "the create with tag \"\(tag)\" was sent \(count) times")
        }
        for (id, creates) in createsByAnimation {
            check(!id.isEmpty, "\(creates.map(\.id)) were bought for nobody")
            check(creates.count == 1, "paid twice: animation \(id) has \(creates.map { "\($0.id) \($0.status)" })")
        }
        let intents = Dictionary(evidence.intents.map { ($0["tag"]?.string ?? "", $0) }) { $1 }
        for create in provider.creates {
            check(
                ["succeeded", "failed", "canceled", "aborted"].contains(create.status),
                "\(create.id) is \(create.status)"
            )
            guard let intent = create.tag.flatMap({ intents[$0] }) else { continue }
            check(intent["prediction_id"]?.string == create.id, "\(create.id) was bought and is not in the books")
        }
        for intent in evidence.intents {
            let state = intent["state"]?.string ?? ""
            check(["settled", "refused", "absent"].contains(state), "intent \(intent["tag"] ?? .null) is \(state)")
        }
        let costly = evidence.intents.count { ($0["cost"]?.integer ?? 0) > 0 }
        check(costly == provider.charged, "the provider charged \(provider.charged) times, the books have \(costly)")
        let verify = evidence.verify
        check(verify.status == 0, "runs verify: \(verify.text) \(verify.errorText)")
        tell(
            "money: \(provider.accepted) creates accepted for \(createsByAnimation.count) animations, "
                + "\(provider.createsReceivedByTag.values.reduce(0, +)) sent, \(evidence.intents.count) intents "
                + "(\(Self.counts(evidence.intents.compactMap { $0["state"]?.string }))), \(provider.charged) charged"
        )
        let verified = evidence.verify.text.split(separator: "\n").last ?? ""
        tell("runs verify: \(verified)")
    }

    // MARK: Nothing is left over

    private mutating func judgeStorage() {
        var unexplained = evidence.stored.objects
        var fetched = 0
        for run in evidence.runs where run["outcome"]?.string == "ready" {
            let id = run["id"]?.string ?? ""
            guard let text = run["video"]?.string, let video = try? StormEvidence.Row(parsing: text.utf8) else {
                findings.append("\(id) is ready without a video")
                continue
            }
            for part in ["", "poster_"] {
                let key = video[part.isEmpty ? "preview_key" : "poster_key"]?.string ?? ""
                let object = unexplained.removeValue(forKey: key)
                let isRight =
                    object?.sha256 == video["\(part)sha256"]?.string
                    && object.map { Int64($0.byteCount) } == video["\(part)byte_count"]?.integer
                check(object != nil, "lost: \(id) is ready, and \(key) is not there")
                check(object == nil || isRight, "\(key) is not what was published")
                let url = evidence.client.urls[id].flatMap { $0.count == 2 ? $0[part.isEmpty ? 0 : 1] : nil }
                let download = url.flatMap { evidence.downloads[$0] }
                check(object == nil || download == object, "\(key) is not what its address gives: \(url ?? "none")")
                fetched += download == nil ? 0 : 1
            }
        }
        for job in evidence.jobs {
            let key = job["source_s3_key"]?.string ?? ""
            check(unexplained.removeValue(forKey: key) != nil, "the image \(key) is not there")
        }
        // An upload that the service died over leaves its image, or a job that the caller has not heard of.
        let uploads = unexplained.keys.filter { $0.hasPrefix("uploads/") }
        let unheard = Set(evidence.jobs.compactMap { $0["id"]?.string }).subtracting(evidence.client.jobs)
        let lostUploads = evidence.client.lostUploads
        check(
            uploads.count + unheard.count <= lostUploads,
            "\(uploads.count) images and \(unheard.count) jobs are nobody's after \(lostUploads) lost uploads"
        )
        var late = 0
        for key in unexplained.keys.sorted() where !key.hasPrefix("uploads/") {
            if isLate(key) { late += 1 } else { findings.append("\(key) belongs to nobody") }
        }
        for key in evidence.stored.uploads { findings.append("an upload of \(key) was begun and is still open") }
        tell(
            "storage: \(evidence.stored.objects.count) objects, \(fetched) of them fetched by their addresses; for the janitor "
                + "\(uploads.count) of uploads that the service died over and \(late) that came after their undo"
        )
        if let troubles = evidence.stored.troubles {
            func count(_ name: String) -> Int64 { troubles[name]?.integer ?? 0 }
            tell(
                "S3: \(count("requests")) requests, \(count("busy")) answered 503, \(count("lost")) answers lost or cut off, "
                    + "\(count("broken")) connections broken by our processes"
            )
            check(count("busy") > 0, "the S3 server was never busy")
        }
    }

    /// Whether an object may have come after its run had ended and was undone, from a worker that was killed or frozen.
    ///
    /// What was on its way to an S3 server lands whatever becomes of the sender; on a disk nothing does.
    private func isLate(_ key: String) -> Bool {
        guard evidence.size.form == .fleet, let name = key.split(separator: "/").last,
            let run = evidence.runs.first(where: { name.hasPrefix($0["id"]?.string ?? "-") }),
            run["outcome"]?.string == "failed"
        else { return false }
        let owners = Set(
            evidence.history.filter { $0.id == run["id"]?.string }.compactMap(\.owner)
                .compactMap(StormEvidence.processID(ofOwner:))
        )
        return evidence.members.contains { member in
            owners.contains(member.process.processID) && (member.killedAt != nil || !member.frozen.isEmpty)
        }
    }

    private mutating func judgeRest() {
        for run in evidence.runs {
            let id = run["id"]?.string ?? ""
            check(run["state"]?.string == "done", "\(id) is still \(run["state"]?.string ?? "")")
            check(run["check_at"]?.string == nil, "\(id) was never checked")
            check(run["lease_owner"]?.string == nil, "\(id) is still held by \(run["lease_owner"]?.string ?? "")")
        }
        for undo in evidence.undos {
            check(
                ["done", "void"].contains(undo["state"]?.string ?? ""),
                "not undone: \(undo["action"]?.string ?? "") of \(undo["animation_id"]?.string ?? ""): \(undo["last_error"]?.string ?? "")"
            )
        }
        check(evidence.inputsLeft != nil, "the provider did not say what it still has")
        let animations = animationByTag
        var excused = 0
        for file in evidence.inputsLeft ?? [] {
            let animation = file["metadata"]?["attempt"]?.string.flatMap { animations[$0] } ?? "nothing"
            let story = evidence.history.filter { $0.id == animation }
            if isLeftByTheDead(file, story) {
                excused += 1
                continue
            }
            findings.append(
                "the provider still has the image \(file["id"]?.string ?? ""), made at "
                    + "\(file["created_at"]?.string ?? ""), of \(animation): "
                    + story.map(\.description).joined(separator: "; ")
            )
        }
        if excused > 0 { tell("images of runs that were over, whose late uploaders were killed: \(excused)") }
        tell("undos: \(Self.counts(evidence.undos.compactMap { $0["state"]?.string }))")
    }

    /// Whether an image came after its run had ended, from a worker that was thawed and killed before it could remove it.
    ///
    /// No book knows of such an image; the provider deletes it after a day.
    private func isLeftByTheDead(_ file: StormEvidence.Row, _ story: [StormEvidence.Change]) -> Bool {
        let format = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
        guard let text = file["created_at"]?.string, let made = try? Date(text, strategy: format),
            // The second word is the outcome.
            let end = story.first(where: { $0.decided.split(separator: " ").dropFirst().first != "-" })
        else { return false }
        let owners = Set(story.compactMap(\.owner).compactMap(StormEvidence.processID(ofOwner:)))
        return made.timeIntervalSince1970 > end.at
            && evidence.members.contains { member in
                owners.contains(member.process.processID) && !member.frozen.isEmpty && member.killedAt != nil
            }
    }

    // MARK: Nobody is believed

    private mutating func judgeForger() {
        let forger = evidence.forger
        for (status, count) in forger.forged {
            // 503 is said by a service that cannot ask the provider for its secret, or that is full.
            check([401, 503].contains(status), "\(count) forged webhooks were answered \(status)")
        }
        let outputs = evidence.intents.compactMap { $0["output"]?.string }
        check(outputs.allSatisfy { $0.hasPrefix(evidence.outputURL) }, "an output is not the provider's: \(outputs)")
        let ids = evidence.inbox.compactMap { $0["id"]?.string }
        check(!ids.contains { $0.hasPrefix(StormForger.forgedPrefix) }, "a forged webhook was stored")
        func text(_ answers: [Int: Int]) -> String {
            answers.sorted { $0.key < $1.key }.map { "\($0.key)×\($0.value)" }.joined(separator: " ")
        }
        let deliveries = evidence.provider.creates.flatMap(\.deliveries)
        let answers = Self.counts(
            deliveries.map { $0.status.map(String.init) ?? ($0.error == "dropped" ? "dropped" : "no answer") }
        )
        tell("webhooks: \(deliveries.count) deliveries (\(answers)), \(ids.count) stored")
        tell("forged webhooks: \(text(forger.forged)); rightly signed lies: \(text(forger.lies))")
    }

    private mutating func judgeProcesses() {
        for problem in evidence.endings { findings.append(problem) }
        let members = evidence.members
        for member in members {
            guard let end = member.oddEnd else { continue }
            // Only without a database a process may refuse to start, which PostgreSQL's stops bring about.
            let log = member.process.log
            let isExcused =
                evidence.size.stops > 0 && end.hasPrefix("exit code") && log.contains("the database cannot be used")
            check(isExcused, "\(member.name) ended by itself, \(end): \(log.suffix(500))")
        }
        let workers = members.filter(\.isWorker)
        let freezes = workers.reduce(0) { $0 + $1.frozen.count }
        tell(
            "processes: \(workers.count { $0.killedAt != nil }) workers and "
                + "\(members.count { !$0.isWorker && $0.killedAt != nil }) services killed, \(freezes) freezes, "
                + "\(evidence.size.stops) database stops, \(members.count { $0.oddEnd != nil }) starts without a database"
        )
        check(workers.count { $0.killedAt != nil } >= evidence.size.kills, "too few workers were killed")
        // On a fast machine the runs may be over before a worker that holds one is found.
        check(freezes * 2 >= evidence.size.freezes, "too few workers were frozen")
    }

    // MARK: Nobody writes what is another's

    private mutating func judgeFence() {
        let byProcess = Dictionary(evidence.members.map { ($0.process.processID, $0) }) { $1 }
        let byName = Dictionary(evidence.members.map { ($0.name, $0) }) { $1 }
        func member(_ owner: String?) -> StormCrew.Member? {
            owner.flatMap(StormEvidence.processID(ofOwner:)).flatMap { byProcess[$0] }
        }
        /// Owners whose run was taken from them by a cancellation, until somebody claims it.
        var cancelled: [String: String] = [:]
        var takeOvers = StormTakeOvers()
        for change in evidence.history {
            judge(
                change,
                writer: change.writer.flatMap { byName[$0] },
                holder: member(change.oldOwner),
                claimant: member(change.owner)
            )
            guard change.epoch > change.oldEpoch else { continue }
            guard let owner = change.owner else {
                if let old = change.oldOwner { cancelled[change.id] = old }
                continue
            }
            let previous = change.oldOwner ?? cancelled.removeValue(forKey: change.id)
            if previous != owner, let loser = member(previous) { takeOvers.add(from: loser, at: change.at) }
        }
        for (name, times) in [("killed", takeOvers.fromKilled), ("frozen", takeOvers.fromFrozen)] {
            let most = times.max() ?? 0
            check(most <= 60, "a run of a \(name) worker was taken over after \(most) s")
        }
        tell(
            "runs taken over from \(takeOvers.killed.count) killed workers: \(StormTakeOvers.text(takeOvers.fromKilled)); "
                + "from frozen ones: \(StormTakeOvers.text(takeOvers.fromFrozen)); from living ones: \(takeOvers.fromLiving)"
        )
        judgeThawed()
    }

    /// One change of a run against the rules of the fence.
    private mutating func judge(
        _ change: StormEvidence.Change,
        writer: StormCrew.Member?,
        holder: StormCrew.Member?,
        claimant: StormCrew.Member?
    ) {
        func isWrong(_ why: String) -> String { "fence: \(why): \(change)" }
        check(change.epoch == change.oldEpoch || change.epoch == change.oldEpoch + 1, isWrong("an epoch jumped"))
        check(
            change.version == change.oldVersion || change.version == change.oldVersion + 1,
            isWrong("a late write landed")
        )
        if change.decided != change.oldDecided {
            check(change.version == change.oldVersion + 1, isWrong("a decision overwrote another"))
        }
        let isClaim = change.epoch > change.oldEpoch && change.owner != nil
        if isClaim {
            let expiresAt = change.oldExpiresAt ?? 0
            // The trigger reads the clock a moment after the statement has.
            check(change.oldOwner == nil || expiresAt <= change.at + 0.01, isWrong("a run was claimed that was held"))
        } else if change.epoch == change.oldEpoch {
            check(change.owner == nil || change.owner == change.oldOwner, isWrong("an owner came without a claim"))
        }
        // Where the database knows who wrote.
        guard let writer, writer.isWorker else { return }
        let allowed = isClaim ? claimant : holder
        check(
            allowed?.number == writer.number,
            isWrong("\(writer.name) wrote what belongs to \(allowed?.name ?? "nobody")")
        )
    }

    /// Counts what frozen workers tried when they went on.
    private mutating func judgeThawed() {
        let thawed = evidence.members.filter { !$0.frozen.isEmpty }
        let noticed = thawed.reduce(0) { sum, member in
            sum
                + member.process.log.split(separator: "\n")
                .count { $0.contains("the run belongs to somebody else now") }
        }
        var text = "late writes of thawed workers: \(noticed) noticed by them"
        if let refusals = evidence.refusals {
            let late = refusals.count { row in
                thawed.contains {
                    $0.name == row["writer"]?.string && ($0.frozen.first?.to ?? 0) <= (row["at"]?.number ?? 0)
                }
            }
            text += ", \(late) refused by the database (\(refusals.count) with those of all others)"
        }
        let landed = findings.count { $0.hasPrefix("fence:") }
        tell("\(text), \(landed) landed; \(evidence.history.count) changes audited")
    }
}

/// How long runs were nobody's, in seconds.
private struct StormTakeOvers {
    var fromKilled: [Double] = []
    var fromFrozen: [Double] = []
    /// Of workers whose lease ran out while they lived: the machine or the database was too slow for it.
    var fromLiving = 0
    /// Killed workers that left runs behind.
    var killed: Set<Int> = []

    mutating func add(from loser: StormCrew.Member, at moment: Double) {
        if let killedAt = loser.killedAt, killedAt <= moment {
            fromKilled.append(moment - killedAt)
            killed.insert(loser.number)
        } else if let freeze = loser.frozen.last(where: { $0.from <= moment && moment <= $0.to }) {
            fromFrozen.append(moment - freeze.from)
        } else {
            fromLiving += 1
        }
    }

    static func text(_ times: [Double]) -> String {
        guard let most = times.max() else { return "none" }
        func rounded(_ seconds: Double) -> Double { (seconds * 100).rounded() / 100 }
        return "\(times.count), median \(rounded(times.sorted()[times.count / 2])) s, longest \(rounded(most)) s"
    }
}
