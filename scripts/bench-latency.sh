#!/usr/bin/env bash
# Measures the media path: from a provider's end to a playable video through the whole service, on SQLite and files and on
# PostgreSQL and S3, beside the usual Python glue; retiming beside memcpy and ffmpeg; every encode that the settings offer.
# Usage: scripts/bench-latency.sh [--quick] [--record] [PARTS]
#   --quick    20 clips instead of 200
#   --record   keeps the results in docs/benchmarks/latency.{jsonl,md}, else in .build/latency.jsonl
#   PARTS      playable,retiming,presets: all unless told
# About 45 minutes, quick 12; nothing else should use the machine meanwhile.
set -euo pipefail
cd "$(dirname "$0")/.."

results=.build/latency.jsonl
page=()
clips=200
parts=playable,retiming,presets
while [ $# -gt 0 ]; do
    case "$1" in
    --quick) clips=20 ;;
    --record) results=docs/benchmarks/latency.jsonl page=(--page docs/benchmarks/latency.md) ;;
    playable* | retiming* | presets*) parts=$1 ;;
    *)
        sed -n '2,8s/^# //p' "$0" >&2
        exit 2
        ;;
    esac
    shift
done

scripts/setup.sh test
scripts/install-python.sh Benchmarks/Latency/peers/requirements.txt .venv-latency "boto3, imageio_ffmpeg, replicate"
for product in zoetrope replicate-simulator zoetrope-bench; do swift build -c release --product "$product" >&2; done
bin=$(swift build -c release --show-bin-path)
# The caller's accounts, servers and settings are not meant.
unset "${!PYTHON@}" "${!PG@}" "${!AWS_@}" "${!ZOETROPE_@}" "${!REPLICATE_@}"
export AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null AWS_EC2_METADATA_DISABLED=true

.venv-latency/bin/python -B Benchmarks/Latency/latency.py --bin "$bin" --python .venv-latency/bin --clips "$clips" --parts "$parts" \
    --output "$results" "${page[@]}"
