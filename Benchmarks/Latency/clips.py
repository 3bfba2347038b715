"""Makes the clips that stand for what providers send."""

import pathlib
import subprocess

PHOTOS = pathlib.Path(__file__).parent.parent.parent / "Examples" / "photos"
BT709 = ["-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709", "-color_range", "tv"]
# What zoetrope itself encodes to: docs/media.md.
OURS = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-profile:v", "high", "-g", "60", "-bf", "2"]
OURS += ["-maxrate", "8M", "-bufsize", "16M", *BT709, "-video_track_timescale", "15360", "-movflags", "+faststart"]
X264 = ["-c:v", "libx264", "-preset", "fast", "-b:v", "5500k", *BT709]
X265 = ["-c:v", "libx265", "-x265-params", "log-level=none", "-preset", "veryfast", "-b:v", "5500k", "-tag:v", "hvc1", *BT709]

# kind → name → width, height, frames a second, frames, encoder
KINDS: dict[str, dict[str, tuple]] = {
    "conforming": {"30 fps": (1280, 720, 30, 180, OURS)},
    "retimable": {
        "24 fps, 144 frames": (1280, 720, 24, 144, X264),
        "25 fps, 141 frames": (1280, 720, 25, 141, X264),
    },
    "re-encoded": {
        "HEVC, 24 fps": (1280, 720, 24, 144, X265),
        "10 bit, 24 fps": (1280, 720, 24, 144, [*X264, "-pix_fmt", "yuv420p10le"]),
        "interlaced, 25 fps": (1280, 720, 25, 150, [*X264, "-flags", "+ildct+ilme", "-x264opts", "tff=1"]),
    },
    "above 720 lines": {"1080p, 24 fps": (1920, 1080, 24, 144, [*X264, "-b:v", "9000k"])},
}


def moving(width: int, height: int, rate: int, frames: int, photo: str = "landscape.jpg") -> list[str]:
    """A pan over a photograph with a camera's noise, so that encoders have something to do."""
    room = f"{width * 5 // 4}:{height * 5 // 4}"
    filters = [
        f"scale={room}:force_original_aspect_ratio=increase:flags=lanczos:out_color_matrix=bt709:out_range=tv",
        "format=yuv420p",
        "loop=-1:1",
        f"setpts=N/{rate}/TB",
        f"crop={width}:{height}:x='(iw-ow)*n/{frames}':y='(ih-oh)*(0.5+0.5*sin(3*n/{rate}))'",
        "noise=alls=4:allf=t:all_seed=7",
    ]
    return ["-i", str(PHOTOS / photo), "-vf", ",".join(filters), "-r", str(rate), "-frames:v", str(frames)]


def ffmpeg(*words: str, program: str = "ffmpeg") -> str:
    """Runs it; what it said."""
    command = [program, "-hide_banner", "-nostdin", "-y", *words]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-2_000:]}")
    return done.stderr


def make(folder: pathlib.Path) -> dict[str, dict[str, str]]:
    """All clips in a folder: kind → name → file."""
    files: dict[str, dict[str, str]] = {}
    for kind, clips in KINDS.items():
        files[kind] = {}
        for number, (name, (width, height, rate, frames, encoder)) in enumerate(clips.items()):
            file = f"{kind.replace(' ', '-')}-{number}.mp4"
            pictures = moving(width, height, rate, frames)
            ffmpeg("-v", "error", *pictures, "-an", "-map_metadata", "-1", "-fflags", "+bitexact", *encoder, str(folder / file))
            files[kind][name] = file
    return files
