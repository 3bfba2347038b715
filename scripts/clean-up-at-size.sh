#!/usr/bin/env bash
# Cleans up a large service in the tests' own databases: killed 20 times, with two schedulers and callers that read.
# Usage: scripts/clean-up-at-size.sh [ANIMATIONS]   (200,000 unless told, with three times as many objects)
# Some minutes on SQLite and on PostgreSQL each, and about 1 GB of memory.
set -euo pipefail
cd "$(dirname "$0")/.."

export ZOETROPE_CLEANUP_ROWS=${1:-200000}
swift test -c release --filter 'ZoetropeDatabaseTests\.CleanupAtSizeTests'
