#!/usr/bin/env bash
# The storm at size. Usage: scripts/storm.sh [sqlite|postgres|fleet]
#
# On SQLite, and then on PostgreSQL, whose server is also stopped 20 times as in a crash: workers are killed 200 times over 400
# runs. As a fleet: two services and two workers that share nothing but PostgreSQL, which is stopped twice, and a bucket on an
# S3 server that answers 5 % of all requests 503 and loses 1 % of its answers; a worker is killed every 5 seconds until nearly
# all of 1,000 runs are at their end, and one is frozen for longer than its lease, which is the usual one of 30 s.
#
# From the environment: ZOETROPE_STORM_RUNS, _KILLS, _FREEZES, _STOPS, _WORKERS, _PACE_MILLISECONDS (between two kills),
# _LEASE_SECONDS and _SEED. The seed decides what is chosen; real time decides what that hits, so that the same seed gives the
# same choices and not the same storm.
# Prints progress and a table for each form; exit code 1 when anything was lost, paid twice or left over.
set -euo pipefail
cd "$(dirname "$0")/.."

case "${1:-all}" in
all) forms=(sqlite postgres fleet) ;;
sqlite | postgres | fleet) forms=("$1") ;;
*)
    echo "usage: $0 [sqlite|postgres|fleet]" >&2
    exit 2
    ;;
esac

scripts/setup.sh test
swift build -c release --build-tests >&2

# Sets what the caller has not.
usual() { [ -n "${!1:-}" ] || export "$1=$2"; }

storm() {
    if [ "$1" = fleet ]; then
        usual ZOETROPE_STORM_RUNS 1000
        usual ZOETROPE_STORM_KILLS 20
        usual ZOETROPE_STORM_FREEZES 1
        usual ZOETROPE_STORM_STOPS 2
        usual ZOETROPE_STORM_WORKERS 2
        usual ZOETROPE_STORM_PACE_MILLISECONDS 5000
        usual ZOETROPE_STORM_LEASE_SECONDS 30
    else
        usual ZOETROPE_STORM_RUNS 400
        usual ZOETROPE_STORM_KILLS 200
        usual ZOETROPE_STORM_FREEZES 20
        usual ZOETROPE_STORM_STOPS 20
        usual ZOETROPE_STORM_WORKERS 4
    fi
    ZOETROPE_STORM_FORMS="$1" swift test -c release --skip-build --filter '^ZoetropeEndToEndTests\.StormTests'
}

status=0
for form in "${forms[@]}"; do
    # In a shell of its own: what is usual for one form is not for the next.
    (storm "$form") || status=1
done
exit "$status"
