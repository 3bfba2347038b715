import Foundation
import Hummingbird
import StrictJSON
import ZoetropeCore
import ZoetropeWorkflow

/// What a caller has used, and the caller's secrets.
struct AccountRoutes: Sendable {
    let library: AnimationLibrary
    let limits: @Sendable (Caller) -> TierLimits
    let callbackSecret: @Sendable (_ userID: String) -> [UInt8]

    @Sendable func usage(_ request: Request, _ context: APIContext, _ caller: Caller) async throws -> Response {
        let usage = try await library.usage(of: caller)
        let limits = limits(caller)
        let day = 86_400.0
        let midnight = Date(timeIntervalSince1970: (usage.now.timeIntervalSince1970 / day).rounded(.down) * day + day)
        return Response(
            status: .ok,
            json: [
                "user_id": .string(caller.userID),
                "tier": .string(caller.tier.rawValue),
                "active_animations": .integer(Int64(usage.active)),
                "today": Self.object(usage.today),
                "month": Self.object(usage.month),
                "limits": [
                    "active_animations": .orNull(limits.active),
                    "daily_animations": .orNull(limits.daily),
                    "daily_cost_usd": limits.dailyCost.map { .number($0.usd) } ?? .null,
                    "requests_per_minute": .orNull(limits.requestsPerMinute),
                ],
                "resets_at": .string(midnight.rfc3339),
            ]
        )
    }

    private static func object(_ tally: Usage.Tally) -> JSONValue {
        [
            "animations": .integer(Int64(tally.animations)),
            "ready": .integer(Int64(tally.ready)),
            "failed": .integer(Int64(tally.failed)),
            "seconds": .integer(Int64(tally.seconds)),
            "cost_usd": .number(tally.cost.usd),
        ]
    }

    /// The key with which the caller checks the signatures of callbacks.
    @Sendable func secret(_ request: Request, _ context: APIContext, _ caller: Caller) async throws -> Response {
        let secret = Data(callbackSecret(caller.userID)).base64EncodedString()
        return Response(status: .ok, json: ["secret": .string("whsec_\(secret)")])
    }
}

extension JSONValue {
    fileprivate static func orNull(_ number: Int?) -> JSONValue { number.map { .integer(Int64($0)) } ?? .null }
}
