import Foundation
import ZoetropeCore
import ZoetropeWorkflow

/// The decision tables of the durable run.
///
/// A meaning reads: state (end) [intents] what is booked, undos, "wake" seconds when the lease is let go, "then" the
/// next step, "!" alerts. Jitter is always the middle of its range.
enum Decisions {
    private static let patience = 6.0 * 3_600
    private static let resend: Table = {
        var table = Table()
        table.policy.ambiguousCreate = .resendIfAbsent
        return table
    }()
    private static let idempotent = Table(isIdempotent: true)
    private static let scene = Table(onFailure: .rollback)
    private static let long = Table(seconds: 10)

    private static func provider(_ kind: ProviderError.Kind, retryAfter: Duration? = nil) -> StepFailure {
        .provider(ProviderError(kind, "x", retryAfter: retryAfter))
    }

    private static func refused(_ kind: ProviderError.Kind, retryAfter: Duration? = nil) -> SubmitOutcome {
        .refused(ProviderError(kind, "x", retryAfter: retryAfter))
    }

    static let ordering: [Row] = [
        Row(.queued, "begun", means: "submitting [intended] reserve 0.50 input-?:due then prepareInput") { _ in .begun
        },
        Row(
            .queued,
            "begun, for a scene",
            scene,
            means: "submitting [intended] reserve 0.50 input-?:due then prepareInput"
        ) { _ in .begun },
        Row(.queued, "begun after six hours", after: patience, means: "done (provider_unavailable) [] wake never") {
            _ in .begun
        },
        Row(.queued, "the budget does not suffice", means: "done (budget_exceeded) [] wake never !budget_exceeded") {
            _ in .overBudget
        },
        Row(.intended, "input prepared", means: "submitting [intended] input-f:due then admit") {
            .inputPrepared($0.lastIntent, ProviderInput(url: "u", fileID: "f"))
        },
        Row(.intended, "input prepared, file not known", means: "submitting [intended] input-?:due then admit") {
            .inputPrepared($0.lastIntent, ProviderInput(url: "u", fileID: nil))
        },
        Row(
            .intended,
            "source missing",
            means: "compensating (source_unreadable) [refused] release -0.50 then undo-input-?"
        ) { .inputFailed($0.lastIntent, .storage(StorageError(.missing, ""))) },
        Row(.intended, "storage down", means: "submitting [intended] wake 3.0") {
            .inputFailed($0.lastIntent, .storage(StorageError(.unavailable, "")))
        },
        Row(
            .intended,
            "storage down for six hours",
            after: patience,
            means: "compensating (storage_unavailable) [refused] release -0.50 then undo-input-? !storage_unavailable"
        ) {
            .inputFailed($0.lastIntent, .storage(StorageError(.unavailable, "")))
        },
        Row(
            .intended,
            "source broken",
            means: "compensating (source_unreadable) [refused] release -0.50 then undo-input-?"
        ) {
            .inputFailed($0.lastIntent, .media(MediaFailure(.sourceUnreadable, "", isRetryable: false)))
        },
        Row(.intended, "decoder hung", means: "submitting [intended] wake 3.0") {
            .inputFailed($0.lastIntent, .media(MediaFailure(.sourceUnreadable, "", isRetryable: true)))
        },
        Row(.intended, "no scratch space", means: "submitting [intended] wake 3.0") {
            .inputFailed($0.lastIntent, .machine("full"))
        },
        Row(
            .intended,
            "no scratch space for six hours",
            after: patience,
            means: "compensating (internal) [refused] release -0.50 then undo-input-? !internal"
        ) {
            .inputFailed($0.lastIntent, .machine("full"))
        },
        Row(.intended, "upload throttled", means: "submitting [intended] wake 40.0") {
            .inputFailed($0.lastIntent, provider(.throttled, retryAfter: .seconds(40)))
        },
        Row(
            .intended,
            "upload refused for ever",
            means: "compensating (provider_rejected) [refused] release -0.50 then undo-input-?"
        ) { .inputFailed($0.lastIntent, provider(.rejected)) },
        Row(
            .intended,
            "upload without token for six hours",
            after: patience,
            means: "compensating (provider_unavailable) [refused] release -0.50 then undo-input-?"
        ) {
            .inputFailed($0.lastIntent, provider(.credentials))
        },
        Row(.prepared, "gates closed", means: "submitting [intended] wake 17.0") {
            .heldBack($0.lastIntent, for: .seconds(17), reason: "x")
        },
        Row(
            .prepared,
            "gates closed for six hours",
            after: patience,
            means: "compensating (provider_unavailable) [refused] release -0.50 then undo-input-file-1"
        ) {
            .heldBack($0.lastIntent, for: .seconds(17), reason: "x")
        },
        Row(.prepared, "admitted", means: "submitting [sent] then post") { .admitted($0.lastIntent) },
        Row(.sent, "not sent after all", means: "submitting [intended] then admit") { .notSent($0.lastIntent) },
    ]

    static let submitting: [Row] = [
        Row(.sent, "accepted, waiting", means: "generating [bound] wake 2.6") {
            .submitted($0.lastIntent, .accepted(.waiting))
        },
        Row(
            .sent,
            "accepted, done at once",
            means: "finishing [settled] settle 0.00 object-mp4:armed object-jpg:armed object-hd:armed then finish"
        ) { .submitted($0.lastIntent, .accepted(.succeeded)) },
        Row(.sent, "unclear", means: "submitting [unknown] wake 64.0") {
            .submitted($0.lastIntent, .unknown(detail: "reset"))
        },
        Row(.sent, "unclear, and the tag may be sent again", idempotent, means: "submitting [intended] wake 3.0") {
            .submitted($0.lastIntent, .unknown(detail: "reset"))
        },
        Row(.sent, "refused, and the tag may be sent again", idempotent, means: "submitting [intended] wake 3.0") {
            .submitted($0.lastIntent, refused(.unavailable))
        },
        Row(.sent, "429", means: "submitting [refused] release -0.50 wake 60.0") {
            .submitted($0.lastIntent, refused(.throttled, retryAfter: .seconds(60)))
        },
        Row(.sent, "not reached", means: "submitting [refused] release -0.50 wake 3.0") {
            .submitted($0.lastIntent, refused(.unavailable))
        },
        Row(
            .sent,
            "not reached for six hours",
            after: patience,
            means: "compensating (provider_unavailable) [refused] release -0.50 then undo-input-file-1"
        ) {
            .submitted($0.lastIntent, refused(.unavailable))
        },
        Row(.sent, "401", means: "submitting [refused] release -0.50 wake 3.0") {
            .submitted($0.lastIntent, refused(.credentials))
        },
        Row(.sent, "402", means: "submitting [refused] release -0.50 wake 3.0") {
            .submitted($0.lastIntent, refused(.credit))
        },
        Row(.sent, "422", means: "compensating (provider_rejected) [refused] release -0.50 then undo-input-file-1") {
            .submitted($0.lastIntent, refused(.rejected))
        },
        Row(
            .sent,
            "422 for a scene",
            scene,
            means: "compensating (provider_rejected) [refused] release -0.50 scene:due then undo-input-file-1"
        ) { .submitted($0.lastIntent, refused(.rejected)) },
        Row(
            .sent,
            "image unusable",
            means: "compensating (source_unreadable) [refused] release -0.50 then undo-input-file-1"
        ) { .submitted($0.lastIntent, refused(.sourceUnreadable)) },
    ]

    static let searching: [Row] = [
        Row(.unknown, "nothing, rung for early", means: "submitting [unknown] wake 63.0") { .found($0.lastIntent, []) },
        Row(.unknown, "nothing, first look", after: 64, means: "submitting [unknown] wake 30.0") {
            .found($0.lastIntent, [])
        },
        Row(.unknown, "one", means: "generating [bound] wake 2.6") { .found($0.lastIntent, [.running]) },
        Row(
            .unknown,
            "one that is done",
            means: "finishing [settled] settle 0.00 object-mp4:armed object-jpg:armed object-hd:armed then finish"
        ) { .found($0.lastIntent, [.succeeded]) },
        Row(.unknown, "two", means: "generating [bound] cancel-p2:due wake 0.0 !duplicate_prediction") {
            .found($0.lastIntent, [.p1(.running(hasStarted: false), id: "p2"), .running])
        },
        Row(
            .unknown,
            "one that failed and one that runs",
            means: "generating [bound] cancel-p1:due wake 0.0 !duplicate_prediction"
        ) { .found($0.lastIntent, [.rejected, .p1(.running(hasStarted: true), id: "p2")]) },
        Row(.unknown, "the list cannot be read", means: "submitting [unknown] wake 3.0") {
            .lookFailed($0.lastIntent, ProviderError(.unavailable, "x"))
        },
        Row(
            .unknown,
            "the list cannot be read for six hours",
            after: patience,
            means:
                "compensating (provider_outcome_unknown) [absent] release -0.50 possibly_billed 0.00 then undo-input-file-1 !possibly_billed"
        ) {
            .lookFailed($0.lastIntent, ProviderError(.unavailable, "x"))
        },
        Row(
            .absent,
            "still nothing",
            after: 120,
            means: "compensating (provider_outcome_unknown) [absent] then undo-input-file-1"
        ) { .found($0.lastIntent, []) },
        Row(
            .absent,
            "nothing, and the watch is over",
            after: 2_200,
            means: "compensating (provider_outcome_unknown) [absent] then undo-input-file-1"
        ) { .found($0.lastIntent, []) },
        Row(
            .absent,
            "a late one, running",
            after: 120,
            means: "compensating (provider_outcome_unknown) [late] late 0.50 then cancel !late_bind"
        ) { .found($0.lastIntent, [.running]) },
        Row(
            .absent,
            "a late one, done",
            after: 120,
            means: "compensating (provider_outcome_unknown) [settled] late 0.50 then undo-input-file-1 !late_bind"
        ) { .found($0.lastIntent, [.succeeded]) },
        Row(
            .absent,
            "a late one, and the run still wants it",
            after: 120,
            resend,
            means: "generating [bound] late 0.50 wake 2.6 !late_bind"
        ) {
            .found($0.intents[0].id, [.running])
        },
    ]

    static let watching: [Row] = [
        Row(.bound, "running", means: "generating [bound] wake 3.4") { .polled($0.lastIntent, .found(.running)) },
        Row(.bound, "running, shortly before its time is over", after: 598.5, means: "generating [bound] wake 0.5") {
            .polled($0.lastIntent, .found(.running))
        },
        Row(
            .bound,
            "done",
            means: "finishing [settled] settle 0.00 object-mp4:armed object-jpg:armed object-hd:armed then finish"
        ) {
            .polled($0.lastIntent, .found(.succeeded))
        },
        Row(
            .bound,
            "done, first of two parts",
            long,
            means: "finishing [settled] settle 0.00 object-mp4:due object-png:due then keepPart"
        ) { .polled($0.lastIntent, .found(.succeeded)) },
        Row(.bound, "failed, worth another", means: "submitting [settled] settle -0.50 wake 20.0") {
            .polled($0.lastIntent, .found(.transient))
        },
        Row(
            .bound,
            "failed for good",
            means: "compensating (content_rejected) [settled] settle -0.50 then undo-input-file-1"
        ) { .polled($0.lastIntent, .found(.rejected)) },
        Row(
            .bound,
            "failed for good, a scene",
            scene,
            means: "compensating (content_rejected) [settled] settle -0.50 scene:due then undo-input-file-1"
        ) { .polled($0.lastIntent, .found(.rejected)) },
        Row(.bound, "cancelled by somebody", means: "submitting [settled] settle 0.00 then begin") {
            .polled($0.lastIntent, .found(.canceled))
        },
        Row(.bound, "aborted before it started", means: "submitting [settled] settle -0.50 then begin") {
            .polled($0.lastIntent, .found(.aborted))
        },
        Row(.bound, "not known yet", means: "generating [bound] wake 3.4") { .polled($0.lastIntent, .missing) },
        Row(
            .bound,
            "vanished",
            after: 200,
            means:
                "compensating (provider_unavailable) [settled] settle 0.00 then undo-input-file-1 !prediction_vanished"
        ) { .polled($0.lastIntent, .missing) },
        Row(.bound, "the provider is down", means: "generating [bound] wake 3.0") {
            .polled($0.lastIntent, .failed(ProviderError(.unavailable, "x")))
        },
        Row(.bound, "throttled", means: "generating [bound] wake 33.0") {
            .polled($0.lastIntent, .failed(ProviderError(.throttled, "x", retryAfter: .seconds(33))))
        },
        Row(.bound, "out of time, asked to cancel", after: 600, means: "generating [bound] wake 3.4") {
            .cancelAnswered($0.lastIntent, .found(.running))
        },
        Row(.bound, "out of time, cannot be asked to cancel", after: 600, means: "generating [bound] wake 3.0") {
            .cancelAnswered($0.lastIntent, .failed(ProviderError(.unavailable, "x")))
        },
        Row(
            .bound,
            "out of reach for six hours",
            after: patience,
            means: "compensating (provider_unavailable) [bound] then cancel"
        ) {
            .cancelAnswered($0.lastIntent, .failed(ProviderError(.unavailable, "x")))
        },
        Row(
            .bound,
            "out of time, done meanwhile",
            after: 600,
            means: "finishing [settled] settle 0.00 object-mp4:armed object-jpg:armed object-hd:armed then finish"
        ) { .cancelAnswered($0.lastIntent, .found(.succeeded)) },
        Row(.canceling, "still running", means: "generating [bound] wake 4.4") {
            .cancelAnswered($0.lastIntent, .found(.running))
        },
        Row(.canceling, "stopped: once more", means: "submitting [settled] settle 0.00 then begin") {
            .cancelAnswered($0.lastIntent, .found(.canceled))
        },
        Row(.canceling, "does not stop", after: 180, means: "submitting [late] settle 0.00 then begin !cancel_ignored")
        { .cancelAnswered($0.lastIntent, .found(.running)) },
        Row(.compensating, "still running", means: "compensating (canceled) [bound] wake 3.4") {
            .cancelAnswered($0.lastIntent, .found(.running))
        },
        Row(.compensating, "stopped", means: "compensating (canceled) [settled] settle 0.00 wake 21.0") {
            .cancelAnswered($0.lastIntent, .found(.canceled))
        },
        Row(
            .compensating,
            "stopped before it started",
            means: "compensating (canceled) [settled] settle -0.50 wake 21.0"
        ) { .cancelAnswered($0.lastIntent, .found(.aborted)) },
        Row(.compensating, "succeeded all the same", means: "compensating (canceled) [settled] settle 0.00 wake 21.0") {
            .cancelAnswered($0.lastIntent, .found(.succeeded))
        },
        Row(.compensating, "cannot be asked to cancel", means: "compensating (canceled) [bound] wake 3.0") {
            .cancelAnswered($0.lastIntent, .failed(ProviderError(.unavailable, "x")))
        },
        Row(
            .compensating,
            "vanished",
            after: 200,
            means: "compensating (canceled) [settled] settle 0.00 then undo-input-file-1 !prediction_vanished"
        ) { .cancelAnswered($0.lastIntent, .missing) },
    ]

    static let finishing: [Row] = [
        Row(
            .finishing,
            "finished",
            means: "checking (ready) [settled] object-mp4:void object-jpg:void object-hd:void then check"
        ) { _ in .finished(.example) },
        Row(
            .finishing,
            "output expired",
            means:
                "compensating (output_expired) [settled] object-mp4:due object-jpg:due object-hd:due then undo-input-file-1"
        ) { _ in .finishFailed(provider(.expired)) },
        Row(.finishing, "download not reached", means: "finishing [settled] wake 3.0") { _ in
            .finishFailed(provider(.unavailable))
        },
        Row(
            .finishing,
            "download not reached for 50 minutes",
            after: 3_000,
            means:
                "compensating (output_expired) [settled] object-mp4:due object-jpg:due object-hd:due then undo-input-file-1"
        ) { _ in
            .finishFailed(provider(.unavailable))
        },
        Row(.finishing, "download cut short", means: "finishing [settled] wake 3.0") { _ in
            .finishFailed(provider(.invalidOutput))
        },
        Row(.finishing, "our disk is full", means: "finishing [settled] wake 3.0") { _ in
            .finishFailed(provider(.storage))
        },
        Row(
            .finishing,
            "our disk is full for 50 minutes",
            after: 3_000,
            means:
                "compensating (storage_unavailable) [settled] object-mp4:due object-jpg:due object-hd:due then undo-input-file-1 !storage_unavailable"
        ) { _ in
            .finishFailed(provider(.storage))
        },
        Row(
            .finishing,
            "not a video",
            means:
                "compensating (output_invalid) [settled] object-mp4:due object-jpg:due object-hd:due then undo-input-file-1"
        ) { _ in
            .finishFailed(.media(MediaFailure(.outputInvalid, "", isRetryable: false)))
        },
        Row(.finishing, "encoder died", means: "finishing [settled] wake 3.0") { _ in
            .finishFailed(.media(MediaFailure(.outputInvalid, "", isRetryable: true)))
        },
        Row(.finishing, "no space to encode", means: "finishing [settled] wake 3.0") { _ in
            .finishFailed(.media(MediaFailure(.storageUnavailable, "", isRetryable: true)))
        },
        Row(.finishing, "object store down", means: "finishing [settled] wake 3.0") { _ in
            .finishFailed(.storage(StorageError(.unavailable, "")))
        },
        Row(
            .finishing,
            "object store down for 50 minutes, a scene",
            after: 3_000,
            scene,
            means:
                "compensating (storage_unavailable) [settled] object-mp4:due object-jpg:due object-hd:due scene:due then undo-input-file-1 !storage_unavailable"
        ) { _ in
            .finishFailed(.storage(StorageError(.unavailable, "")))
        },
    ]

    private static let withdrawn =
        "finishing [settled] object-mp4:due object-jpg:due object-2.mp4:armed object-2.jpg:armed object-2-hd:armed wake 0.0 "
        + "!video_withdrawn"

    static let checking: [Row] = [
        Row(.checking, "every frame was decoded", means: "done (ready) [settled] then undo-input-file-1") { _ in
            .checked
        },
        Row(.checking, "a frame cannot be decoded", means: withdrawn) { _ in
            .checkFailed(.media(MediaFailure(.outputInvalid, "", isRetryable: true)))
        },
        Row(.checking, "nor ever can be", means: withdrawn) { _ in
            .checkFailed(.media(MediaFailure(.outputInvalid, "", isRetryable: false)))
        },
        Row(.checking, "the tool cannot start", means: "checking (ready) [settled] wake never check 7.5") { _ in
            .checkFailed(.media(MediaFailure(.internal, "", isRetryable: false)))
        },
        Row(.checking, "our disk is full", means: "checking (ready) [settled] wake never check 7.5") { _ in
            .checkFailed(.media(MediaFailure(.storageUnavailable, "", isRetryable: true)))
        },
        Row(
            .checking,
            "object store down for a day",
            after: 86_400,
            means: "checking (ready) [settled] wake never check 7.5"
        ) { _ in
            .checkFailed(.storage(StorageError(.unavailable, "")))
        },
        Row(.checking, "no scratch space", means: "checking (ready) [settled] wake never check 7.5") { _ in
            .checkFailed(.machine("full"))
        },
    ]

    static let deleting: [Row] = [
        Row(.queued, "deleted", means: "done (canceled) [] wake never") { _ in .deleted },
        Row(.bound, "deleted", means: "compensating (canceled) [bound] input-file-1:due wake 0.0") { _ in .deleted },
        Row(.checking, "deleted", means: "done (ready) [settled] wake -44.0") { _ in .deleted },
        Row(.done, "deleted", means: "nothing") { _ in .deleted },
    ]

    static let canceling: [Row] = [
        Row(.checking, "cancel", means: "nothing") { _ in .cancelRequested },
        Row(.queued, "cancel", means: "done (canceled) [] wake never") { _ in .cancelRequested },
        Row(.intended, "cancel", means: "compensating (canceled) [refused] release -0.50 input-?:due wake 29.0") { _ in
            .cancelRequested
        },
        Row(.prepared, "cancel", means: "compensating (canceled) [refused] release -0.50 input-file-1:due wake 28.0") {
            _ in .cancelRequested
        },
        Row(.sent, "cancel", means: "compensating (canceled) [sent] input-file-1:due wake 27.0") { _ in .cancelRequested
        },
        Row(.unknown, "cancel", means: "compensating (canceled) [unknown] input-file-1:due wake 26.0") { _ in
            .cancelRequested
        },
        Row(.bound, "cancel", means: "compensating (canceled) [bound] input-file-1:due wake 0.0") { _ in
            .cancelRequested
        },
        Row(.canceling, "cancel", means: "compensating (canceled) [bound] input-file-1:due wake -573.0") { _ in
            .cancelRequested
        },
        Row(
            .finishing,
            "cancel",
            means:
                "compensating (canceled) [settled] input-file-1:due object-mp4:due object-jpg:due object-hd:due wake -4.0"
        ) { _ in .cancelRequested },
        Row(.compensating, "cancel", means: "nothing") { _ in .cancelRequested },
        Row(.done, "cancel", means: "nothing") { _ in .cancelRequested },
        Row(.absent, "cancel", means: "nothing") { _ in .cancelRequested },
        Row(
            .bound,
            "cancel, a scene",
            scene,
            means: "compensating (canceled) [bound] input-file-1:due scene:due wake 0.0"
        ) { _ in .cancelRequested },
    ]
}
