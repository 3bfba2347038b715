#!/usr/bin/env bash
# Every check and every test; what `make test` and CI run. Stops at the first failure.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh test

echo "== format" >&2
swift format lint --strict --parallel --recursive Package.swift Sources Tests Benchmarks Examples

# One build serves programs, tests and benchmarks. It is optimised, because the renderer and the fuzzers run fifty times
# slower without (docs/decisions/0002-tests-run-optimised.md).
echo "== build" >&2
swift build -c release --build-tests --explicit-target-dependency-import-check error

for target in ZoetropeCoreTests ZoetropeTokensTests ZoetropeOutboundTests ZoetropeWorkflowTests ZoetropeStorageTests \
    ZoetropeDatabaseTests ZoetropeServerTests ReplicateSimulatorTests ReplicateTests ZoetropeProvidersTests ZoetropeMediaTests \
    ZoetropeEndToEndTests; do
    echo "== $target" >&2
    # The longest takes five minutes; one that hangs must not take the day.
    timeout --kill-after=10 20m swift test -c release --skip-build --filter "^$target\\."
done

# What makes the simulator believable: the official client, unmodified, cannot tell it from Replicate.
echo "== official Python client" >&2
scripts/check-python-client.sh

# Our access tokens and those of others are the same thing.
echo "== PyJWT" >&2
scripts/check-tokens.sh

# Our signatures of requests to S3 are those of AWS's own library.
echo "== botocore" >&2
scripts/check-s3-signing.sh

# /v1/videos is what clients of OpenAI's Videos interface expect.
echo "== official OpenAI client" >&2
scripts/check-openai-client.sh

# Every answer is as the description says, and nobody gets near what is another's.
echo "== API description" >&2
scripts/check-openapi.sh

# Chromium finds its way from a photo to a video, and nothing to complain about.
echo "== pages" >&2
scripts/check-pages.sh

# What is backed up while the service works is enough to go on with.
echo "== backup and restore" >&2
scripts/restore-drill.sh
