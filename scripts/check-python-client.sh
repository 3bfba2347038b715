#!/usr/bin/env bash
# Runs the official Python client against the built simulator. Usage: scripts/check-python-client.sh [TESTS …]
set -euo pipefail
cd "$(dirname "$0")/.."

tests=Tests/OfficialPythonClient
environment=.venv-python-client
# The caller's token must reach nobody here, and the caller's modules are not under test.
unset "${!REPLICATE_@}" "${!PYTHON@}"

simulator=$(swift build -c release --show-bin-path)/replicate-simulator
if [ ! -x "$simulator" ]; then
    echo "$simulator is missing; build it first: swift build -c release --product replicate-simulator" >&2
    exit 1
fi

scripts/install-python.sh Tests/OfficialPythonClient/requirements.txt .venv-python-client replicate

log=$(mktemp)
running=
stop() {
    [ -z "$running" ] || kill "$running" 2>/dev/null || true
    [ -z "$running" ] || wait "$running" 2>/dev/null || true
    rm -f "$log"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

"$simulator" --port 0 --output-port 0 --speed 100x --verbose >"$log" 2>&1 &
running=$!

# What it prints when it is ready names its address and token.
address=
for _ in $(seq 100); do
    address=$(sed -n 's/^ *API *\(http[^ ]*\).*/\1/p' "$log")
    token=$(sed -n 's/^ *Token *//p' "$log")
    [ -z "$address" ] || [ -z "$token" ] || break
    kill -0 "$running" 2>/dev/null || break
    sleep 0.1
done
if [ -z "$address" ] || [ -z "$token" ]; then
    echo "replicate-simulator did not start; it said:" >&2
    cat "$log" >&2
    exit 1
fi

status=0
REPLICATE_BASE_URL=$address REPLICATE_API_TOKEN=$token REPLICATE_POLL_INTERVAL=0.02 \
    "$environment/bin/python" -B "$tests/check.py" "$@" || status=$?
if [ "$status" -ne 0 ]; then
    echo "The simulator's log, its last 200 lines:" >&2
    tail -n 200 "$log" >&2
fi
exit "$status"
