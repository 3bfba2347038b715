import HTTPTypes
import Hummingbird
import NIOCore
import ZoetropeWorkflow

/// The numbers that Prometheus reads.
struct MetricsRoutes: Sendable {
    private let metrics: ServiceMetrics
    private let arePublic: Bool
    /// Brings what the database says of the whole service into the metrics.
    private let overview: HealthCheck

    init(_ metrics: ServiceMetrics, store: any ServiceStore, time: EngineTime, arePublic: Bool) {
        self.metrics = metrics
        self.arePublic = arePublic
        overview = HealthCheck("overview", time: time) { metrics.note(try await store.overview()) }
    }

    @Sendable func show(_ request: Request, _ context: APIContext) async throws -> Response {
        guard arePublic || Self.isOfThisMachine(request, context) else {
            throw Problem(
                .forbidden,
                "metrics_private",
                "Metrics are shown to this machine only; ZOETROPE_METRICS=public shows them to everybody"
            )
        }
        if await overview.finding() != nil { metrics.note(nil) }
        return Response(
            status: .ok,
            headers: [.contentType: MetricRegistry.contentType],
            body: ResponseBody(byteBuffer: ByteBuffer(string: metrics.text()))
        )
    }

    /// Whether a request comes from this machine and from nobody behind it: a proxy on this machine speaks for others.
    private static func isOfThisMachine(_ request: Request, _ context: APIContext) -> Bool {
        guard let peer = context.remoteAddress?.ipAddress else { return false }
        let address = peer.lowercased().hasPrefix("::ffff:") ? String(peer.dropFirst(7)) : peer
        let isForwarded = HTTPField.Name.ofProxies.contains { request.headers[$0] != nil }
        return ServerSettings.isLoopback(address) && !isForwarded
            && ServerSettings.isLoopback(Access.host(of: request.head.authority?.lowercased() ?? ""))
    }
}
