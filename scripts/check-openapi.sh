#!/usr/bin/env bash
# Holds Sources/ZoetropeServer/OpenAPI/openapi.yaml against a running server: is it valid, does every answer keep to it, and is nobody
# let in, or let near what is another's? Usage: scripts/check-openapi.sh [EXAMPLES for each call] [options of schemathesis run …]
#
# 20 examples, the default, are part of the test command. 900 make more than 20,000 cases.
set -euo pipefail
cd "$(dirname "$0")/.."
# The caller's settings and modules are not under test.
unset "${!ZOETROPE_@}" "${!REPLICATE_@}" "${!SCHEMATHESIS_@}" "${!PYTHON@}"
examples=${1:-20}
shift || true

program=$(swift build -c release --show-bin-path)/zoetrope
if [ ! -x "$program" ]; then
    echo "$program is missing; build it first: swift build -c release --product zoetrope" >&2
    exit 1
fi
tests=Tests/OpenAPI
environment=.venv-openapi
scripts/install-python.sh "$tests/requirements.txt" "$environment" schemathesis,openapi_spec_validator,yaml

folder=$(mktemp -d)
: >"$folder/log"
running=
stop() {
    [ -z "$running" ] || kill "$running" 2>/dev/null || true
    [ -z "$running" ] || wait "$running" 2>/dev/null || true
    rm -rf "$folder"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Nothing is rendered: animations that are created stay pending.
export ZOETROPE_DATA_DIR=$folder/data ZOETROPE_AUTH=token ZOETROPE_JWT_ISSUER=https://issuer.example
export ZOETROPE_JWT_SECRET=$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')
ZOETROPE_PAID_LIMITS=none ZOETROPE_FREE_LIMITS=none "$program" serve --role api --port 0 >"$folder/log" 2>&1 &
running=$!
address=
for _ in $(seq 300); do
    address=$(sed -n 's/^Zoetrope is at \(http[^ ]*\)$/\1/p' "$folder/log")
    [ -z "$address" ] || break
    kill -0 "$running" 2>/dev/null || break
    sleep 0.1
done
if [ -z "$address" ]; then
    echo "zoetrope serve did not start; it said:" >&2
    cat "$folder/log" >&2
    exit 1
fi

ada=$("$program" token --user ada --session s-1 --tier paid)
bea=$("$program" token --user bea --session s-1 --tier paid)
cat >"$folder/logins.json" <<END
{"auth": [
    {"name": "ada", "fixedHeaders": [{"name": "Authorization", "value": "Bearer $ada"}]},
    {"name": "bea", "fixedHeaders": [{"name": "Authorization", "value": "Bearer $bea"}]}
]}
END
export ZOETROPE_URL=$address ZOETROPE_LOGINS=$folder/logins.json ZOETROPE_HOOKS=$tests/hooks.py

# What is checked is what the server serves.
curl --silent --show-error --fail --output "$folder/openapi.yaml" "$address/openapi.yaml"
"$environment/bin/openapi-spec-validator" "$folder/openapi.yaml" >&2

"$environment/bin/python" -B "$tests/access.py" "$folder/openapi.yaml"

status=0
"$environment/bin/schemathesis" --config-file "$tests/schemathesis.toml" run "$folder/openapi.yaml" \
    --max-examples "$examples" --checks all "$@" || status=$?
if [ "$status" -ne 0 ]; then
    echo "The server's log, its last 100 lines:" >&2
    tail -n 100 "$folder/log" >&2
fi
exit "$status"
