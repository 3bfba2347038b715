#!/usr/bin/env bash
# Races durable engines: jobs that order, wait 8 × 1 s with a durable look after each, and finish.
# Usage: scripts/race.sh [--n JOBS] [--quick] [--record]
#   --n JOBS   in flight at a time, for all engines; 1,000 unless told
#   --quick    200 jobs, and without ours at 5,000 and 10,000
#   --record   keeps results and plot in docs/benchmarks/race.{jsonl,svg,md}, else in .build/race.{jsonl,svg}
# About 8 minutes; nothing else should use the machine meanwhile.
set -euo pipefail
cd "$(dirname "$0")/.."

jobs=1000
quick=
results=.build/race.jsonl
page=()
while [ $# -gt 0 ]; do
    case "$1" in
    --n) jobs=${2:?--n needs a number} && shift ;;
    --quick) quick=1 jobs=200 ;;
    --record) results=docs/benchmarks/race.jsonl page=(--page docs/benchmarks/race.md) ;;
    *)
        sed -n '2,7s/^# //p' "$0" >&2
        exit 2
        ;;
    esac
    shift
done

scripts/setup.sh test
scripts/install-python.sh Benchmarks/Race/peers/requirements.txt .venv-race "dbos, pgqueuer, procrastinate"
swift build -c release --product zoetrope-race >&2
bin=$(swift build -c release --show-bin-path)
unset "${!PYTHON@}" "${!PG@}"

runs=("zoetrope:$jobs" "zoetrope, single looks:$jobs" "PgQueuer:$jobs" "Procrastinate:$jobs" "DBOS:$jobs")
[ -n "$quick" ] || runs+=("zoetrope:5000" "zoetrope, waiting:10000")
.venv-race/bin/python -B Benchmarks/Race/race.py --bin "$bin" --python .venv-race/bin --output "$results" \
    --log .build/race.log "${page[@]}" "${runs[@]}"
.venv-race/bin/python -B Benchmarks/Race/plot.py "$results" "${results%.jsonl}.svg"
