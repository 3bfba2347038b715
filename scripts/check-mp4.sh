#!/bin/sh
# Is this the MP4 that we publish? A second opinion, from other tools than our own reader.
#
#   check-mp4.sh FILE [SECONDS [SOURCE]]
#
# SOURCE is what the mark of provenance must say, such as trainedAlgorithmicMedia; without it, none is looked for.
# Prints "FAIL <rule> <what>" for each rule that does not hold; the rules are those of MP4Conformance.swift. Covers 1 to
# 18, except for what ffprobe does not show: data references, places of chunks, a second parameter set, colr against the
# pictures, metadata that is no tag. A sound track is taken as allowed. Needs ffprobe, jq, python3.
#
# Status: 0 conforms, 1 does not, 2 wrong use or a missing tool.
set -u

[ $# -ge 1 ] && [ $# -le 3 ] || { echo "use: $0 FILE [SECONDS [SOURCE]]" >&2; exit 2; }
for tool in ffprobe jq python3; do
    command -v "$tool" >/dev/null || { echo "$0: $tool is missing" >&2; exit 2; }
done
file=$1
seconds=${2:-}
source=${3:-}

# The container as bytes: rules 2, 14 and 18.
boxes() {
    python3 - "$file" "$source" <<'PYTHON'
import struct, sys

def children(data, start, end):
    while start + 8 <= end:
        size, kind, head = *struct.unpack('>I4s', data[start:start + 8]), 8
        if size == 1 and start + 16 <= end:
            size, head = struct.unpack('>Q', data[start + 8:start + 16])[0], 16
        if size == 0:
            size = end - start
        if size < head or start + size > end:
            return
        yield kind, start + head, start + size
        start += size

def inside(data, start, end, *path):
    for kind, a, b in children(data, start, end):
        if kind == path[0]:
            if len(path) == 1:
                yield a, b
            else:
                yield from inside(data, a, b, *path[1:])

file, source = open(sys.argv[1], 'rb'), sys.argv[2]
end, at, kinds, movie, marks = file.seek(0, 2), 0, [], b'', []
while at + 8 <= end:
    file.seek(at)
    header = file.read(16)
    size, kind = struct.unpack('>I4s', header[:8])
    if size == 1 and len(header) == 16:
        size = struct.unpack('>Q', header[8:])[0]
    if size == 0:
        size = end - at
    kinds.append(kind)
    if size < 8 or at + size > end:
        print('2 a box reaches beyond the end of the file')
        break
    if kind == b'moov' and not movie and size <= 8 << 20:
        file.seek(at)
        movie = file.read(size)
    if kind == b'uuid' and size <= 1 << 16:
        file.seek(at + 8)
        if file.read(16).hex() == 'be7acfcb97a942e89c71999491e3afac':
            marks.append(file.read(size - 24).decode('utf-8', 'replace'))
    at += size
else:
    if at < end:
        print('2 bytes after the last box')
if b'moof' in kinds or any(True for _ in inside(movie, 8, len(movie), b'mvex')):
    print('2 fragmented')
if kinds.count(b'moov') != 1:
    print('2 not one moov')
elif kinds[0] != b'ftyp' or b'mdat' not in kinds or kinds.index(b'moov') > kinds.index(b'mdat'):
    print('2 no fast start')

if source:
    value = 'DigitalSourceType>http://cv.iptc.org/newscodes/digitalsourcetype/' + source + '<'
    if len(marks) != 1:
        print('18', len(marks), 'marks of provenance')
    elif value not in marks[0]:
        print('18 another mark than', source)

for a, b in inside(movie, 8, len(movie), b'trak', b'edts', b'elst'):
    version, count = movie[a], struct.unpack('>I', movie[a + 4:a + 8])[0]
    entry = struct.Struct('>Qqi' if version == 1 else '>Iii')
    edits = [entry.unpack_from(movie, a + 8 + i * entry.size) for i in range(min(count, (b - a - 8) // entry.size))]
    if len(edits) > 1:
        print('14 more than one edit')
    if any(time < 0 for _, time, _ in edits):
        print('14 an empty edit')
    if any(rate != 1 << 16 for _, _, rate in edits):
        print('14 an edit with another rate than 1')
PYTHON
}

# What ffprobe makes of it: the rest.
probe() {
    ffprobe -v error -f mp4 -protocol_whitelist file -show_format -show_streams \
        -show_entries packet=stream_index,pts,duration,flags -of json "$file" || echo unreadable
}

rules='
def number: (. // "0") | tonumber;
def steps: [., .[1:]] | transpose | map(select(.[1] != null) | .[1] - .[0]);
def tags(allowed): (.tags // {}) | to_entries[] | select([.key, .value] as $t | allowed | index([$t]) | not) | .key;
def rule(number; name; holds): if (try holds catch false) then empty else "\(number) \(name)" end;

.streams as $streams | .packets as $packets | .format as $format
| [$streams[] | select(.codec_type == "video")] as $pictures
| [$streams[] | select(.codec_type == "audio")] as $sounds
| $pictures[0] as $x
| [$packets[] | select(.stream_index == $x.index)] as $frames
| ($x.time_base // "1/1" | split("/") | map(tonumber)) as $base
| (($frames | length) / 30) as $length
| rule(1; "brand \($format.tags.major_brand)";
    $format.tags.major_brand | IN("isom", "iso2", "iso3", "iso4", "iso5", "iso6", "mp41", "mp42", "avc1")),
  rule(3; "streams";
    ($pictures | length) == 1 and ($sounds | length) <= 1 and ($streams | length) == 1 + ($sounds | length)),
  (if $x == null then empty else
  rule(4; "codec \($x.codec_name) \($x.codec_tag_string)"; $x.codec_name == "h264" and $x.codec_tag_string == "avc1"),
  (if $x.codec_name == "h264" then
    rule(5; "profile \($x.profile), level \($x.level)";
      ($x.profile | IN("High", "Main", "Constrained Baseline"))
      and ($x.level | IN(10, 11, 12, 13, 20, 21, 22, 30, 31, 32, 40, 41, 42))),
    # yuvj420p is yuv420p with full range, which is for rule 8 to say.
    rule(6; "pixels \($x.pix_fmt) \($x.field_order)";
      ($x.pix_fmt | IN("yuv420p", "yuvj420p")) and ($x.field_order | IN("progressive", null))),
    rule(8; "colour \($x.color_range) \($x.color_primaries) \($x.color_transfer) \($x.color_space)";
      $x.color_range == "tv"
      and ([$x.color_space, $x.color_primaries, $x.color_transfer] | unique | IN(["bt709"], ["smpte170m"])))
   else empty end),
  rule(7; "size \($x.width)x\($x.height), pixels \($x.sample_aspect_ratio)";
    $x.width % 2 == 0 and $x.height % 2 == 0 and ([$x.width, $x.height] | min) >= 64
    and $x.width * $x.height <= 1920 * 1088
    and (($x.sample_aspect_ratio // "1:1") | IN("1:1", "0:1"))
    and ([$x.side_data_list[]? | select(.side_data_type == "Display Matrix")] | length) == 0),
  rule(9; "rate \($x.r_frame_rate) \($x.avg_frame_rate)"; $x.r_frame_rate == "30/1" and $x.avg_frame_rate == "30/1"),
  rule(10; "frame durations";
    ($frames | map(.duration) | unique) as $d | ($d | length) == 1 and ($d[0] | number) * 30 * $base[0] == $base[1]),
  rule(10; "presentation times"; ($frames | map(.pts) | sort | steps | unique | length) <= 1),
  rule(11; "\($frames | length) frames";
    ($frames | length) == ($x.nb_frames // ($frames | length | tostring) | tonumber)
    and ($frames | length) > 0 and ($want == "" or ($frames | length) == ($want | tonumber) * 30)),
  rule(11; "duration \($format.duration)"; (($format.duration | number) - $length | fabs) <= 1024 / 44100),
  rule(12; "no key frame first"; $frames[0].flags | startswith("K")),
  rule(12; "key frames too far apart";
    ([$frames | to_entries[] | select(.value.flags | startswith("K")) | .key] + [$frames | length]
      | steps | max) <= 300),
  rule(13; "\($x.has_b_frames) frames reordered"; $x.has_b_frames <= 3),
  rule(14; "start \($x.start_time) \($format.start_time)";
    ($x.start_time | number) == 0 and ($format.start_time | number) == 0),
  rule(15; "bit rate \($format.bit_rate)"; ($format.bit_rate | number) <= 12000000)
  end),
  ($sounds[] | rule(16; "sound \(.codec_name) \(.profile) \(.sample_rate) \(.channels) \(.start_time) \(.duration)";
    .codec_name == "aac" and .profile == "LC" and (.sample_rate | IN("44100", "48000")) and .channels <= 2
    and (.start_time | number | fabs) <= 0.03 and (.duration | number) <= $length + 0.05)),
  ($format | tags([["major_brand", $format.tags.major_brand], ["minor_version", $format.tags.minor_version],
    ["compatible_brands", $format.tags.compatible_brands], ["title", "Zoetrope"]]
    + (["AI-generated video", "Camera move over an image made or restored by AI",
      "Camera move over a photo, made without AI"] | map(["comment", .], ["description", .]))) | "17 tag \(.)"),
  ($streams[] | .tags as $t | tags([["language", $t.language], ["vendor_id", $t.vendor_id],
    ["handler_name", "VideoHandler"], ["handler_name", "SoundHandler"], ["encoder", "Lavc libx264"]])
    | "17 stream tag \(.)")
'

failures=$(boxes; probe | jq -r --arg want "$seconds" "$rules" 2>/dev/null || echo "1 unreadable")
[ -z "$failures" ] && exit 0
printf '%s\n' "$failures" | sed 's/^/FAIL /'
exit 1
