#!/usr/bin/env bash
# Makes a Debian package of a built zoetrope: program, systemd units, user, settings, data folder.
# Usage: scripts/build-deb.sh [--output FOLDER] [PROGRAM]; PROGRAM is .build/release/zoetrope unless told. Prints the package's path.
#
# Swift's own libraries come along in /usr/lib/zoetrope, unless PROGRAM was built with --static-swift-stdlib. The package is for
# the Debian or Ubuntu release that it is made on, because its libraries are. Needs dpkg-dev, binutils and, for a program that is
# not static, patchelf.
set -euo pipefail
cd "$(dirname "$0")/.."

output=.
while [ $# -gt 0 ]; do
    case "$1" in
    --output) output=${2:?--output needs a folder} && shift ;;
    -*)
        sed -n '2,3s/^# //p' "$0" >&2
        exit 2
        ;;
    *) break ;;
    esac
    shift
done
program=${1:-$(swift build -c release --show-bin-path)/zoetrope}
if [ ! -x "$program" ]; then
    echo "$program is missing; build it first: swift build -c release --product zoetrope" >&2
    exit 1
fi
for tool in dpkg-deb dpkg-shlibdeps strip; do
    command -v "$tool" >/dev/null || { echo "$tool is missing: apt-get install dpkg-dev binutils" >&2; exit 1; }
done

version=$("$program" --version)
architecture=$(dpkg --print-architecture)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
mkdir -p "$root/DEBIAN" "$work/debian"

# The program, with the libraries that no Debian package has.
install -D --mode=0755 --strip "$program" "$root/usr/lib/zoetrope/zoetrope"
mkdir -p "$root/usr/bin"
ln -s ../lib/zoetrope/zoetrope "$root/usr/bin/zoetrope"
binaries=("$root/usr/lib/zoetrope/zoetrope")
while read -r library; do
    install --mode=0644 --strip "$library" "$root/usr/lib/zoetrope/"
    binaries+=("$root/usr/lib/zoetrope/$(basename "$library")")
done < <(ldd "$program" | awk '$3 ~ "/swift/" || ($3 ~ "^/" && $3 !~ "^(/usr)?/lib/") { print $3 }')
if [ ${#binaries[@]} -gt 1 ]; then
    command -v patchelf >/dev/null || { echo "patchelf is missing: apt-get install patchelf" >&2; exit 1; }
    # Nothing is looked for where the builder's Swift was.
    for binary in "${binaries[@]}"; do patchelf --set-rpath '$ORIGIN' "$binary"; done
fi

for unit in deploy/*.service; do
    install -D --mode=0644 "$unit" "$root/lib/systemd/system/$(basename "$unit")"
    sed -i 's,/usr/local/bin/zoetrope,/usr/bin/zoetrope,' "$root/lib/systemd/system/$(basename "$unit")"
done
install -D --mode=0640 deploy/zoetrope.env "$root/etc/zoetrope/zoetrope.env"
for sample in Caddyfile nginx.conf prometheus.yaml prometheus-alerts.yaml grafana-dashboard.json; do
    install -D --mode=0644 "deploy/$sample" "$root/usr/share/doc/zoetrope/examples/$sample"
done
install --mode=0644 docs/operations.md README.md "$root/usr/share/doc/zoetrope/"
install --mode=0644 LICENSE "$root/usr/share/doc/zoetrope/copyright"

# What it is linked to, by the packages of this system; what it starts is named below.
printf 'Source: zoetrope\n\nPackage: zoetrope\nArchitecture: any\n' >"$work/debian/control"
links=$(cd "$work" && dpkg-shlibdeps -O --ignore-missing-info -l"$root/usr/lib/zoetrope" "${binaries[@]}" 2>"$work/log") ||
    { cat "$work/log" >&2 && exit 1; }
links=${links#shlibs:Depends=}

cat >"$root/DEBIAN/control" <<END
Package: zoetrope
Version: $version
Architecture: $architecture
Maintainer: Zoetrope <zoetrope@localhost>
Section: video
Priority: optional
Installed-Size: $(du -sk --exclude=DEBIAN "$root" | cut -f1)
Depends: $links, bubblewrap, ca-certificates, ffmpeg, passwd, util-linux
Description: turns a still image into a short video
 A command and a service: a photo goes in, an H.264 MP4 and a poster come out, made by a model or on this
 machine. Units: zoetrope (everything), zoetrope-api@PORT and zoetrope-worker@PORT (the scaled-out shape);
 none is started by itself. Settings are in /etc/zoetrope/zoetrope.env, data in /var/lib/zoetrope.
END
echo /etc/zoetrope/zoetrope.env >"$root/DEBIAN/conffiles"

cat >"$root/DEBIAN/postinst" <<'END'
#!/bin/sh
set -e
[ "$1" = configure ] || exit 0
if ! getent passwd zoetrope >/dev/null; then
    useradd --system --user-group --home-dir /var/lib/zoetrope --no-create-home --shell /usr/sbin/nologin zoetrope
fi
# Only at the first time: later, what an administrator has set stays.
if [ -z "$2" ]; then
    install -d --owner=zoetrope --group=zoetrope --mode=0700 /var/lib/zoetrope
    if [ -f /etc/zoetrope/zoetrope.env ]; then
        chown root:zoetrope /etc/zoetrope/zoetrope.env
        chmod 0640 /etc/zoetrope/zoetrope.env
    fi
fi
if [ -d /run/systemd/system ]; then
    systemctl daemon-reload
    # Those that run go on with the new program; runs are handed over.
    systemctl try-restart 'zoetrope.service' 'zoetrope-api@*.service' 'zoetrope-worker@*.service'
fi
END
cat >"$root/DEBIAN/prerm" <<'END'
#!/bin/sh
set -e
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
    systemctl disable --now zoetrope.service
    for unit in $(systemctl list-units --all --plain --no-legend 'zoetrope-api@*.service' 'zoetrope-worker@*.service' | cut -d' ' -f1); do
        systemctl disable --now "$unit"
    done
fi
END
cat >"$root/DEBIAN/postrm" <<'END'
#!/bin/sh
set -e
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
    systemctl daemon-reload
fi
if [ "$1" = purge ]; then
    # Database, videos and secrets of this machine; the user stays, so that nobody inherits its number.
    rm -rf /var/lib/zoetrope /etc/zoetrope
fi
END
chmod 0755 "$root"/DEBIAN/{postinst,prerm,postrm}
(cd "$root" && find usr lib -type f -print0 | sort -z | xargs -0 md5sum >DEBIAN/md5sums)

mkdir -p "$output"
package=$output/zoetrope_${version}_$architecture.deb
dpkg-deb --build --root-owner-group -Zxz -z3 "$root" "$package" >&2
echo "$package"
