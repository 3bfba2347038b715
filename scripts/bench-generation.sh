#!/usr/bin/env bash
# Measures a generation from its acceptance to the playable video, step by step, for various scenes, models, lengths and
# sizes, and draws it. Usage: scripts/bench-generation.sh [--quick] [--record]
#   --quick    one of each instead of three, and fewer combinations
#   --record   keeps the results in docs/benchmarks/generation.{jsonl,md,svg}, else in .build
# About 15 minutes, quick 3; nothing else should use the machine meanwhile.
set -euo pipefail
cd "$(dirname "$0")/.."

results=.build/generation
page=()
rounds=3
while [ $# -gt 0 ]; do
    case "$1" in
    --quick) rounds=1 ;;
    --record) results=docs/benchmarks/generation page=(--page docs/benchmarks/generation.md) ;;
    *)
        sed -n '2,6s/^# //p' "$0" >&2
        exit 2
        ;;
    esac
    shift
done

scripts/setup.sh test
for product in zoetrope replicate-simulator; do swift build -c release --product "$product" >&2; done
bin=$(swift build -c release --show-bin-path)
# The caller's accounts and settings are not meant.
unset "${!PYTHON@}" "${!ZOETROPE_@}" "${!REPLICATE_@}"

python3 -B Benchmarks/Generation/generation.py --bin "$bin" --rounds "$rounds" \
    --output "$results.jsonl" --plot "$results.svg" "${page[@]}"
