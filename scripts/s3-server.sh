#!/usr/bin/env bash
# A real S3 server on loopback, for tests and tries: Ceph's radosgw over one monitor and one OSD in memory.
# It verifies signatures (header and presigned) and knows conditional writes, multipart uploads, ranges, batch deletes.
#
#   scripts/s3-server.sh up FOLDER [PORT [OWNER]]   starts it, in about 15 s and 120 MB; prints what to set
#   scripts/s3-server.sh bucket FOLDER NAME         makes a bucket
#   scripts/s3-server.sh down FOLDER                stops it and removes FOLDER
#
# Without PORT, or with 0, a free one is taken. With OWNER, the id of a process, it goes when that process has ended.
# Everything it holds is in memory and in FOLDER. Needs: scripts/setup.sh test
set -euo pipefail

command=${1:-}
folder=${2:-}
# Only this machine can reach it.
export AWS_ACCESS_KEY_ID=zoetrope-test AWS_SECRET_ACCESS_KEY=zoetrope-test-secret

case "$command" in
up | bucket | down) [ -n "$folder" ] || set -- ;;
*) set -- ;;
esac
if [ $# -eq 0 ]; then
    sed -n '2,9s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi

# Two ports that are free now, and not of those that connections get by themselves (from 32768 on).
free_ports() {
    python3 -c '
import random, socket
held = []
while len(held) < 2:
    one = socket.socket()
    try:
        one.bind(("127.0.0.1", random.randrange(20000, 32000)))
        held.append(one)
    except OSError:
        pass
print(*(one.getsockname()[1] for one in held))'
}

down() {
    local file pid
    folder=$(cd "$folder" 2>/dev/null && pwd) || return 0
    for file in "$folder"/run/*.pid; do
        [ -f "$file" ] || continue
        pid=$(cat "$file")
        # The number may be another's by now.
        grep -qsF "$folder/ceph.conf" "/proc/$pid/cmdline" && kill -KILL "$pid" || true
    done
    rm -rf "$folder"
}

up() {
    local wanted=${1:-0} owner=${2:-} port mon_port fsid conf fd
    if [ -e "$folder" ] && [ -n "$(ls -A "$folder")" ]; then
        echo "the folder \"$folder\" is not empty; stop what is in it: $0 down $folder" >&2
        exit 2
    fi
    # The daemons would keep open what the caller has open, and some callers wait until that is closed. 255 is this script.
    for fd in "/proc/$$/fd/"*; do
        fd=${fd##*/}
        if [ "$fd" -gt 2 ] && [ "$fd" -ne 255 ]; then eval "exec $fd>&-"; fi
    done
    mkdir -p "$folder/mon" "$folder/osd" "$folder/run"
    folder=$(cd "$folder" && pwd)
    conf=$folder/ceph.conf
    read -r port mon_port <<<"$(free_ports)"
    [ "$wanted" = 0 ] || port=$wanted
    fsid=$(cat /proc/sys/kernel/random/uuid)
    cat >"$conf" <<EOF
[global]
fsid = $fsid
mon host = [v1:127.0.0.1:$mon_port]
public network = 127.0.0.0/8
ms bind msgr2 = false
auth cluster required = none
auth service required = none
auth client required = none
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pg autoscale mode = off
mon allow pool size one = true
mon max pg per osd = 2000
mon data avail crit = 1
mon data avail warn = 2
osd crush chooseleaf type = 0
osd class update on start = false
osd crush update on start = false
osd objectstore = memstore
memstore device bytes = 8589934592
run dir = $folder/run
log file = $folder/\$name.log
debug rgw = 0/0
admin socket = $folder/run/\$name.asok
pid file = $folder/run/\$name.pid
rgw frontends = beast endpoint=127.0.0.1:$port
rgw dns name = localhost
[mon.a]
mon data = $folder/mon
[osd.0]
osd data = $folder/osd
EOF
    if [ -n "$owner" ]; then
        # In a session of its own, out of reach of a signal to the owner's group.
        setsid bash -c "trap '' INT TERM HUP; tail --pid=$owner -s 0.2 -f /dev/null; exec \"\$0\" down \"\$1\"" \
            "$(cd "$(dirname "$0")" && pwd)/$(basename "$0")" "$folder" </dev/null >/dev/null 2>&1 &
    fi

    quietly monmaptool --create --fsid "$fsid" --addv a "[v1:127.0.0.1:$mon_port]" "$folder/monmap"
    quietly ceph-mon -c "$conf" --mkfs -i a --monmap "$folder/monmap"
    quietly ceph-mon -c "$conf" -i a
    quietly ceph-osd -c "$conf" -i 0 --mkfs --monmap "$folder/monmap"
    # A monitor refuses what comes before it is ready.
    wait_for "the monitor" 60 eval "ceph -c '$conf' osd new '$(cat "$folder/osd/fsid")' >'$folder/start.log' 2>&1"
    quietly ceph-osd -c "$conf" -i 0
    ceph -c "$conf" osd crush add osd.0 1.0 root=default >/dev/null 2>&1 || true
    wait_for "the OSD" 60 eval "ceph -c '$conf' osd stat 2>/dev/null | grep -q '1 up'"
    quietly radosgw -c "$conf" -n client.rgw --log-file="$folder/rgw.log"
    quietly radosgw-admin -c "$conf" user create --uid=test --display-name=test --max-buckets=0 \
        --access-key="$AWS_ACCESS_KEY_ID" --secret-key="$AWS_SECRET_ACCESS_KEY"
    wait_for radosgw 120 curl -s -o /dev/null "http://127.0.0.1:$port/"
    echo "http://127.0.0.1:$port" >"$folder/endpoint"

    echo "AWS_ACCESS_KEY_ID=$AWS_ACCESS_KEY_ID"
    echo "AWS_SECRET_ACCESS_KEY=$AWS_SECRET_ACCESS_KEY"
    echo "endpoint=http://127.0.0.1:$port"
}

# Says what a command said only when it fails.
quietly() {
    local status=0
    "$@" >"$folder/start.log" 2>&1 || status=$?
    [ "$status" -eq 0 ] && return
    echo "$* failed with status $status:" >&2
    tail -n 5 "$folder"/*.log >&2
    exit 1
}

# Asks until it is so: wait_for WHAT SECONDS COMMAND…
wait_for() {
    local what=$1 end=$((SECONDS + $2))
    shift 2
    until "$@"; do
        if [ "$SECONDS" -ge "$end" ]; then
            echo "$what does not start; see the logs in $folder" >&2
            exit 1
        fi
        sleep 0.2
    done
}

bucket() {
    curl --fail-with-body --silent --show-error --aws-sigv4 aws:amz:us-east-1:s3 \
        --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" \
        --header "x-amz-content-sha256: UNSIGNED-PAYLOAD" --request PUT "$(cat "$folder/endpoint")/$1"
}

"$command" "${@:3}"
