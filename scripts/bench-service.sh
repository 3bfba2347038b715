#!/usr/bin/env bash
# Measures the HTTP service beside a bare Hummingbird application, FastAPI and nginx.
# Usage: scripts/bench-service.sh [--record] [seconds]
#   --record  keeps the results in docs/benchmarks/service.{json,md}, else in .build/service.json
#   seconds   of each run of wrk; 10 unless told
# About 8 minutes; nothing else should use the machine meanwhile.
set -euo pipefail
cd "$(dirname "$0")/.."

results=.build/service.json
page=()
seconds=10
while [ $# -gt 0 ]; do
    case "$1" in
    --record) results=docs/benchmarks/service.json page=(--page docs/benchmarks/service.md) ;;
    [1-9] | [1-9][0-9] | [1-9][0-9][0-9]) seconds=$1 ;;
    *)
        sed -n '2,6s/^# //p' "$0" >&2
        exit 2
        ;;
    esac
    shift
done

scripts/setup.sh bench
scripts/install-python.sh Benchmarks/Service/peers/requirements.txt .venv-service \
    "fastapi, httptools, sqlalchemy, uvicorn, uvloop"
swift build -c release --product zoetrope >&2
swift build -c release --product zoetrope-http-limit >&2
bin=$(swift build -c release --show-bin-path)
unset "${!PYTHON@}"
# 10,000 streams, and as many clients.
[ "$(ulimit -n)" -ge 12000 ] || ulimit -n 12000

PATH=$PATH:/usr/sbin .venv-service/bin/python -B Benchmarks/Service/service.py --bin "$bin" --python .venv-service/bin \
    --seconds "$seconds" --output "$results" "${page[@]}"
