#!/usr/bin/env bash
# Measures the renderer and the media path. Usage: scripts/bench.sh [PHOTO [stills|motion|speed …]]
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh run
swift build -c release >&2
"$(swift build -c release --show-bin-path)/zoetrope-bench" "${1:-Examples/photos/landscape.jpg}" "${@:2}"
