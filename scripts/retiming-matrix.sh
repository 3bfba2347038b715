#!/usr/bin/env bash
# The long form of the retiming tests: the same matrix at 720p, every output frame against the source frame that the plan names.
# Usage: scripts/retiming-matrix.sh [WIDTHxHEIGHT]; takes about ten minutes on two cores.
set -euo pipefail
cd "$(dirname "$0")/.."
export ZOETROPE_RETIMING_SIZE="${1:-1280x720}"
swift test -c release --filter '^ZoetropeMediaTests\.RetimingTests'
