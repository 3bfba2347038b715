import ReplicateSimulator

/// Speaks to a simulator as a client would.
struct Caller {
    let simulator: ReplicateSimulator

    static let live: JSONObject = [
        "prompt": "she waves", "first_frame_image": "https://example.com/a.png",
    ]

    /// A call of the API with the token.
    func call(
        _ method: String,
        _ path: String,
        _ body: JSONValue? = nil,
        headers: [(String, String)] = []
    ) async throws -> Wire.Answer {
        var all = [("Authorization", "Bearer \(simulator.token)")] + headers
        if body != nil { all.append(("Content-Type", "application/json")) }
        return try await Wire.send(simulator.baseURL, method: method, path, headers: all, body: body?.bytes)
    }

    /// A create for video-01-live.
    func create(
        _ extra: JSONObject = .init(),
        input: JSONObject = live,
        model: String = "minimax/video-01-live",
        headers: [(String, String)] = []
    ) async throws -> Wire.Answer {
        var body = JSONObject([("input", .object(input))])
        for member in extra.members { body[member.key] = member.value }
        return try await call("POST", "/v1/models/\(model)/predictions", .object(body), headers: headers)
    }

    /// Creates a prediction that must be accepted.
    func createdID(_ extra: JSONObject = .init(), input: JSONObject = live) async throws -> String {
        try await create(extra, input: input).json["id"]?.string ?? ""
    }

    func get(_ id: String) async throws -> JSONValue { try await call("GET", "/v1/predictions/\(id)").json }

    /// Uploads a file.
    func upload(_ content: [UInt8], metadata: JSONValue = [:]) async throws -> Wire.Answer {
        let boundary = "xx-boundary"
        var body = Array(
            "--\(boundary)\r\nContent-Disposition: form-data; name=\"content\"; filename=\"a b.png\"\r\n".utf8
        )
        body += Array("Content-Type: image/png\r\n\r\n".utf8) + content
        body += Array("\r\n--\(boundary)\r\nContent-Disposition: form-data; name=\"metadata\"\r\n".utf8)
        body += Array("Content-Type: application/json\r\n\r\n\(metadata.text)\r\n--\(boundary)--\r\n".utf8)
        return try await Wire.send(
            simulator.baseURL,
            method: "POST",
            "/v1/files",
            headers: [
                ("Authorization", "Bearer \(simulator.token)"),
                ("Content-Type", "multipart/form-data; boundary=\(boundary)"),
            ],
            body: body
        )
    }

    /// A finished prediction's download.
    func download(_ id: String, headers: [(String, String)] = [], method: String = "GET") async throws -> Wire.Answer {
        let path = try await get(id)["output"]?.string?.dropFirst(simulator.outputURL.count) ?? ""
        return try await Wire.send(simulator.outputURL, method: method, String(path), headers: headers)
    }
}

/// Runs a simulator whose time stands still.
func withManualSimulator(
    cogPort: Int? = nil,
    switches: Switches = .init(),
    rules: [Rule] = [],
    _ body: (ReplicateSimulator, Caller) async throws -> Void
) async throws {
    let configuration = ReplicateSimulator.Configuration(
        cogPort: cogPort,
        clock: .manual,
        switches: switches,
        rules: rules
    )
    try await ReplicateSimulator.withRunning(configuration) { simulator in
        try await body(simulator, Caller(simulator: simulator))
    }
}
