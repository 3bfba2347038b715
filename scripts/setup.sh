#!/usr/bin/env bash
# Installs what is missing. Usage: scripts/setup.sh run|test|bench
# Says what it does; does nothing when everything is there. Debian and Ubuntu; sudo when not root.
set -euo pipefail

# libpq-dev, libsqlite3-dev, pkg-config: the two databases are linked to.
run_packages=(ffmpeg bubblewrap libpq-dev libsqlite3-dev pkg-config)
# postgresql: tests start a server of their own, in a temporary folder; sqlite3: backups; curl: callers of the service; jq, python3: the independent checker; python3-venv: the official Replicate client; webp, exiftool: sample images.
test_packages=(postgresql sqlite3 curl jq python3 python3-venv webp libimage-exiftool-perl)
# Chromium: the browser that looks at the pages.
test_packages+=(chromium)
# Ceph: the S3 server that tests start in memory (scripts/s3-server.sh).
test_packages+=(ceph-mon ceph-osd ceph-common radosgw)
# wrk, nginx-light: the load on the HTTP service, and what serves files beside it.
bench_packages=(curl python3 python3-venv wrk nginx-light)

case "${1:-run}" in
run) wanted=("${run_packages[@]}") ;;
test) wanted=("${run_packages[@]}" "${test_packages[@]}") ;;
bench) wanted=("${run_packages[@]}" "${bench_packages[@]}") ;;
*)
    echo "usage: $0 run|test|bench" >&2
    exit 2
    ;;
esac

if ! command -v swift >/dev/null; then
    echo "Swift is not installed. Zoetrope needs Swift 6.2 or later: https://www.swift.org/install/linux/" >&2
    exit 1
fi

if ! command -v dpkg-query >/dev/null; then
    echo "This is not Debian or Ubuntu. Please see to it that these are installed: ${wanted[*]}" >&2
    exit 0
fi

missing=()
for package in "${wanted[@]}"; do
    state=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

echo "Installing with apt-get: ${missing[*]}" >&2
as_root=()
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "You are not root and there is no sudo. Please run as root: apt-get install ${missing[*]}" >&2
        exit 1
    fi
    as_root=(sudo)
fi
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends -qq "${missing[@]}" >&2
