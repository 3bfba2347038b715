#!/usr/bin/env bash
# The main job, from a clean clone: animates the bundled photograph (or the one named as the first argument).
set -euo pipefail
cd "$(dirname "$0")/.."

photo=${1:-Examples/photos/landscape.jpg}
name=$(basename "${photo%.*}")

scripts/setup.sh run
echo "Building zoetrope (the first time takes a few minutes) …" >&2
swift build -c release --product zoetrope >&2
program=$(swift build -c release --show-bin-path)/zoetrope

mkdir -p demo
video=$("$program" animate "$photo" -o "demo/$name.mp4" --poster "demo/$name.jpg")

cat <<EOF

The video: $PWD/$video
Its poster: $PWD/demo/$name.jpg

What to try next:
  $program animate YOUR-PHOTO.jpg
  $program animate $photo -o demo/push-in.mp4 --motion push-in --camera static --resolution 1080p
  $program animate --help
  $program doctor
EOF
