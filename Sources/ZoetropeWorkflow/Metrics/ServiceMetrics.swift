package import Foundation
import Synchronization
package import ZoetropeCore

/// What this process counts; read at `/metrics`.
///
/// Values of labels are routes, steps, states and outcomes, never ids. What the database knows of the whole service is
/// read when somebody looks, see ``note(_:)``.
package final class ServiceMetrics: Sendable {
    package enum ProviderCall: String, Sendable, CaseIterable {
        case prepare, submit, find, status, cancel, fetch, remove, list
    }

    private let registry = MetricRegistry()
    private let requests: Counter
    private let requestDuration: Histogram
    private let eventStreams: Gauge
    private let runs: Gauge
    private let outcomes: Counter
    private let withdrawals: Counter
    private let steps: Histogram
    private let providerCalls: Counter
    private let playable: Histogram
    private let spent: Gauge
    private let queueAge: Gauge
    private let callbacks: Gauge
    private let callbackTries: Counter
    private let pendingDeletions: Gauge
    private let deletions: Counter
    private let cleanupFinished: Gauge
    private let cleanupDuration: Gauge
    private let cleanupHeld: Gauge
    private let objectsMissing: Gauge
    private let alerts: Counter
    private let dependencies: Gauge
    private let residentMemory: Gauge
    private let openFiles: Gauge

    /// `version` is the program's; `startedAt` when the process began.
    package init(version: String, startedAt: Date) {
        let methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]
        let providers = VideoModel.Provider.allCases.map(\.rawValue)
        requests = registry.counter(
            "zoetrope_http_requests_total",
            "HTTP requests that were answered, by method, route and status.",
            labels: [MetricLabel("method", known: methods), MetricLabel("route"), MetricLabel("status")]
        )
        requestDuration = registry.histogram(
            "zoetrope_http_request_duration_seconds",
            "Time from a request's head to the beginning of its answer.",
            labels: [MetricLabel("route")],
            bounds: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
        )
        eventStreams = registry.gauge(
            "zoetrope_http_event_streams",
            "Open streams of server-sent events."
        )
        runs = registry.gauge(
            "zoetrope_runs",
            "Runs that still want attention, by state; of the whole service, from the database.",
            labels: [MetricLabel("state")]
        )
        outcomes = registry.counter(
            "zoetrope_run_outcomes_total",
            "Animations that came to their end, by outcome and failure code.",
            labels: [MetricLabel("outcome"), MetricLabel("code")]
        )
        withdrawals = registry.counter(
            "zoetrope_videos_withdrawn_total",
            "Published videos that were withdrawn because they could not be decoded; they are made anew."
        )
        steps = registry.histogram(
            "zoetrope_step_duration_seconds",
            "Time that steps of runs took; a poll is one look at many runs.",
            labels: [MetricLabel("step"), MetricLabel("outcome")],
            bounds: [0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300]
        )
        providerCalls = registry.counter(
            "zoetrope_provider_calls_total",
            "Calls to providers, by call and outcome; a status call may ask for many predictions.",
            labels: [
                MetricLabel("provider", known: providers),
                MetricLabel("call", known: ProviderCall.allCases.map(\.rawValue)),
                MetricLabel("outcome"),
            ]
        )
        playable = registry.histogram(
            "zoetrope_provider_done_to_playable_seconds",
            "Time from the provider's end of a generation to a playable video.",
            bounds: [0.25, 0.5, 1, 2, 3, 5, 8, 13, 20, 30, 60, 120, 300, 600]
        )
        spent = registry.gauge(
            "zoetrope_spend_usd_today",
            "US dollars booked and reserved in this UTC day; of the whole service, from the database."
        )
        queueAge = registry.gauge(
            "zoetrope_queue_age_seconds",
            "How long the run that waits longest has been due; of the whole service, from the database."
        )
        callbacks = registry.gauge(
            "zoetrope_callbacks",
            "Callbacks by state; of the whole service, from the database.",
            labels: [MetricLabel("state")]
        )
        callbackTries = registry.counter(
            "zoetrope_callback_tries_total",
            "Tries to deliver a callback, by outcome.",
            labels: [MetricLabel("outcome")]
        )
        pendingDeletions = registry.gauge(
            "zoetrope_object_deletions_pending",
            "Objects that are still to be deleted; of the whole service, from the database."
        )
        deletions = registry.counter(
            "zoetrope_cleanup_deleted_total",
            "What the clean-up has deleted, and objects of what callers have deleted, by kind.",
            labels: [MetricLabel("kind")]
        )
        cleanupFinished = registry.gauge(
            "zoetrope_cleanup_last_finished_timestamp_seconds",
            "When the clean-up last came to its end, in seconds since 1970; of the whole service, from the database."
        )
        cleanupDuration = registry.gauge(
            "zoetrope_cleanup_last_duration_seconds",
            "How long that clean-up took; of the whole service, from the database."
        )
        cleanupHeld = registry.gauge(
            "zoetrope_cleanup_held",
            "1 while something is not deleted until an operator confirms it; of the whole service, from the database."
        )
        objectsMissing = registry.gauge(
            "zoetrope_cleanup_objects_missing",
            "Objects that callers are told of and that the last clean-up did not find; of the whole service, from the database."
        )
        alerts = registry.counter(
            "zoetrope_alerts_total",
            "Alerts that were raised, by code, whether or not they were sent.",
            labels: [MetricLabel("code")]
        )
        dependencies = registry.gauge(
            "zoetrope_dependency_up",
            "Whether the database and the object store answered when they were last asked.",
            labels: [MetricLabel("dependency")]
        )
        residentMemory = registry.gauge(
            "process_resident_memory_bytes",
            "Resident memory of this process."
        )
        openFiles = registry.gauge("process_open_fds", "Open file descriptors of this process.")
        registry.gauge("process_start_time_seconds", "When this process began, in seconds since 1970.")
            .set(startedAt.timeIntervalSince1970)
        registry.gauge(
            "zoetrope_build_info",
            "The program's version; always 1.",
            labels: [MetricLabel("version")]
        )
        .set(1, version)
        eventStreams.set(0)
        withdrawals.add(0)
    }

    // MARK: Counting

    /// `route` is a pattern of ours, nil where none fits.
    package func request(method: String, route: String?, status: Int, took: Duration) {
        let route = route ?? "unmatched"
        requests.add(1, method, route, String(status))
        requestDuration.observe(took / .seconds(1), route)
    }

    package func eventStream(isOpen: Bool) {
        eventStreams.add(isOpen ? 1 : -1)
    }

    /// A run is at its end.
    package func ended(_ run: Run) {
        guard let outcome = run.outcome else { return }
        outcomes.add(1, outcome.rawValue, run.failure?.code.rawValue ?? "")
        if outcome == .ready, let doneAt = run.providerDoneAt, let playableAt = run.playableAt {
            playable.observe(max(0, playableAt.timeIntervalSince(doneAt)))
        }
    }

    /// What a run had published was taken back.
    package func withdrawn() {
        withdrawals.add(1)
    }

    func step(_ name: String, _ outcome: StepOutcome, took: Duration) {
        steps.observe(took / .seconds(1), name, outcome.rawValue)
    }

    /// A part of a step that came to its end; `name` begins with the step's.
    package func part(_ name: String, took: Duration) {
        step(name, .done, took: took)
    }

    /// `outcome` is a ``ProviderError/Kind`` or one of a few words.
    package func providerCall(
        _ provider: VideoModel.Provider,
        _ call: ProviderCall,
        _ outcome: String
    ) {
        providerCalls.add(1, provider.rawValue, call.rawValue, outcome)
    }

    package func callbackTry(_ answer: CallbackAnswer) {
        switch answer {
        case .delivered: callbackTries.add(1, "delivered")
        case .gone: callbackTries.add(1, "gone")
        case .failed: callbackTries.add(1, "failed")
        }
    }

    /// `kind` is a few words of our own.
    package func cleanedUp(_ kind: String, _ count: Int) {
        if count > 0 { deletions.add(Double(count), kind) }
    }

    package func alert(_ code: String) {
        alerts.add(1, code)
    }

    package func dependency(_ name: String, isUp: Bool) {
        dependencies.set(isUp ? 1 : 0, name)
    }

    // MARK: Reading

    /// Takes what the database says of the whole service; nil when it says nothing: then these numbers are left out.
    package func note(_ overview: Overview?) {
        guard let overview else {
            for gauge in [
                runs, callbacks, spent, queueAge, pendingDeletions, cleanupFinished, cleanupDuration, cleanupHeld,
                objectsMissing,
            ] { gauge.clear() }
            return
        }
        for state in RunState.allCases { runs.set(Double(overview.runs[state] ?? 0), state.rawValue) }
        for state in Callback.State.allCases where state != .void {
            callbacks.set(Double(overview.callbacks[state] ?? 0), state.rawValue)
        }
        spent.set(overview.spentToday.usd)
        queueAge.set(overview.oldestDue.map { max(0, overview.now.timeIntervalSince($0)) } ?? 0)
        pendingDeletions.set(Double(overview.deletions))
        let report = overview.cleanup?.report
        cleanupHeld.set(overview.cleanup?.heldReason == nil && report?.refusal == nil ? 0 : 1)
        objectsMissing.set(Double(report?.missing ?? 0))
        if let finishedAt = overview.cleanup?.lastFinishedAt {
            cleanupFinished.set(finishedAt.timeIntervalSince1970)
            cleanupDuration.set(Double(report?.milliseconds ?? 0) / 1_000)
        }
    }

    /// All numbers as Prometheus reads them.
    package func text() -> String {
        if let bytes = ProcessFacts.residentBytes { residentMemory.set(Double(bytes)) }
        if let files = ProcessFacts.openFiles { openFiles.set(Double(files)) }
        return registry.text()
    }
}

/// How a step went.
enum StepOutcome: String, Sendable {
    case done
    case failed
    /// To be tried again at once or later: the gates are closed, or the call was not made.
    case heldBack = "held_back"
    /// The process is going down, or the run belongs to somebody else.
    case interrupted
}
