import Foundation
import ZoetropeCore
import ZoetropeDatabase
import ZoetropeTestKit
import ZoetropeWorkflow

/// Rows and objects as they may have come to be, and the rule of what is left of them, told apart from the SQL.
struct Past: Sendable {
    enum Kind: CaseIterable, Sendable {
        case ready, readyInHD, failed
        /// A put of a dead worker came late.
        case failedWithObjects
        case running
        /// Its provider's file is still to be deleted.
        case undoing
        /// A row from before the engine.
        case withoutRun

        var isAlive: Bool { self == .running || self == .undoing }
        var isReady: Bool { self == .ready || self == .readyInHD || self == .withoutRun }
    }

    struct Animation: Sendable {
        let id: AnimationID
        let restore: Int?
        let age: Double
        let kind: Kind
    }

    struct Scene: Sendable {
        let id: JobID
        let age: Double
        var restores: [(id: RestoreID, age: Double)] = []
        var animations: [Animation] = []
    }

    var scenes: [Scene] = []
    /// Objects that no row ever named, by their age in seconds.
    var strays: [(key: ObjectKey, age: Double)] = []
    /// What ages are counted from.
    let now: Date

    static let day = 86_400.0

    /// So many animations, of ages up to 60 days, none within an hour of a limit.
    init(animations: Int, now: Date, seed: UInt64 = 1, strays: Int? = nil) {
        self.now = now
        var dice = SplitMix64(seed: seed)
        func age(upTo most: Double) -> Double {
            // Rather older than younger, so that about half of it all has expired.
            let share = Double.random(in: 0...1, using: &dice)
            let age = (most * (1 - share * share)).rounded()
            // Time goes on while a test works.
            let isNearALimit = [Self.day, 30 * Self.day].contains { abs(age - $0) < 3_600 }
            return isNearALimit ? max(0, age - 7_200) : age
        }
        var made = 0
        while made < animations {
            var scene = Scene(id: JobID(dice.uuid()), age: age(upTo: 60 * Self.day))
            if Bool.random(using: &dice) {
                scene.restores.append((RestoreID(dice.uuid()), age(upTo: scene.age)))
            }
            for _ in 0..<Int.random(in: 0...4, using: &dice) where made < animations {
                let restore = scene.restores.isEmpty || Bool.random(using: &dice) ? nil : 0
                let most = restore.map { scene.restores[$0].age } ?? scene.age
                let kinds: [Kind] = [
                    .ready, .ready, .ready, .readyInHD, .readyInHD, .readyInHD, .readyInHD, .withoutRun,
                ]
                let kind =
                    Int.random(in: 0..<8, using: &dice) == 0
                    ? Kind.allCases.randomElement(using: &dice) ?? .failed : kinds.randomElement(using: &dice) ?? .ready
                scene.animations.append(
                    Animation(id: AnimationID(dice.uuid()), restore: restore, age: age(upTo: most), kind: kind)
                )
                made += 1
            }
            scenes.append(scene)
        }
        for number in 0..<(strays ?? animations / 50) {
            let (job, id) = (JobID(dice.uuid()), AnimationID(dice.uuid()))
            let key: ObjectKey =
                switch number % 4 {
                case 0: .video(job, id)
                case 1: .source(job, .jpeg)
                case 2: .restore(job, RestoreID(id.uuid), .png)
                default: .temporary(id, epoch: 3, file: "video.mp4")
                }
            self.strays.append((key, age(upTo: 3 * Self.day)))
        }
        // What this service did not put there is not its business.
        for name in ["animations/readme.txt", "uploads/other/1.jpg", "elsewhere/x"] {
            if let key = ObjectKey(name) { self.strays.append((key, 50 * Self.day)) }
        }
    }

    var rowCount: Int { scenes.reduce(0) { $0 + 1 + $1.restores.count + $1.animations.count } }
    var runCount: Int { scenes.reduce(0) { $0 + $1.animations.filter { $0.kind != .withoutRun }.count } }

    // MARK: The rule

    struct Left {
        var jobs: Set<UUID> = []
        var restores: Set<UUID> = []
        var animations: Set<UUID> = []
        var objects: Set<ObjectKey> = []
        /// What went because it had expired.
        var expired = Census(animations: 0, restores: 0, jobs: 0)
        var orphans = 0
    }

    func left(_ retention: Retention) -> Left {
        let limit = Double(retention.days) * Self.day
        var left = Left()
        for scene in scenes {
            let stays = scene.animations.map { $0.age < limit || $0.kind.isAlive }
            for (animation, stays) in zip(scene.animations, stays) {
                guard stays else {
                    left.expired.animations += 1
                    continue
                }
                left.animations.insert(animation.id.uuid)
                // Nothing names what a failed animation left, and every object is as old as its animation.
                if animation.kind == .failedWithObjects {
                    if animation.age < Self.day {
                        left.objects.formUnion(objects(of: animation, in: scene))
                    } else {
                        left.orphans += objects(of: animation, in: scene).count
                    }
                } else {
                    left.objects.formUnion(objects(of: animation, in: scene))
                }
            }
            var restoreStays = false
            for (index, restore) in scene.restores.enumerated() {
                let isUsed = zip(scene.animations, stays).contains { $0.restore == index && $1 }
                guard restore.age < limit || isUsed else {
                    left.expired.restores += 1
                    continue
                }
                restoreStays = true
                left.restores.insert(restore.id.uuid)
                left.objects.insert(.restore(scene.id, restore.id, .png))
            }
            guard scene.age < limit || restoreStays || stays.contains(true) else {
                left.expired.jobs += 1
                continue
            }
            left.jobs.insert(scene.id.uuid)
            left.objects.insert(.source(scene.id, .jpeg))
        }
        for stray in strays {
            let isForeign = stray.key.description.split(separator: "/").dropFirst().first
                .map { JobID(String($0)) == nil }
            if stray.age < Self.day || isForeign == true {
                left.objects.insert(stray.key)
            } else {
                left.orphans += 1
            }
        }
        return left
    }

    /// Objects of an animation that are there.
    func objects(of animation: Animation, in scene: Scene) -> [ObjectKey] {
        switch animation.kind {
        case .ready, .withoutRun: [.video(scene.id, animation.id), .poster(scene.id, animation.id)]
        case .readyInHD, .failedWithObjects:
            [
                .video(scene.id, animation.id), .poster(scene.id, animation.id), .hdVideo(scene.id, animation.id),
            ]
        case .running: [.video(scene.id, animation.id), .temporary(animation.id, epoch: 1, file: "part.mp4")]
        case .failed, .undoing: []
        }
    }

    // MARK: Making it

    func make(in world: CleanupWorld) async throws {
        world.objects.stock(
            scenes.flatMap { scene in
                [ShelfObjects.Item(.source(scene.id, .jpeg), date(scene.age))]
                    + scene.restores.map { ShelfObjects.Item(.restore(scene.id, $0.id, .png), date($0.age)) }
                    + scene.animations.flatMap { animation in
                        objects(of: animation, in: scene).map { ShelfObjects.Item($0, date(animation.age)) }
                    }
            } + strays.map { ShelfObjects.Item($0.key, date($0.age)) }
        )
        for start in stride(from: 0, to: scenes.count, by: 2_000) {
            let part = scenes[start..<min(start + 2_000, scenes.count)]
            let script = script(Array(part))
            try await world.database.write { try $0.run(script: script) }
        }
    }

    private func date(_ age: Double) -> Date { (now - age).roundedToMilliseconds }
    private func time(_ age: Double) -> String { "'\(SQLTimestamp.text(date(age)) ?? "")'" }

    private func script(_ scenes: [Scene]) -> String {
        let source = "'image/jpeg', 4, 3, 1, 1000, ''"
        var tables: [(head: String, rows: [String])] = [
            ("jobs (id, user_id, kind, on_failure, source_s3_key, \(Self.source), created_at)", []),
            ("restore_attempts (id, job_id, source_s3_key, \(Self.source), created_at)", []),
            (
                "animation_runs (id, job_id, user_id, request, source, on_failure, created_at, state, outcome, part, "
                    + "regenerations, tries, polls, version, lease_epoch, rung, parts, video)", []
            ),
            (
                "animation_attempts (id, job_id, restore_id, preview_s3_key, result_s3_key, thumb_s3_key, model, params, "
                    + "created_at)", []
            ), ("undo_records (id, animation_id, action, created_at, state, tries, wake_at)", []),
            ("callbacks (id, animation_id, user_id, url, state, tries, created_at)", []),
        ]
        for scene in scenes {
            let (job, made) = ("'\(scene.id)'", time(scene.age))
            tables[0].rows
                .append("\(job), 'ann', 'photo', 'keep', '\(ObjectKey.source(scene.id, .jpeg))', \(source), \(made)")
            for restore in scene.restores {
                let key = ObjectKey.restore(scene.id, restore.id, .png)
                tables[1].rows.append("'\(restore.id)', \(job), '\(key)', \(source), \(time(restore.age))")
            }
            for animation in scene.animations {
                let (id, kind, made) = ("'\(animation.id)'", animation.kind, time(animation.age))
                if kind != .withoutRun {
                    let state =
                        kind == .running ? "'finishing', NULL" : kind.isReady ? "'done', 'ready'" : "'done', 'failed'"
                    let video = kind.isReady ? #"'{"byte_count": 500, "poster_byte_count": 50}'"# : "NULL"
                    tables[2].rows
                        .append(
                            #"\#(id), \#(job), 'ann', '{"prompt": "my words", "seconds": 6}', '{}', 'keep', \#(made), \#(state), "#
                                + "0, 0, 0, 0, 7, 1, false, '[]', \(video)"
                        )
                    if Bool.random() {
                        tables[5].rows
                            .append(
                                "'\(UUID().uuidString.lowercased())', \(id), 'ann', 'https://example.com/my-hook', "
                                    + "'\(kind == .running ? "waiting" : "due")', 0, \(made)"
                            )
                    }
                }
                let preview =
                    kind.isReady
                    ? ObjectKey.video(scene.id, animation.id).description : kind == .running ? "pending" : "failed"
                let result = kind == .readyInHD ? "'\(ObjectKey.hdVideo(scene.id, animation.id))'" : "NULL"
                let poster = kind.isReady ? "'\(ObjectKey.poster(scene.id, animation.id))'" : "NULL"
                let restore = animation.restore.map { "'\(scene.restores[$0].id)'" } ?? "NULL"
                tables[3].rows
                    .append(
                        "\(id), \(job), \(restore), '\(preview)', \(result), \(poster), 'replicate_wan', '{}', \(made)"
                    )
                if kind == .undoing {
                    tables[4].rows
                        .append(
                            #"'\#(UUID().uuidString.lowercased())', \#(id), '{"do": "delete_input"}', \#(made), 'due', 1, \#(made)"#
                        )
                }
            }
        }
        return
            tables.flatMap { table in
                stride(from: 0, to: table.rows.count, by: 400)
                    .map { start in
                        let rows = table.rows[start..<min(start + 400, table.rows.count)].map { "(\($0))" }
                        return "INSERT INTO \(table.head) VALUES \(rows.joined(separator: ",\n"));"
                    }
            }
            .joined(separator: "\n")
    }

    private static let source =
        "source_content_type, source_width, source_height, source_orientation, source_byte_count, source_sha256"
}

extension SplitMix64 {
    /// A random identifier.
    mutating func uuid() -> UUID {
        let (high, low) = (next(), next())
        func byte(_ word: UInt64, _ place: Int) -> UInt8 { UInt8(truncatingIfNeeded: word >> (8 * UInt64(place))) }
        return UUID(
            uuid: (
                byte(high, 0), byte(high, 1), byte(high, 2), byte(high, 3), byte(high, 4), byte(high, 5), byte(high, 6),
                byte(high, 7), byte(low, 0), byte(low, 1), byte(low, 2), byte(low, 3), byte(low, 4), byte(low, 5),
                byte(low, 6), byte(low, 7)
            )
        )
    }
}
