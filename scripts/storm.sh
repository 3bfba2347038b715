#!/usr/bin/env bash
# The storm at size: real workers killed 200 times over 400 runs, on SQLite and then on PostgreSQL, whose server is also stopped
# 20 times as in a crash. Usage: scripts/storm.sh [sqlite|postgres]
#
# From the environment: ZOETROPE_STORM_RUNS, _KILLS, _FREEZES, _STOPS, _WORKERS and _SEED. The seed decides what is chosen; real
# time decides what that hits, so that the same seed gives the same choices and not the same storm.
# Prints progress and a table for each database; exit code 1 when anything was lost, paid twice or left over.
set -euo pipefail
cd "$(dirname "$0")/.."

case "${1:-both}" in
both) databases=(sqlite postgres) ;;
sqlite | postgres) databases=("$1") ;;
*)
    echo "usage: $0 [sqlite|postgres]" >&2
    exit 2
    ;;
esac

export ZOETROPE_STORM_RUNS="${ZOETROPE_STORM_RUNS:-400}"
export ZOETROPE_STORM_KILLS="${ZOETROPE_STORM_KILLS:-200}"
export ZOETROPE_STORM_FREEZES="${ZOETROPE_STORM_FREEZES:-20}"
export ZOETROPE_STORM_STOPS="${ZOETROPE_STORM_STOPS:-20}"
export ZOETROPE_STORM_WORKERS="${ZOETROPE_STORM_WORKERS:-4}"

scripts/setup.sh test
swift build -c release --build-tests >&2

status=0
for database in "${databases[@]}"; do
    ZOETROPE_STORM_DATABASES="$database" swift test -c release --skip-build \
        --filter '^ZoetropeEndToEndTests\.StormTests' || status=1
done
exit "$status"
