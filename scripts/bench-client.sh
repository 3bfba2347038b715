#!/usr/bin/env bash
# Measures what the Replicate client costs, beside the official Python client on the same work: 3,000 gets and 600 creates
# a minute from one process against the simulator, one client after the other. Usage: scripts/bench-client.sh [SECONDS]
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-60}
scripts/setup.sh test
scripts/install-python.sh Tests/OfficialPythonClient/requirements.txt .venv-python-client replicate
swift build -c release --product replicate-simulator >&2
swift build -c release --product replicate-load >&2
bin=$(swift build -c release --show-bin-path)
unset "${!REPLICATE_@}" "${!PYTHON@}"

log=$(mktemp)
running=
stop() {
    [ -z "$running" ] || kill "$running" 2>/dev/null || true
    rm -f "$log"
}
trap stop EXIT

# Prints the line that a load prints at its end, run against a fresh simulator.
measure() {
    : >"$log"
    "$bin/replicate-simulator" --port 0 --output-port 0 --speed 1x >"$log" 2>&1 &
    running=$!
    until token=$(sed -n 's/^ *Token *//p' "$log") && [ -n "$token" ]; do
        kill -0 "$running" || { cat "$log" >&2; exit 1; }
        sleep 0.1
    done
    REPLICATE_BASE_URL=$(sed -n 's/^ *API *\(http[^ ]*\).*/\1/p' "$log") REPLICATE_API_TOKEN=$token "$@"
    kill "$running"
    wait "$running" || true
    running=
}

echo "Each client for $seconds s …" >&2
ours=$(measure "$bin/replicate-load" 3000 600 "$seconds")
theirs=$(measure .venv-python-client/bin/python -B Benchmarks/replicate_python_client.py \
    --gets-per-minute 3000 --creates-per-minute 600 --seconds "$seconds")

echo "## The Replicate client, 3,000 gets and 600 creates a minute for $seconds s"
echo
echo "| client | gets | creates | errors | CPU s | peak MiB | p50 ms | p99 ms | latest start ms |"
echo "|---|---|---|---|---|---|---|---|---|"
printf '%s\n%s\n' "$ours" "$theirs" | jq --raw-output '
    def round2: . * 100 | round / 100;
    "| \(.client) | \(.gets) | \(.creates) | \(.errors) | \(.cpu_seconds | round2) | \(.peak_rss_mib | round2) "
    + "| \(.latency_ms.p50 | round2) | \(.latency_ms.p99 | round2) | \(.late_max_ms | round2) |"'
printf '%s\n%s\n' "$ours" "$theirs" | jq --raw-output --slurp '
    "\nOurs beside the Python client: \(.[0].cpu_seconds / .[1].cpu_seconds * 100 | round / 100) × its CPU time, "
    + "\(.[0].peak_rss_mib / .[1].peak_rss_mib * 100 | round / 100) × its memory."'
