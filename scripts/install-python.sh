#!/usr/bin/env bash
# Makes a virtual environment when it is missing or its requirements have changed.
# Usage: scripts/install-python.sh REQUIREMENTS ENVIRONMENT MODULES, the modules as in "import …"
set -euo pipefail
cd "$(dirname "$0")/.."

requirements=$1
environment=$2
modules=$3
# The caller's modules are not meant.
unset "${!PYTHON@}"

if ! cmp -s "$requirements" "$environment/requirements.txt" ||
    ! "$environment/bin/python" -c "import $modules" 2>/dev/null; then
    echo "Installing $requirements into $environment …" >&2
    if ! python3 -m venv --clear "$environment"; then
        echo "python3 cannot make a virtual environment; on Debian and Ubuntu: apt-get install python3-venv" >&2
        exit 1
    fi
    "$environment/bin/python" -m pip --quiet --disable-pip-version-check install --requirement "$requirements"
    cp "$requirements" "$environment/requirements.txt"
fi
