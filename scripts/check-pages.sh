#!/usr/bin/env bash
# Drives Chromium over the built server's pages: from a photo to a video, with the keyboard, on a phone, without JavaScript, for two
# users; axe-core looks at every state. Usage: scripts/check-pages.sh [TESTS …]
#
# ZOETROPE_PAGES_PICTURES=FOLDER keeps a picture of each state, light and dark, desk and phone.
set -euo pipefail
cd "$(dirname "$0")/.."

tests=Tests/Pages
pictures=${ZOETROPE_PAGES_PICTURES:-}
# The caller's settings and modules are not under test.
unset "${!PYTHON@}" "${!ZOETROPE_@}" "${!REPLICATE_@}"
[ -z "$pictures" ] || export ZOETROPE_PAGES_PICTURES=$pictures

ZOETROPE_BUILD=$(swift build -c release --show-bin-path)
export ZOETROPE_BUILD
for program in zoetrope replicate-simulator; do
    if [ ! -x "$ZOETROPE_BUILD/$program" ]; then
        echo "$ZOETROPE_BUILD/$program is missing; build it first: swift build -c release --product $program" >&2
        exit 1
    fi
done

environment=.venv-pages
scripts/install-python.sh "$tests/requirements.txt" "$environment" playwright,axe_playwright_python
"$environment/bin/python" -B "$tests/check.py" "$@"
