import Foundation
import Testing
import ZoetropeOutbound
import ZoetropeWorkflow

/// Fetches an image to a new file of a folder of its own; the file's bytes, or the error.
func fetched(_ url: String, by client: GuardedClient) async throws -> Result<[UInt8], OutboundError> {
    let folder = FileManager.default.temporaryDirectory.appending(path: "zoetrope-outbound-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appending(path: "image").path
    do throws(OutboundError) {
        try await client.fetchImage(url, to: file)
    } catch {
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [])
        return .failure(error)
    }
    return .success([UInt8](try Data(contentsOf: URL(fileURLWithPath: file))))
}

/// The same by a client of its own.
func fetched(_ url: String, by rules: GuardedClient.Rules) async throws -> Result<[UInt8], OutboundError> {
    try await fetched(url, by: GuardedClient(rules: rules, now: { Date() }))
}

/// The code of the error of a fetch, nil when it succeeded.
func code(_ url: String, by client: GuardedClient) async throws -> OutboundError.Code? {
    if case .failure(let error) = try await fetched(url, by: client) { error.code } else { nil }
}

/// The same by a client of its own.
func code(_ url: String, by rules: GuardedClient.Rules) async throws -> OutboundError.Code? {
    try await code(url, by: GuardedClient(rules: rules, now: { Date() }))
}

extension GuardedClient.Rules {
    /// The real rules, but one address and these ports may be called too, and names are those of a table.
    static func lenient(
        _ ports: Int...,
        allowed: String = "127.0.0.77",
        names: [String: [String]] = [:]
    ) -> GuardedClient.Rules {
        var rules = GuardedClient.Rules()
        let isPublic = rules.isPublic
        let exception = IPAddress(allowed)
        rules.isPublic = { try $0 == exception || isPublic($0) }
        rules.ports = Set(ports).union(OutboundURL.usualPorts)
        // Generous: the machine that runs the tests may be busy.
        rules.image = CallLimits(total: .seconds(60), idle: .seconds(60), bytes: rules.image.bytes)
        rules.image.patience = .seconds(60)
        rules.image.connect = .seconds(30)
        rules.callback = CallLimits(total: .seconds(60), idle: .seconds(60), bytes: rules.callback.bytes)
        rules.callback.connect = .seconds(30)
        rules.resolve = { names[$0, default: []].compactMap(IPAddress.init) }
        return rules
    }
}
