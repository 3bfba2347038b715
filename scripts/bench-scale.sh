#!/usr/bin/env bash
# Measures the scaled-out shape: 1, 2 and 4 workers on PostgreSQL with objects in S3 and in files; our client of S3 beside `aws s3 cp`
# and boto3; batch deletes; a worker's memory while 1 GiB streams through. Usage: scripts/bench-scale.sh [--quick] [--record] [PARTS]
#   --quick    one round instead of three
#   --record   keeps the results in docs/benchmarks/scale.{jsonl,md}, else in .build/scale.jsonl
#   PARTS      throughput,upload,delete,stream: all unless told
# About 8 minutes; nothing else should use the machine meanwhile.
set -euo pipefail
cd "$(dirname "$0")/.."

results=.build/scale.jsonl
page=()
rounds=3
parts=throughput,upload,delete,stream
while [ $# -gt 0 ]; do
    case "$1" in
    --quick) rounds=1 ;;
    --record) results=docs/benchmarks/scale.jsonl page=(--page docs/benchmarks/scale.md) ;;
    throughput* | upload* | delete* | stream*) parts=$1 ;;
    *)
        sed -n '2,7s/^# //p' "$0" >&2
        exit 2
        ;;
    esac
    shift
done

scripts/setup.sh test
scripts/install-python.sh Benchmarks/Scale/peers/requirements.txt .venv-scale "awscli, boto3"
for product in zoetrope zoetrope-race zoetrope-s3-bench; do swift build -c release --product "$product" >&2; done
bin=$(swift build -c release --show-bin-path)
# The caller's accounts, servers and settings are not meant.
unset "${!PYTHON@}" "${!PG@}" "${!AWS_@}" "${!ZOETROPE_@}"
export AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null AWS_EC2_METADATA_DISABLED=true

.venv-scale/bin/python -B Benchmarks/Scale/scale.py --bin "$bin" --python .venv-scale/bin --parts "$parts" --rounds "$rounds" \
    --output "$results" --log .build/scale.log "${page[@]}"
