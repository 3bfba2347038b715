import ReplicateSimulator

/// What the program says.
enum Narrator {
    /// Where everything is, and three ways to use it.
    static func greeting(of simulator: ReplicateSimulator, speed: String) -> String {
        var lines = [
            "Replicate simulator, nothing here costs money. Time: \(speed).",
            "",
            "  API      \(simulator.baseURL)   (control: \(simulator.baseURL)/_simulator)",
            "  Outputs  \(simulator.outputURL)",
        ]
        if let cog = simulator.cogURL { lines.append("  Cog      \(cog)") }
        lines += [
            "  Token    \(simulator.token)",
            "",
            "Zoetrope, and any program that uses the Replicate library:",
            "  export REPLICATE_BASE_URL=\(simulator.baseURL) REPLICATE_API_TOKEN=\(simulator.token)",
            "  export REPLICATE_OUTPUT_ORIGINS=\(simulator.outputURL)",
            "",
            "curl:",
            "  curl -s \(simulator.baseURL)/v1/models/minimax/video-01-live/predictions \\",
            "    -H 'Authorization: Bearer \(simulator.token)' -H 'Content-Type: application/json' \\",
            #"    -d '{"input":{"prompt":"she waves","first_frame_image":"https://example.com/a.jpg"}}'"#,
            "  curl -s \(simulator.baseURL)/v1/predictions -H 'Authorization: Bearer \(simulator.token)'",
            "",
            "Python (pip install replicate):",
            "  REPLICATE_BASE_URL=\(simulator.baseURL) REPLICATE_API_TOKEN=\(simulator.token) python3 -c \\",
            #"    "import replicate; print(replicate.run('minimax/video-01-live', wait=False, input={'prompt': 'she waves', "#
                + #"'first_frame_image': 'https://example.com/a.jpg'}))""#,
            "",
            "Ctrl-C stops it and prints what it would have cost.",
        ]
        return lines.joined(separator: "\n")
    }

    /// One exchange.
    static func line(for request: RecordedRequest) -> String {
        let status = request.status.map(String.init) ?? "---"
        let time = request.time.text(digits: 3)
        return "\(time) \(request.origin.rawValue) \(request.method) \(request.target) -> \(status)"
    }

    /// The totals.
    static func farewell(_ ledger: Ledger) -> String {
        let cents = Int((ledger.chargeTotal * 100).rounded())
        let dollars = "\(cents / 100).\(cents % 100 < 10 ? "0" : "")\(cents % 100)"
        let refused = ledger.refused.sorted { $0.key < $1.key }.map { "\($0.value) x \($0.key)" }
        var line = "\(ledger.accepted) creates, \(ledger.charged) charged, $\(dollars) in all"
        if !refused.isEmpty { line += "; refused: \(refused.joined(separator: ", "))" }
        if !ledger.cogRuns.isEmpty { line += "; \(ledger.cogRuns.count) Cog runs" }
        return line
    }
}
