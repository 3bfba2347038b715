import Glibc

/// Runs tasks on the thread that calls it, one job after the other, in an order that a seed decides.
///
/// Tasks run here when they were started with it as their preference; their child tasks and the non-isolated functions
/// they call follow. There is no other thread and no time: when no job is left, everything waits for somebody outside.
package final class SeededExecutor: TaskExecutor, @unchecked Sendable {
    // Only one thread touches what is in here, which every call checks.
    private var jobs: [UnownedJob] = []
    private var generator: SplitMix64
    private let thread = pthread_self()

    package init(seed: UInt64) {
        generator = SplitMix64(seed: seed)
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        precondition(pthread_equal(thread, pthread_self()) != 0, "a job left the simulation's thread")
        jobs.append(UnownedJob(job))
    }

    /// Runs jobs until none is left or `isEnough` says so.
    package func run(until isEnough: () -> Bool = { false }) {
        while !jobs.isEmpty, !isEnough() {
            let chosen = jobs.count == 1 ? 0 : Int(generator.next() % UInt64(jobs.count))
            jobs.swapAt(chosen, jobs.count - 1)
            jobs.removeLast().runSynchronously(on: asUnownedTaskExecutor())
        }
    }
}
