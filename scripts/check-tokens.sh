#!/usr/bin/env bash
# Lets another implementation of JWT read the tokens of the built `zoetrope token`. Usage: scripts/check-tokens.sh
#
# That ours reads those of the other is a test: Tests/ZoetropeTokensTests/Support/PyJWTSamples.swift.
set -euo pipefail
cd "$(dirname "$0")/.."
unset "${!PYTHON@}"

program=$(swift build -c release --show-bin-path)/zoetrope
if [ ! -x "$program" ]; then
    echo "$program is missing; build it first: swift build -c release --product zoetrope" >&2
    exit 1
fi

scripts/install-python.sh Tests/PyJWT/requirements.txt .venv-pyjwt jwt
.venv-pyjwt/bin/python -B Tests/PyJWT/check.py "$program"
