import Logging
import ServiceLifecycle

/// Runs a service until the task is cancelled, which begins a graceful shutdown; what is under way has 5 s to end.
func runUntilCancelled(_ service: some Service, logger: Logger) async throws {
    var configuration = ServiceGroupConfiguration(services: [service], logger: logger)
    configuration.maximumGracefulShutdownDuration = .seconds(5)
    let group = ServiceGroup(configuration: configuration)
    // Owned by this call, which waits for it: cancellation must begin a shutdown and not cut off what is under way.
    let serving = Task { try await group.run() }
    try await withTaskCancellationHandler {
        try await serving.value
    } onCancel: {
        Task { await group.triggerGracefulShutdown() }
    }
}
