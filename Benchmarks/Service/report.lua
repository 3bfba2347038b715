-- Prints what wrk saw as one line of JSON, the last of its output.
function done(summary, latency)
    local errors = summary.errors
    print(string.format(
        '{"requests": %d, "seconds": %.6f, "bytes": %.0f, "p50": %.6f, "p99": %.6f, "max": %.6f, "errors": %d}',
        summary.requests, summary.duration / 1e6, summary.bytes, latency:percentile(50) / 1e6,
        latency:percentile(99) / 1e6, latency.max / 1e6,
        errors.connect + errors.read + errors.write + errors.status + errors.timeout
    ))
end
