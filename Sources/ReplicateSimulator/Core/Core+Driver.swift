import Synchronization

extension Core {
    /// Does what falls due, until the task is cancelled.
    ///
    /// With a manual clock that is only what is due at once; ``advance(by:)`` does the rest.
    func drive() async {
        await withDiscardingTaskGroup { group in
            while !Task.isCancelled {
                if case .scaled = clock.mode { clock.wake(through: clock.now) }
                let batches = takeDue()
                for batch in batches {
                    group.addTask {
                        await self.deliver(batch)
                        self.work.end()
                    }
                }
                let next = [clock.nextWake, withState { $0.world.nextDue }].compactMap(\.self).min()
                let seconds: Double? = if case .scaled = clock.mode { next.map(clock.realSeconds(until:)) } else { nil }
                // With a manual clock only what is due already matters here.
                let planned = clock.mode == .manual ? clock.now : next
                await clock.wakeUp.wait(planned: planned, realSeconds: seconds)
            }
        }
    }

    /// Deliveries that are due, those of one prediction together and in order; each batch is counted as work.
    private func takeDue() -> [Batch] {
        let (due, generation) = withState { ($0.world.takeDue(now: clock.now), $0.generation) }
        var order: [PendingDelivery.Sender] = []
        var bySender: [PendingDelivery.Sender: [PendingDelivery]] = [:]
        for delivery in due {
            if bySender[delivery.sender] == nil { order.append(delivery.sender) }
            bySender[delivery.sender, default: []].append(delivery)
        }
        return order.map { sender in
            work.begin()
            return Batch(deliveries: bySender[sender] ?? [], generation: generation)
        }
    }

    struct Batch: Sendable {
        let deliveries: [PendingDelivery]
        let generation: Int
    }

    private func deliver(_ batch: Batch) async {
        for delivery in batch.deliveries { await send(delivery, batch.generation) }
    }

    /// Moves a manual clock, stopping at every moment at which something happens, and returns when all of it is done.
    ///
    /// A scaled clock moves by itself; then this only waits that long.
    func advance(by duration: Duration) async {
        let target = clock.now + max(0, duration.seconds)
        guard clock.mode == .manual else {
            try? await clock.sleep(until: target)
            return
        }
        await work.waitUntilNone()
        while let next = [clock.nextWake, withState { $0.world.nextDue }].compactMap(\.self).min(), next <= target {
            clock.set(next)
            clock.wake(through: next)
            let batches = takeDue()
            await withDiscardingTaskGroup { group in
                for batch in batches {
                    group.addTask {
                        await self.deliver(batch)
                        self.work.end()
                    }
                }
            }
            await work.waitUntilNone()
        }
        clock.set(target)
        clock.wake(through: target)
    }
}
