#!/usr/bin/env bash
# Runs the real engine in simulated worlds, as many as wanted; what for and what came of it is in docs/proof.md.
#   scripts/simulate.sh --seeds 100000 [--jobs 2] [--first 1] [--store memory|sqlite]
#   scripts/simulate.sh replay SEED       one seed again, with everything that happens in it
#   scripts/simulate.sh bugs              plants each known bug: which invariant finds it, and at which seed
#   scripts/simulate.sh crashes           each crash point with each failure, alone and in pairs
#   scripts/simulate.sh dropped           10,000 paid calls whose answer is lost
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh run
swift build -c release --product zoetrope-simulate >&2
exec "$(swift build -c release --show-bin-path)/zoetrope-simulate" "$@"
