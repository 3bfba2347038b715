import Foundation
import Logging
import ZoetropeCore
import ZoetropeWorkflow

/// The plot of one simulation: who takes part, and what befalls them.
final class Play: @unchecked Sendable {
    // Only the thread of the simulation's executor touches what is in here.
    private let world: World
    private var store: (any RunStore)?
    private var tasks: [Task<Void, Never>] = []
    private let api: SimulatedProcess
    private var settings: [WorkerSettings] = []
    private let chance: Chance
    private let words: Words

    init(_ world: World) {
        self.world = world
        api = SimulatedProcess(name: "api", number: 0)
        words = Words(seed: world.dice.next())
        chance = Chance { [words] in words.next() }
    }

    func run(on store: any RunStore) async throws {
        self.store = store
        script()
        world.onDeath = { [self] process in
            if world.mutant == .losesSentMark { unmark(process) }
            let wait = Int64.seconds(world.dice.skewed(0.5...120))
            world.time.at(world.time.nanoseconds + wait) { [self] in start(like: process) }
        }
        for index in settings.indices { start(worker: index) }
        let client = SimulatedClient(
            world: world,
            store: SimulatedRunStore(inner: store, world: world, process: api),
            machine: RunMachine(policy: world.policy, traits: world.providers.map(\.traits), chance: chance),
            chance: chance
        )
        for job in world.jobs {
            tasks.append(Task(executorPreference: world.executor) { await client.run(job) })
        }
        try await untilQuiet(store)
        if world.judge.violations.isEmpty { try await world.judge.verdict(store) }
    }

    /// Waits until everybody has what they wanted and nothing is left to do.
    private func untilQuiet(_ store: any RunStore) async throws {
        let calm = Int64.seconds(world.weather.calmAfter)
        while true {
            try await world.time.sleep(for: .seconds(240))
            guard world.judge.violations.isEmpty else { return }
            let now = world.time.nanoseconds
            guard now >= calm else { continue }
            let runs = try await store.runs(in: nil, limit: 10_000)
            let isLate = now > calm + .seconds(3 * 3_600)
            if isLate, let run = runs.first(where: { $0.outcome == nil }) {
                return world.judge.fail("I14", "run \(run.id) is \(run.state) three hours after the storm")
            }
            let isQuiet = runs.allSatisfy { $0.state == .done && $0.wakeAt == nil && $0.lease.owner == nil }
            let isStill = world.providers.allSatisfy { provider in
                provider.predictions.allSatisfy { $0.state(at: now).isTerminal }
            }
            if isQuiet, isStill, world.orders.allSatisfy(\.isOver) { return }
            // The verdict says what is left.
            if now > calm + .seconds(12 * 3_600) { return }
        }
    }

    /// Ends everything, whatever it waits for.
    func finish() {
        world.isOver = true
        world.onDeath = { _ in }
        for provider in world.providers { provider.ring = { _, _ in } }
        for task in tasks { task.cancel() }
        for process in world.fleet { process.finish() }
        api.finish()
        world.time.finish()
    }

    // MARK: Who takes part

    private func start(worker index: Int) {
        guard !world.isOver, let store else { return }
        let number = world.fleet.count + 1
        let process = SimulatedProcess(
            name: "\(settings[index].owner)#\(number)",
            number: number,
            clockAhead: .seconds(world.dice.within(0...100_000)),
            clockRate: 1 + world.dice.within(-0.000_2...0.000_2)
        )
        world.note(800 + number, "\(process.name) starts")
        world.fleet.append(process)
        let world = world
        let environment = WorkerEnvironment(
            store: SimulatedRunStore(inner: store, world: world, process: process),
            objects: SimulatedObjectStore(world: world, process: process),
            media: SimulatedMedia(world: world, process: process),
            scratch: SimulatedScratch(world: world, process: process),
            providers: world.providers.map { SimulatedProvider(ledger: $0, world: world, process: process) },
            time: EngineTime(
                sleep: { try await process.sleep($0, world.time) },
                uptime: { process.uptime(world.time) }
            ),
            chance: chance,
            logger: Logger(label: "") { _ in SwiftLogNoOpLogHandler() },
            reached: { await world.reached($0, process) },
            executor: world.executor
        )
        var settings = settings[index]
        settings.owner = process.name
        let worker = Worker(environment, settings: settings, policy: world.policy)
        let task = Task(executorPreference: world.executor) {
            await worker.run()
            await process.gate()
            guard !world.isOver else { return }
            world.note(700 + number, "\(process.name) has ended")
            process.finish()
            world.onDeath(process)
        }
        tasks.append(task)
        // Some are asked to stop, as an update does.
        if !world.isCalm, world.dice.chance(0.1) {
            let wait = Int64.seconds(world.dice.within(10...2_000))
            world.time.at(world.time.nanoseconds + wait) { if !world.isCalm { task.cancel() } }
        }
    }

    private func start(like process: SimulatedProcess) {
        let index = settings.firstIndex { process.name.hasPrefix($0.owner) } ?? 0
        start(worker: index)
    }

    /// Planted: what the dying process had marked as sent is as if it had never been.
    private func unmark(_ process: SimulatedProcess) {
        guard let store else { return }
        let judge = world.judge
        let task = Task(executorPreference: world.executor) {
            for run in (try? await store.runs(in: .submitting, limit: 1_000)) ?? []
            where run.lease.owner == process.name && run.openIntent?.state == .sent {
                let changed = try? await store.amend(run.id) { run, _ in
                    guard var intent = run.openIntent else { return nil }
                    intent.state = .intended
                    intent.sentAt = nil
                    intent.wakeAt = nil
                    var change = RunChange(run: run, epoch: run.lease.epoch, releasesLease: true)
                    change.run.intents = run.intents.map { $0.id == intent.id ? intent : $0 }
                    change.intents = [intent]
                    return change
                }
                if let changed { judge.observe(changed) }
            }
        }
        tasks.append(task)
    }

    // MARK: What befalls them

    private func script() {
        let weather = world.weather
        let isCalm = weather.kill == 0 && weather.fails.allSatisfy { $0 == 0 }
        policy()
        for index in 0..<world.dice.pick(1...3) {
            var worker = WorkerSettings(owner: "w\(index)")
            worker.idle = .seconds(world.dice.pick([10, 60, 300]))
            worker.batch = world.dice.pick([1, 3, 200])
            worker.light = world.dice.pick([1, 8, 64])
            worker.dailyBudget = world.dailyBudget
            settings.append(worker)
        }
        casting()
        guard !isCalm else { return }
        for _ in 0..<world.dice.pick([0, 0, 1, 3]) { sometime { $0.killOne() } }
        for _ in 0..<world.dice.pick([0, 0, 1, 2]) { sometime { $0.freezeOne() } }
        for _ in 0..<world.dice.pick([0, 0, 1, 2]) {
            let length = Int64.seconds(world.dice.skewed(0.1...90))
            sometime { $0.world.downUntil.database = $0.world.time.nanoseconds + length }
        }
        for _ in 0..<world.dice.pick([0, 0, 0, 1]) {
            let length = Int64.seconds(world.dice.skewed(1...1_200))
            sometime { $0.world.downUntil.provider = $0.world.time.nanoseconds + length }
        }
        for _ in 0..<world.dice.pick([0, 0, 0, 1]) {
            let length = Int64.seconds(world.dice.skewed(1...4_000))
            sometime { $0.world.downUntil.objects = $0.world.time.nanoseconds + length }
        }
        if world.dice.chance(0.6) {
            world.ambush = (world.dice.pick(CrashPoint.allCases), world.dice.pick(1...4))
        }
    }

    private func sometime(_ event: @escaping (Play) -> Void) {
        let time = world.dice.skewed(0...world.weather.calmAfter)
        world.time.at(.seconds(time)) { [self] in
            world.note(600, "something befalls")
            event(self)
        }
    }

    private func killOne() {
        let alive = world.fleet.filter { $0.state == .running || $0.state == .frozen }
        if !alive.isEmpty { world.kill(world.dice.pick(alive)) }
    }

    private func freezeOne() {
        let alive = world.fleet.filter { $0.state == .running }
        if !alive.isEmpty { world.freeze(world.dice.pick(alive)) }
    }

    private func policy() {
        if world.dice.chance(0.25) { world.policy.ambiguousCreate = .resendIfAbsent }
        if world.dice.chance(0.1) { world.dailyBudget = MicroUSD(Int64(world.dice.pick(1...4)) * 500_000) }
        let replicate = ProviderTraits(
            provider: .replicate,
            isIdempotentByTag: false,
            wantsInput: true,
            submitTimeout: .seconds(60),
            createsPerMinute: world.dice.pick([6, 600, 600]),
            readsPerMinute: world.dice.pick([30, 3_000, 3_000])
        )
        let cog = ProviderTraits(
            provider: .cog,
            isIdempotentByTag: true,
            wantsInput: false,
            submitTimeout: .seconds(60),
            createsPerMinute: nil,
            readsPerMinute: nil
        )
        for traits in [replicate, cog] {
            let provider = ProviderWorld(traits, world, clockAhead: world.dice.within(-200...200))
            provider.ring = { [self] id, tag in ring(traits.provider, id, tag) }
            world.providers.append(provider)
        }
    }

    private func casting() {
        for number in 0..<world.dice.pick([1, 1, 2, 3]) {
            let kind: JobKind = world.dice.chance(0.5) ? .scene : .photo
            let id = JobID(chance.uuid())
            let key = ObjectKey.source(id, .jpeg)
            let facts = world.objects.put(world.dice.next(), at: key, contentType: "image/jpeg", by: nil)
            let source = SourceImage(
                key: key,
                contentType: "image/jpeg",
                size: FrameSize(width: 1280, height: 720),
                byteCount: Int(facts.byteCount),
                sha256: facts.sha256
            )
            let job = JobPlan(id: id, kind: kind, source: source)
            for animation in 0..<world.dice.pick([1, 1, 2, 3]) {
                guard let request = request() else { continue }
                let order = Order(
                    job: job,
                    request: request,
                    key: "order-\(number)-\(animation)",
                    startsAfter: world.dice.skewed(0...300),
                    cancelsAfter: world.dice.chance(0.25) ? world.dice.skewed(0...900) : nil
                )
                job.orders.append(order)
                world.orders.append(order)
            }
            world.jobs.append(job)
        }
    }

    private func request() -> AnimationRequest? {
        let cog = VideoModel(alias: "cog", provider: .cog, durations: [5])
        let model: VideoModel? =
            switch world.dice.pick(0...9) {
            case 0, 1: cog
            case 2, 3, 4: ModelCatalogue.builtIn.named("replicate_wan")
            default: ModelCatalogue.builtIn.named("replicate_video_01_live")
            }
        guard let model else { return nil }
        let isLong = !model.paidDurations.isEmpty && world.dice.chance(0.3)
        return try? AnimationRequest(
            model: model,
            seconds: isLong ? model.paidDurations[0] : nil,
            tier: .paid,
            prompt: "a calm sea"
        )
    }

    // MARK: Webhooks

    private func ring(_ provider: VideoModel.Provider, _ id: String, _ tag: String) {
        guard world.weather.webhooks > 0, let store else { return }
        if !world.isCalm, world.dice.chance(world.weather.loseWebhook) { return }
        let door = SimulatedRunStore(inner: store, world: world, process: api)
        let times = world.dice.chance(0.2) ? 2 : 1
        let tag = world.dice.chance(0.05) ? "nobodysnobodysnobodysnobod" : tag
        for _ in 0..<times {
            let wait = Int64.seconds(world.dice.skewed(0.05...60))
            let world = world
            tasks.append(
                Task(executorPreference: world.executor) {
                    await world.time.pause(for: wait)
                    let webhook = ReceivedWebhook(id: id, provider: provider, tag: tag, receivedAt: world.now)
                    for _ in 0..<5 where !world.isOver {
                        if let outcome = try? await door.receive(webhook) {
                            world.note(1_700, "webhook \(id): \(outcome)")
                            return
                        }
                        await world.time.pause(for: .seconds(10))
                    }
                }
            )
        }
    }
}

/// The engine's random words, from a seed.
private final class Words: @unchecked Sendable {
    // Only the thread of the simulation's executor touches what is in here.
    private var generator: SplitMix64

    init(seed: UInt64) {
        generator = SplitMix64(seed: seed)
    }

    func next() -> UInt64 { generator.next() }
}
