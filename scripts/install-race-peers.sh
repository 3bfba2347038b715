#!/usr/bin/env bash
# Makes .venv-race with the peers of the race when it is missing or its requirements have changed.
set -euo pipefail
cd "$(dirname "$0")/.."

requirements=Benchmarks/Race/peers/requirements.txt
environment=.venv-race
# The caller's modules are not in the race.
unset "${!PYTHON@}"

if ! cmp -s "$requirements" "$environment/requirements.txt" ||
    ! "$environment/bin/python" -c 'import dbos, pgqueuer, procrastinate' 2>/dev/null; then
    echo "Installing the peers into $environment …" >&2
    if ! python3 -m venv --clear "$environment"; then
        echo "python3 cannot make a virtual environment; on Debian and Ubuntu: apt-get install python3-venv" >&2
        exit 1
    fi
    "$environment/bin/python" -m pip --quiet --disable-pip-version-check install --requirement "$requirements"
    cp "$requirements" "$environment/requirements.txt"
fi
