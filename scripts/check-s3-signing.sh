#!/usr/bin/env bash
# Compares our S3 signatures of 500 random requests with botocore's. Usage: scripts/check-s3-signing.sh
# Needs the built tests: swift build -c release --build-tests
set -euo pipefail
cd "$(dirname "$0")/.."
unset "${!PYTHON@}"

scripts/install-python.sh Tests/S3Signing/requirements.txt .venv-s3-signing botocore.auth
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export ZOETROPE_SIGNING_CASES=$folder/cases.json ZOETROPE_SIGNING_RESULTS=$folder/results.json

.venv-s3-signing/bin/python -B Tests/S3Signing/check.py cases "$ZOETROPE_SIGNING_CASES"
swift test -c release --skip-build --filter '^ZoetropeStorageTests\.S3SigningTests' >&2
.venv-s3-signing/bin/python -B Tests/S3Signing/check.py compare "$ZOETROPE_SIGNING_CASES" "$ZOETROPE_SIGNING_RESULTS"
