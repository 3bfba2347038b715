import Foundation
import StrictJSON
import Testing
import ZoetropeCore
import ZoetropeWorkflow

extension RunStoreBench {
    func acceptedComesBack() async throws {
        let job = Self.job()
        let restore = RestoreAttempt(
            id: RestoreID(UUID()),
            jobID: job.id,
            image: Self.image(.restore(job.id, RestoreID(UUID()), .png)),
            createdAt: Self.date(-9)
        )
        let animation = try Self.animation(of: job, restore: restore)
        #expect(try await store.accept(Intake(job: job)) == .accepted)
        #expect(try await store.accept(Intake(restore: restore)) == .accepted)
        #expect(try await store.accept(Intake(animation: animation)) == .accepted)
        #expect(try await store.job(job.id) == job)
        #expect(try await store.restore(restore.id) == restore)
        #expect(try await store.attempt(animation.attempt.id) == animation.attempt)
        #expect(try await store.run(animation.run.id) == animation.run)
        // Rare values, and nothing where nothing may be.
        var plain = Self.job(user: "böb", kind: .photo)
        plain.sessionID = nil
        plain.onFailure = .keep
        let intake = try Self.animation(of: plain)
        var attempt = intake.attempt
        (attempt.model, attempt.params) = (nil, nil)
        let whole = Intake(job: plain, animation: AnimationIntake(attempt: attempt, run: intake.run))
        #expect(try await store.accept(whole) == .accepted)
        #expect(try await store.job(plain.id) == plain)
        #expect(try await store.attempt(attempt.id) == attempt)
        // And nothing of what is not there.
        #expect(try await store.job(JobID(UUID())) == nil)
        #expect(try await store.restore(RestoreID(UUID())) == nil)
        #expect(try await store.attempt(AnimationID(UUID())) == nil)
        #expect(try await store.run(AnimationID(UUID())) == nil)
    }

    func missingJob() async throws {
        let job = Self.job()
        let animation = try Self.animation(of: job)
        let key = IdempotencyKey(
            userID: "ann",
            key: "k",
            fingerprint: "f",
            answer: "a",
            expiresAt: Self.date(60)
        )
        #expect(try await store.accept(Intake(animation: animation, idempotency: key)) == .jobMissing)
        let image = Self.image(.source(job.id, .png))
        let restore = RestoreAttempt(id: RestoreID(UUID()), jobID: job.id, image: image, createdAt: Self.date())
        #expect(try await store.accept(Intake(restore: restore)) == .jobMissing)
        #expect(try await store.attempt(animation.attempt.id) == nil)
        #expect(try await store.run(animation.run.id) == nil)
        // The key was not used up.
        #expect(try await store.accept(Intake(job: job, animation: animation, idempotency: key)) == .accepted)
    }

    func wholeIntake() async throws {
        let first = try await accept()[0]
        let job = Self.job()
        let key = IdempotencyKey(userID: "ann", key: "k", fingerprint: "f", answer: "a", expiresAt: Self.date(60))
        let code = await code {
            _ = try await store.accept(Intake(job: job, animation: first, idempotency: key))
        }
        #expect(code == .constraint)
        #expect(try await store.job(job.id) == nil)
        #expect(try await store.accept(Intake(job: job, idempotency: key)) == .accepted)
        let again = await self.code { _ = try await store.accept(Intake(job: job)) }
        #expect(again == .constraint)
        // A restored version that is not there.
        let image = Self.image(.source(job.id, .png))
        let restore = RestoreAttempt(id: RestoreID(UUID()), jobID: job.id, image: image, createdAt: Self.date())
        let animation = try Self.animation(of: job, restore: restore)
        let orphan = await self.code { _ = try await store.accept(Intake(animation: animation)) }
        #expect(orphan == .constraint)
        #expect(try await store.run(animation.run.id) == nil)
    }

    func repeatedKey() async throws {
        let job = Self.job()
        let answer: JSONValue = ["id": "x", "list": [1, nil]]
        func intake(_ user: String, _ key: String, _ print: String, until seconds: Double = 60) throws -> Intake {
            let key = IdempotencyKey(
                userID: user,
                key: key,
                fingerprint: print,
                answer: answer,
                expiresAt: Self.date(seconds)
            )
            return Intake(animation: try Self.animation(of: job), idempotency: key)
        }
        #expect(try await store.accept(Intake(job: job)) == .accepted)
        #expect(try await store.accept(intake("ann", "k", "f")) == .accepted)
        #expect(try await store.accept(intake("ann", "k", "f")) == .replayed(answer: answer))
        #expect(try await store.accept(intake("ann", "k", "g")) == .mismatched)
        #expect(try await store.attempts(of: job.id).count == 1)
        #expect(try await store.runs(in: nil, limit: 10).count == 1)
        // Another user's key, another key, and one whose time is over.
        #expect(try await store.accept(intake("bob", "k", "g")) == .accepted)
        #expect(try await store.accept(intake("ann", "K", "g")) == .accepted)
        #expect(try await store.accept(intake("ann", "old", "f", until: -1)) == .accepted)
        #expect(try await store.accept(intake("ann", "old", "g")) == .accepted)
        #expect(try await store.accept(intake("ann", "old", "f")) == .mismatched)
        #expect(try await store.attempts(of: job.id).count == 5)
    }

    func manyIntakes() async throws {
        let job = Self.job()
        #expect(try await store.accept(Intake(job: job)) == .accepted)
        let outcomes = try await withThrowingTaskGroup(of: IntakeOutcome.self) { group in
            for number in 0..<20 {
                let animation = try Self.animation(of: job)
                let key = IdempotencyKey(
                    userID: "ann",
                    key: "k",
                    fingerprint: number == 19 ? "other" : "f",
                    answer: .string(animation.run.id.description),
                    expiresAt: Self.date(60)
                )
                group.addTask { try await store.accept(Intake(animation: animation, idempotency: key)) }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        let kept = try await store.attempts(of: job.id)
        #expect(kept.count == 1)
        #expect(outcomes.filter { $0 == .accepted }.count == 1)
        let answer = JSONValue.string(kept.first?.id.description ?? "")
        #expect(outcomes.allSatisfy { $0 == .accepted || $0 == .mismatched || $0 == .replayed(answer: answer) })
    }

    func lists() async throws {
        var jobs: [Job] = []
        let now = Self.date()
        for number in 0..<5 {
            let job = Self.job(at: Self.date(number % 4, after: now))
            #expect(try await store.accept(Intake(job: job)) == .accepted)
            jobs.append(job)
        }
        #expect(try await store.accept(Intake(job: Self.job(user: "bob"))) == .accepted)
        jobs.sort { ($0.createdAt, $0.id) > ($1.createdAt, $1.id) }
        #expect(try await store.jobs(of: "ann", limit: 100) == jobs)
        #expect(try await store.jobs(of: "ann", limit: 2) == Array(jobs.prefix(2)))
        #expect(try await store.jobs(of: "Ann", limit: 2).isEmpty)

        var runs: [Run] = []
        for number in [3, 1, 2] {
            let animation = try Self.animation(of: jobs[0], at: Self.date(number, after: now))
            #expect(try await store.accept(Intake(animation: animation)) == .accepted)
            runs.append(animation.run)
        }
        runs.sort { $0.createdAt < $1.createdAt }
        #expect(try await store.attempts(of: jobs[0].id).map(\.id) == runs.map(\.id))
        #expect(try await store.attempts(of: jobs[1].id).isEmpty)
        #expect(try await store.runs(in: nil, limit: 2) == runs.reversed().prefix(2).map { $0 })
        #expect(try await store.runs(in: .queued, limit: 10).count == 3)
        #expect(try await store.runs(in: .done, limit: 10).isEmpty)
    }
}
