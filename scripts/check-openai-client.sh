#!/usr/bin/env bash
# Runs the official OpenAI client, unmodified and in several versions, against the built server: the first that has
# videos, the last that does not call them deprecated, and the newest. Usage: scripts/check-openai-client.sh [TESTS …]
set -euo pipefail
cd "$(dirname "$0")/.."

tests=Tests/OpenAIPythonClient
# The caller's keys and addresses must reach nobody here, and the caller's modules are not under test.
unset "${!OPENAI_@}" "${!PYTHON@}" "${!ZOETROPE_@}" "${!REPLICATE_@}"

ZOETROPE_BUILD=$(swift build -c release --show-bin-path)
export ZOETROPE_BUILD
for program in zoetrope replicate-simulator; do
    if [ ! -x "$ZOETROPE_BUILD/$program" ]; then
        echo "$ZOETROPE_BUILD/$program is missing; build it first: swift build -c release --product $program" >&2
        exit 1
    fi
done

for requirements in "$tests"/requirements-*.txt; do
    version=${requirements##*-}
    environment=.venv-openai-${version%.txt}
    scripts/install-python.sh "$requirements" "$environment" openai
    "$environment/bin/python" -B "$tests/check.py" "$@"
done
