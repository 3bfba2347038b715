#!/usr/bin/env bash
# Proves that a backup is one: a service works, is backed up while it does, is destroyed, and is restored from the backup alone.
# Usage: scripts/restore-drill.sh [sqlite|postgres], both unless told. Everything happens in a temporary folder.
#
# After the restore every video that was ready at the backup is there with the same bytes, also under the signed address that was
# given out before; runs that were under way come to their end; and `zoetrope doctor` and `zoetrope runs verify` find nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
# The caller's settings are not meant.
unset "${!ZOETROPE_@}" "${!REPLICATE_@}" "${!PG@}"

case "${1:-both}" in
both) databases=(sqlite postgres) ;;
sqlite | postgres) databases=("$1") ;;
*)
    echo "usage: $0 [sqlite|postgres]" >&2
    exit 2
    ;;
esac
program=$(swift build -c release --show-bin-path)/zoetrope
if [ ! -x "$program" ]; then
    echo "$program is missing; build it first: swift build -c release --product zoetrope" >&2
    exit 1
fi

# A run that a killed process held is taken up after this; the usual 30 s are long for a test.
export ZOETROPE_LEASE=5s
photo=$PWD/Examples/photos/landscape.jpg
folder=$(mktemp -d)
serving=
postgres=
stop() {
    [ -z "$serving" ] || kill -KILL "$serving" 2>/dev/null || true
    [ -z "$postgres" ] || kill -QUIT "$postgres" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$folder"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
fail() {
    echo "restore drill: $*" >&2
    tail -n 20 "$folder/log" >&2 || true
    exit 1
}
set -o errtrace
trap 'fail "line $LINENO failed: $BASH_COMMAND"' ERR
since() { awk -v from="$1" -v to="$EPOCHREALTIME" 'BEGIN { printf "%.1f", to - from }'; }

# Starts the service on the data folder; sets address.
serve() {
    : >"$folder/log"
    "$program" serve --port 0 2>"$folder/log" &
    serving=$!
    address=
    for _ in $(seq 300); do
        address=$(sed -n 's/^Zoetrope is at \(http[^ ]*\)$/\1/p' "$folder/log")
        [ -z "$address" ] || return 0
        kill -0 "$serving" 2>/dev/null || break
        sleep 0.1
    done
    fail "zoetrope serve did not start"
}

animation() { curl --silent --show-error --fail "$address/api/v1/jobs/$job/animations/$1"; }

# Orders that many animations; prints their ids.
order() {
    for _ in $(seq "$1"); do
        curl --silent --show-error --fail --json '{"params": {"resolution": "480p"}}' "$address/api/v1/jobs/$job/animations" |
            jq --raw-output .id
    done
}

# Waits until every one of them is ready.
await() {
    local id status
    for id in "$@"; do
        for _ in $(seq 600); do
            status=$(animation "$id" | jq --raw-output .status)
            [ "$status" = pending ] || break
            sleep 0.1
        done
        [ "$status" = ready ] || fail "animation $id is $status, and should be ready"
    done
}

# The hash of a video, by its address as the service gives it now.
hash_of() { curl --silent --show-error --fail "$(animation "$1" | jq --raw-output .preview_url)" | sha256sum | cut -d' ' -f1; }

start_postgres() {
    local programs as_user=()
    programs=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort --version-sort | tail -n 1)
    mkdir "$folder/postgres"
    if [ "$(id -u)" -eq 0 ]; then
        # PostgreSQL refuses to run as root.
        chmod 755 "$folder"
        chown postgres: "$folder/postgres"
        as_user=(setpriv --reuid=postgres --regid=postgres --clear-groups)
    fi
    (
        cd /
        "${as_user[@]}" "$programs/initdb" -D "$folder/postgres/data" -U zoetrope -A trust -E UTF8 >"$folder/initdb.log"
    )
    (cd / && exec "${as_user[@]}" "$programs/postgres" -D "$folder/postgres/data" -c listen_addresses= \
        -c unix_socket_directories="$folder/postgres" 2>"$folder/postgres.log") &
    postgres=$!
    for _ in $(seq 300); do
        psql --no-psqlrc --quiet --host "$folder/postgres" --username zoetrope --dbname postgres \
            --command 'CREATE DATABASE zoetrope' 2>/dev/null && return 0
        sleep 0.1
    done
    cat "$folder/postgres.log" >&2
    fail "PostgreSQL did not start"
}

# What operators do by hand; docs/operations.md, "Backup and restore".
back_up() {
    mkdir "$folder/backup"
    # Objects never change once they have a name, so that copying them once more only brings what is new.
    cp -an "$ZOETROPE_DATA_DIR/objects" "$folder/backup/"
    case "$1" in
    sqlite) sqlite3 "$ZOETROPE_DATA_DIR/zoetrope.sqlite" "VACUUM INTO '$folder/backup/zoetrope.sqlite'" ;;
    postgres) pg_dump --format=custom --file="$folder/backup/zoetrope.dump" "$ZOETROPE_DATABASE_URL" ;;
    esac
    # After the database: whatever a row names is there by now.
    cp -an "$ZOETROPE_DATA_DIR/objects" "$folder/backup/"
    cp -a "$ZOETROPE_DATA_DIR/secrets" "$folder/backup/"
}

destroy() {
    kill -KILL "$serving"
    wait "$serving" 2>/dev/null || true
    rm -rf "$ZOETROPE_DATA_DIR"
    [ "$1" = sqlite ] || psql --no-psqlrc --quiet --host "$folder/postgres" --username zoetrope --dbname postgres \
        --command 'DROP DATABASE zoetrope WITH (FORCE)' --command 'CREATE DATABASE zoetrope'
}

restore() {
    install -d --mode=0700 "$ZOETROPE_DATA_DIR"
    cp -a "$folder/backup/objects" "$folder/backup/secrets" "$ZOETROPE_DATA_DIR/"
    case "$1" in
    sqlite) cp -a "$folder/backup/zoetrope.sqlite" "$ZOETROPE_DATA_DIR/" ;;
    postgres) pg_restore --exit-on-error --no-owner --dbname="$ZOETROPE_DATABASE_URL" "$folder/backup/zoetrope.dump" ;;
    esac
}

drill() {
    local began=$EPOCHREALTIME address job ready under_way later before after signed backup_seconds restore_seconds id
    export ZOETROPE_DATA_DIR=$folder/data
    if [ "$1" = postgres ]; then
        start_postgres
        export ZOETROPE_DATABASE_URL="postgresql://zoetrope@/zoetrope?host=$folder/postgres"
    fi
    serve
    job=$(curl --silent --show-error --fail --form image=@"$photo" "$address/api/v1/jobs" | jq --raw-output .id)
    mapfile -t ready < <(order 2)
    await "${ready[@]}"
    before=$(for id in "${ready[@]}"; do hash_of "$id"; done)
    signed=$(animation "${ready[0]}" | jq --raw-output .preview_url)
    mapfile -t under_way < <(order 3)

    local from=$EPOCHREALTIME
    back_up "$1"
    backup_seconds=$(since "$from")
    # What comes after the backup is lost with the rest.
    mapfile -t later < <(order 1)

    from=$EPOCHREALTIME
    destroy "$1"
    restore "$1"
    (cd "$folder" && "$program" doctor) >"$folder/doctor" || fail "zoetrope doctor: $(cat "$folder/doctor")"
    "$program" runs verify >"$folder/verify" || fail "zoetrope runs verify: $(cat "$folder/verify")"
    serve
    restore_seconds=$(since "$from")
    after=$(for id in "${ready[@]}"; do hash_of "$id"; done)
    [ "$before" = "$after" ] || fail "videos have changed"
    id=$(curl --silent --show-error --fail "$address/${signed#*//*/}" | sha256sum | cut -d' ' -f1)
    [ "$id" = "${before%%$'\n'*}" ] || fail "a signed address of before does not work"
    await "${under_way[@]}"
    for id in "${under_way[@]}"; do hash_of "$id" >/dev/null; done
    [ "$(curl --silent --output "$folder/later" --write-out '%{http_code}' "$address/api/v1/jobs/$job/animations/${later[0]}")" = 404 ] ||
        fail "an animation is there that was ordered after the backup"
    kill -TERM "$serving"
    wait "$serving" || fail "zoetrope serve did not end well"
    serving=
    echo "restore drill, $1: ${#ready[@]} videos unchanged, ${#under_way[@]} runs under way came to their end;" \
        "backup $backup_seconds s, from the loss to serving again $restore_seconds s, in all $(since "$began") s"
    rm -rf "$folder/backup" "$ZOETROPE_DATA_DIR"
}

for database in "${databases[@]}"; do drill "$database"; done
