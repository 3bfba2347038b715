"""Judges every encode that the settings offer: time, size, SSIM and VMAF against what it was made of."""

import json
import pathlib
import re
import subprocess

from clips import PHOTOS, ffmpeg

SECONDS = 5
SIZES = {"480p": (854, 480), "720p": (1280, 720), "1080p": (1920, 1080)}
# The noise of a camera, without which everything is easy.
NOISE = ["-vf", "noise=alls=4:allf=t:all_seed=7"]
# Nearly without loss, as what is judged is our encode and not the source's.
SOURCE = ["-an", "-c:v", "libx264", "-preset", "superfast", "-crf", "8", "-pix_fmt", "yuv420p"]
SOURCE += ["-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709", "-color_range", "tv"]


def photo(site, size: str, folder: pathlib.Path) -> list[str]:
    """A photograph that our renderer animates, with noise."""
    clip = str(folder / f"rendered-{size}.mp4")
    command = [site.program("zoetrope"), "animate", str(PHOTOS / "landscape.jpg"), "-o", clip, "--quiet"]
    command += ["--resolution", size, "--duration", str(SECONDS), "--model", "local"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder)
    return ["-i", clip, *NOISE]


def test_picture(site, size: str, folder: pathlib.Path) -> list[str]:
    width, height = SIZES[size]
    return ["-f", "lavfi", "-i", f"testsrc2=s={width}x{height}:r=30:d={SECONDS}", *NOISE]


SCENES = {"photo, walked into": photo, "moving test picture": test_picture}


def measure(site, judge: str):
    """What came of each; `judge` is an ffmpeg that has libvmaf."""
    folder = site.folder / "presets"
    folder.mkdir()
    for scene, pictures in SCENES.items():
        for size in SIZES:
            clip = folder / f"{pictures.__name__}-{size}.mp4"
            ffmpeg("-v", "error", *pictures(site, size, folder), *SOURCE, str(clip))
            command = [site.program("zoetrope-bench"), "presets", str(clip)]
            said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
            for line in said.splitlines():
                figures = json.loads(line)
                made = folder / figures.pop("file")
                yield {"scene": scene, "size": size} | figures | {"bytes": made.stat().st_size} | judged(made, clip, judge)
                made.unlink()
            clip.unlink()


def judged(made: pathlib.Path, source: pathlib.Path, judge: str) -> dict:
    same = "setpts=PTS-STARTPTS,format=yuv420p"
    graph = f"[0:v]{same},split[a][b];[1:v]{same},split[c][d];[a][c]ssim;[b][d]libvmaf=n_threads=2"
    said = ffmpeg("-i", str(made), "-i", str(source), "-lavfi", graph, "-f", "null", "-", program=judge)
    return {
        "ssim": float(re.search(r"All:([\d.]+)", said)[1]),
        "vmaf": float(re.search(r"VMAF score: ([\d.]+)", said)[1]),
    }


def page(results: list[dict]) -> str:
    rows = [["scene", "size", "setting", "x264", "s", "Mbit/s", "SSIM", "VMAF"], ["---"] * 8]
    for figures in results:
        rows.append([
            figures["scene"], figures["size"], f"`{figures['effort']}`", f"{figures['preset']} crf {figures['crf']}",
            f"{figures['seconds']:.1f}", f"{figures['bytes'] * 8 / SECONDS / 1e6:.1f}", f"{figures['ssim']:.4f}",
            f"{figures['vmaf']:.1f}",
        ])  # fmt: skip
    text = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return f"**Every encode that `ZOETROPE_ENCODE` offers**, {SECONDS} s, in the sandbox, median of 3:\n\n{text}"
