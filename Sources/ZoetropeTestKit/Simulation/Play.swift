import Foundation
import Logging
import StrictJSON
import ZoetropeCore
import ZoetropeWorkflow

/// The plot of one simulation: who takes part, and what befalls them.
final class Play: @unchecked Sendable {
    // Only the thread of the simulation's executor touches what is in here.
    let world: World
    private var store: (any RunStore)?
    private var tasks: [Task<Void, Never>] = []
    /// The process that takes orders, and the services it is made of.
    private(set) var api: (process: SimulatedProcess, service: AnimationService)?
    private var apiCount = 0
    private var settings: [WorkerSettings] = []
    private let chance: Chance
    private let words: Words
    private var ringCount = 0
    /// By prediction, when what was rung for last had happened.
    private var lastRung: [String: Int64] = [:]

    init(_ world: World) {
        self.world = world
        words = Words(seed: world.dice.next())
        chance = Chance { [words] in words.next() }
    }

    func run(on store: any RunStore) async throws {
        self.store = store
        if world.mutant == .losesCommits { (store as? MemoryRunStore)?.prepareToForget() }
        script()
        world.onDeath = { [self] process in
            if world.mutant == .losesSentMark { unmark(process) }
            let wait = world.simulation.story == .everyPoint ? 1 : world.dice.skewed(0.5...120)
            world.time.at(world.time.nanoseconds + .seconds(wait)) { [self] in replace(process) }
        }
        startAPI()
        for index in settings.indices { start(worker: index) }
        let client = SimulatedClient(world: world, chance: chance) { [self] in api }
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
            try await world.time.sleep(for: .seconds(60))
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
        for provider in world.providers { provider.ring = { _, _, _ in } }
        for task in tasks { task.cancel() }
        for process in world.fleet { process.finish() }
        api?.process.finish()
        world.time.finish()
    }

    // MARK: Who takes part

    private func environment(_ process: SimulatedProcess, _ store: any RunStore) -> WorkerEnvironment {
        let world = world
        return WorkerEnvironment(
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
            alert: { world.alerts[$0.code, default: 0] += 1 },
            reached: { await world.reached($0, process) },
            executor: world.executor
        )
    }

    private func startAPI() {
        guard !world.isOver, let store else { return }
        apiCount += 1
        let process = SimulatedProcess(name: "api#\(apiCount)", number: 1_000 + apiCount)
        world.note(850, "\(process.name) starts")
        let world = world
        let service = AnimationService(
            environment(process, store),
            catalogue: ModelCatalogue.builtIn.with(Self.cog),
            policy: world.policy,
            hasProvider: true,
            reduce: { file, limits, target in
                guard world.files.read(file) != nil else { throw StorageError(.missing, "there is no \(file)") }
                world.files.write(world.dice.next(), to: target)
                return try StillImage(parsing: SimulatedClient.photo, limits: limits).header
            }
        )
        api = (process, service)
    }

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
        var settings = settings[index]
        settings.owner = process.name
        var gates = GatePolicy()
        // Else the breaker would stop what this story is about.
        if world.simulation.story != .seeded { gates.failuresToClose = .max }
        let worker = Worker(environment(process, store), settings: settings, policy: world.policy, gates: gates)
        let task = Task(executorPreference: world.executor) { [world] in
            await worker.run()
            await process.gate()
            guard !world.isOver else { return }
            world.note(700 + number, "\(process.name) has ended")
            process.finish()
            world.onDeath(process)
        }
        tasks.append(task)
        process.stop = { task.cancel() }
    }

    private func replace(_ process: SimulatedProcess) {
        if api?.process === process { return startAPI() }
        start(worker: settings.firstIndex { process.name.hasPrefix("\($0.owner)#") } ?? 0)
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
        policy()
        workers()
        switch world.simulation.story {
        case .everyPoint: return everyPoint()
        case .answersDropped: return answersDropped()
        case .seeded: casting()
        }
        guard !world.simulation.isCalm else { return }
        var events: [SimulatedFault.Kind] = []
        events += Array(repeating: .killsOne, count: world.dice.pick([0, 0, 1, 3]))
        events += Array(repeating: .freezesOne, count: world.dice.pick([0, 0, 1, 2]))
        events += Array(repeating: .stopsOne, count: world.dice.pick([0, 0, 1]))
        events += Array(repeating: .databaseDown, count: world.dice.pick([0, 0, 1, 2]))
        events += Array(repeating: .providerDown, count: world.dice.pick([0, 0, 0, 1]))
        events += Array(repeating: .objectsDown, count: world.dice.pick([0, 0, 0, 1]))
        for (index, kind) in events.enumerated() {
            let time = world.dice.skewed(0...world.weather.calmAfter)
            world.time.at(.seconds(time)) { [self] in befall(index + 1, kind) }
        }
        if world.dice.chance(0.6) {
            world.ambush = (
                world.dice.pick(CrashPoint.ofRuns), world.dice.pick(1...4), freezes: world.dice.chance(0.4)
            )
        }
    }

    private func befall(_ number: Int, _ kind: SimulatedFault.Kind) {
        world.note(600, "something befalls")
        guard world.strikes(.event, number, kind) else { return }
        var dice = world.faultDice(.event, number)
        let now = world.time.nanoseconds
        let running = world.fleet.filter { $0.state == .running }
        switch kind {
        case .killsOne:
            let alive = world.fleet.filter { $0.state == .running || $0.state == .frozen }
            if !alive.isEmpty { world.kill(dice.pick(alive)) }
        case .freezesOne:
            if !running.isEmpty { world.freeze(dice.pick(running), for: dice.skewed(1...2_400)) }
        case .stopsOne:
            guard !running.isEmpty else { return }
            let chosen = dice.pick(running)
            if world.judge.isBusy(chosen) { world.cover(.workerStops) }
            chosen.stop()
        case .databaseDown:
            if world.mutant == .losesCommits { (store as? MemoryRunStore)?.forgetLastCommit() }
            world.downUntil.database = now + .seconds(dice.skewed(0.1...90))
        case .providerDown: world.downUntil.provider = now + .seconds(dice.skewed(1...1_200))
        case .objectsDown: world.downUntil.objects = now + .seconds(dice.skewed(1...4_000))
        default: break
        }
    }

    private func policy() {
        if world.dice.chance(0.25) { world.policy.ambiguousCreate = .resendIfAbsent }
        if let policy = world.simulation.ambiguousCreate { world.policy.ambiguousCreate = policy }
        if world.dice.chance(0.1) { world.dailyBudget = MicroUSD(Int64(world.dice.pick(1...4)) * 500_000) }
        if world.simulation.story != .seeded || world.simulation.isObedient { world.dailyBudget = nil }
        if world.mutant == .resendsAtOnce {
            world.policy.lookWaits = []
            world.policy.ambiguousCreate = .resendIfAbsent
        }
        if world.mutant == .stopsWatching { world.policy.watch.length = .seconds(0) }
        let isSeeded = world.simulation.story == .seeded
        let replicate = ProviderTraits(
            provider: .replicate,
            isIdempotentByTag: false,
            wantsInput: true,
            submitTimeout: .seconds(60),
            createsPerMinute: isSeeded ? world.dice.pick([6, 600, 600]) : 600,
            readsPerMinute: isSeeded ? world.dice.pick([30, 3_000, 3_000]) : 3_000
        )
        for traits in [replicate, .idempotent(.cog), .idempotent(.local)] {
            let provider = ProviderWorld(traits, world, clockAhead: world.dice.within(-200...200))
            provider.ring = { [self] prediction, happenedAt, tag in
                ring(traits.provider, prediction, happenedAt, tag)
            }
            world.providers.append(provider)
        }
    }

    private func workers() {
        let count = world.simulation.story == .seeded ? world.dice.pick(1...3) : 2
        for index in 0..<count {
            var worker = WorkerSettings(owner: "w\(index)")
            worker.idle = .seconds(world.dice.pick([30, 60, 300]))
            worker.batch = world.dice.pick([1, 3, 200])
            worker.light = world.dice.pick([1, 8, 64])
            if world.simulation.story != .seeded {
                (worker.idle, worker.batch, worker.light) = (.seconds(10), 200, 64)
            }
            worker.dailyBudget = world.dailyBudget
            settings.append(worker)
        }
    }

    private func casting() {
        for number in 0..<world.dice.pick([1, 1, 2, 3]) {
            let job = JobPlan(number: number, kind: world.dice.chance(0.5) ? .scene : .photo)
            job.startsAfter = world.dice.skewed(0...300)
            job.wantsRestore = world.dice.chance(0.3)
            for _ in 0..<world.dice.pick([1, 1, 2, 3]) {
                let (model, isLong) = model()
                let order = Order(job: job, model: model, seconds: isLong ? model.paidDurations.first : nil)
                order.startsAfter = world.dice.skewed(0...300)
                order.cancelsAfter = world.dice.chance(0.25) ? world.dice.skewed(0...900) : nil
                order.cancelsInWork = order.cancelsAfter == nil && world.dice.chance(0.1)
                if world.simulation.isObedient { (order.cancelsAfter, order.cancelsInWork) = (nil, false) }
                order.usesRestore = job.wantsRestore && world.dice.chance(0.5)
                add(order)
            }
            world.jobs.append(job)
        }
    }

    private func add(_ order: Order) {
        order.job.orders.append(order)
        world.orders.append(order)
    }

    private static let cog = VideoModel(alias: "cog", provider: .cog, durations: [5])

    private func model() -> (VideoModel, isLong: Bool) {
        let catalogue = ModelCatalogue.builtIn
        let model =
            switch world.dice.pick(0...10) {
            case 0, 1: Self.cog
            case 2: catalogue.named("local")
            case 3, 4, 5: catalogue.named("replicate_wan")
            default: catalogue.named("replicate_video_01_live")
            }
        return (model ?? Self.cog, world.dice.chance(0.3))
    }

    // MARK: Staged stories

    /// Two rounds of an order that succeeds, one that is cancelled and one whose scene is rolled back, and each time a
    /// worker is asked to stop.
    private func everyPoint() {
        guard let model = ModelCatalogue.builtIn.named("replicate_video_01_live") else { return }
        world.weather.webhooks = 1
        world.weather.calmAfter = 900
        let good = Generations(starts: 5, takes: 20, end: .succeeds(.good))
        let long = Generations(starts: 5, takes: 500, end: .succeeds(.good))
        let bad = Generations(
            starts: 5,
            takes: 20,
            end: .fails(.init(code: .contentRejected, detail: "flagged", retries: 0, retryDelay: .zero))
        )
        for round in 0..<2 {
            let start = Double(round) * 400
            for (kind, generations, cancelsAfter) in [
                (JobKind.photo, good, nil), (.photo, long, 40.0), (.scene, bad, nil),
            ] {
                let job = JobPlan(number: world.jobs.count, kind: kind)
                job.startsAfter = start
                let order = Order(job: job, model: model, seconds: nil)
                order.cancelsAfter = cancelsAfter
                order.generations = generations
                add(order)
                world.jobs.append(job)
            }
            world.time.at(.seconds(start + 200)) { [self] in
                world.fleet.first { $0.state == .running }?.stop()
            }
        }
    }

    private func answersDropped() {
        guard case .answersDropped(let lag) = world.simulation.story,
            let model = ModelCatalogue.builtIn.named("replicate_video_01_live")
        else { return }
        world.weather.webhooks = 0
        world.weather.calmAfter = 9_000
        for number in 0..<25 {
            let job = JobPlan(number: number, kind: .photo)
            job.startsAfter = world.dice.within(0...600)
            for _ in 0..<4 {
                let order = Order(job: job, model: model, seconds: nil)
                order.startsAfter = world.dice.within(0...600)
                order.generations = Generations(
                    starts: world.dice.within(0...20),
                    takes: world.dice.within(20...120),
                    end: .succeeds(.good),
                    hidden: world.dice.within(lag)
                )
                add(order)
            }
            world.jobs.append(job)
        }
    }

    // MARK: Webhooks

    /// Something happened to a prediction: the provider tells, or does not.
    private func ring(_ provider: VideoModel.Provider, _ prediction: String, _ happenedAt: Int64, _ tag: String) {
        let forced = world.simulation.webhooks
        guard forced != Simulation.Webhooks.none, forced != nil || world.weather.webhooks > 0 else { return }
        ringCount += 1
        let number = ringCount
        var dice = world.faultDice(.webhook, number)
        let isCalm = forced == .perfect || (forced == nil && world.isCalm)
        let weather = world.weather
        func strikes(_ chance: Double, _ kind: SimulatedFault.Kind) -> Bool {
            let isHit = dice.chance(forced == .mangled ? 0.3 : chance)
            return isHit && !isCalm && world.strikes(.webhook, number, kind)
        }
        if strikes(weather.loseWebhook, .isLost) { return world.cover(.webhookLost) }
        let isDouble = strikes(weather.doubleWebhook, .comesTwice)
        if isDouble { world.cover(.webhookTwice) }
        if strikes(weather.foreignWebhook, .isForeign) {
            world.cover(.webhookForeign)
            let others = world.providers.flatMap(\.predictions).map(\.tag).filter { $0 != tag }
            let foreign = others.isEmpty ? "nobodysnobodysnobodysnobod" : dice.pick(others)
            deliver("\(prediction)-\(happenedAt)-foreign", prediction, happenedAt, foreign, provider, after: 0.1)
        }
        for _ in 0..<(isDouble ? 2 : 1) {
            deliver(
                "\(prediction)-\(happenedAt)",
                prediction,
                happenedAt,
                tag,
                provider,
                after: isCalm ? 0.1 : world.dice.skewed(0.05...60)
            )
        }
    }

    private func deliver(
        _ id: String,
        _ prediction: String,
        _ happenedAt: Int64,
        _ tag: String,
        _ provider: VideoModel.Provider,
        after wait: Double
    ) {
        let task = Task(executorPreference: world.executor) { [self] in
            await world.time.pause(for: .seconds(wait))
            if let last = lastRung[prediction], last > happenedAt { world.cover(.webhookLate) }
            lastRung[prediction] = max(happenedAt, lastRung[prediction] ?? 0)
            for _ in 0..<5 where !world.isOver {
                if let (process, service) = api {
                    let outcome = await process.answer(on: world.executor) {
                        try? await service.receive(id, tag: tag, from: provider)
                    }
                    if let outcome = outcome ?? nil {
                        return world.note(1_700, "webhook \(id): \(outcome)")
                    }
                    world.cover(.inboxFails)
                }
                await world.time.pause(for: .seconds(10))
            }
        }
        tasks.append(task)
    }
}

extension ModelCatalogue {
    fileprivate func with(_ model: VideoModel) -> ModelCatalogue { ModelCatalogue(models + [model]) }
}

extension ProviderTraits {
    fileprivate static func idempotent(_ provider: VideoModel.Provider) -> ProviderTraits {
        ProviderTraits(
            provider: provider,
            isIdempotentByTag: true,
            wantsInput: false,
            submitTimeout: .seconds(60),
            createsPerMinute: nil,
            readsPerMinute: nil
        )
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
