"""Measures generations from their acceptance to the playable video, step by step, and draws them.

Usage: generation.py --bin FOLDER [--rounds N] --output FILE --plot FILE [--page FILE]; scripts/bench-generation.sh calls it.
docs/benchmarks/generation.md says what is measured.
"""

import argparse
import json
import os
import pathlib
import signal
import sys

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "Latency"))
import plot  # noqa: E402
from clips import PHOTOS, X264, ffmpeg, moving  # noqa: E402
from stack import Site, moment, race  # noqa: E402

# The provider's seconds in this part of real time.
SCALE = 50
# What the models take on average, of the simulator's catalogue: seconds in the queue and at work.
QUEUE_SECONDS = 2
WORK_SECONDS = {("live", "720p"): 150, ("wan", "480p"): 105, ("wan", "720p"): 105, ("wan", "1080p"): 240}
MODELS = {"live": "replicate_video_01_live", "wan": "replicate_wan", "local": "local"}
# What each model sends: frames a second, frames.
SENT = {"live": (25, 141), "wan": (24, 120)}
SIZES = {"480p": (832, 480), "720p": (1280, 720), "1080p": (1920, 1080)}

# Scene → the filter that makes it of a photo, or none for the photo itself.
SCENES: dict[str, tuple[str, str | None]] = {
    "landscape": ("landscape.jpg", None),
    "portrait": ("portrait.jpg", None),
    "people": ("people.jpg", None),
    "night": ("people.jpg", "eq=brightness=-0.3:contrast=0.7:saturation=0.5,noise=alls=12:all_seed=3"),
    "drawing": ("bee.jpg", "edgedetect=low=0.05:high=0.2,negate"),
    "tiny": ("landscape.jpg", "scale=128:72"),
    "50 Mpx": ("landscape.jpg", "scale=9990:4995"),
}

# model, scene, seconds, resolution
CASES = [("live", scene, 6, "720p") for scene in SCENES] + [("live", "landscape", 10, "720p")]
CASES += [("wan", "landscape", 5, size) for size in SIZES] + [("wan", scene, 5, "720p") for scene in ("portrait", "people")]
CASES += [("local", scene, 6, "720p") for scene in SCENES]
CASES += [("local", "landscape", 5, size) for size in SIZES] + [("local", "landscape", 10, "720p")]
QUICK = {("live", "landscape", 6, "720p"), ("live", "landscape", 10, "720p"), ("wan", "landscape", 5, "1080p")}
QUICK |= {("wan", "landscape", 5, "720p"), ("local", "landscape", 5, "720p"), ("local", "50 Mpx", 6, "720p")}

# Step → what it is, in the order in which they happen.
STEPS = {
    "queued": "accepted, waiting for a worker, and our own commits",
    "submitted": "the photo made small, uploaded; the order",
    "provider": f"the provider, 1 : {SCALE} (local: our renderer, as it is)",
    "told": "webhook, look at the prediction",
    "download": "clip and photo fetched",
    "plan": "the file looked at, decided",
    "media": "moved, edited, copied or encoded",
    "poster": "key frames decoded, poster",
    "store": "video and poster stored",
    "publish": "the commit that makes it playable",
}

# Our step → what the service calls its parts. A first part is kept by a step of its own.
SERVICE_STEPS = {
    "submitted": ("prepare_input", "admit", "post"),
    "download": ("finish_fetch",),
    "plan": ("finish_media_look",),
    "media": ("finish_media", "keep_part"),
    "poster": ("finish_media_poster",),
    "store": ("finish_store",),
}


class Generation:
    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.site = Site(options)
        self.simulator = self.site.simulator()
        self.service = self.site.service(self.simulator, {})
        self.jobs: dict[str, str] = {}
        self.photos: dict[str, pathlib.Path] = {}

    def photo(self, scene: str) -> pathlib.Path:
        if scene not in self.photos:
            name, filters = SCENES[scene]
            self.photos[scene] = PHOTOS / name
            if filters:
                made = self.site.folder / f"{scene.replace(' ', '-')}.{'png' if scene == 'drawing' else 'jpg'}"
                ffmpeg("-v", "error", "-i", str(PHOTOS / name), "-vf", filters, "-q:v", "3", str(made))
                self.photos[scene] = made
        return self.photos[scene]

    def clip(self, model: str, scene: str, size: str) -> str:
        """What the provider sends of a scene; portraits stand."""
        file = f"{model}-{scene}-{size}.mp4".replace(" ", "-")
        if not (self.site.videos / file).exists():
            width, height = SIZES[size]
            if scene == "portrait":
                width, height = height, width
            pictures = moving(width, height, *SENT[model], str(self.photo(scene)))
            ffmpeg("-v", "error", *pictures, "-an", *X264, str(self.site.videos / file))
        return file

    def run(self, case: tuple[str, str, int, str]) -> dict:
        model, scene, seconds, size = case
        if scene not in self.jobs:
            self.jobs[scene] = self.service.job(self.photo(scene))
        job = self.jobs[scene]
        wish: dict = {"model": MODELS[model], "params": {"duration": seconds}}
        if model != "live":
            wish["params"]["resolution"] = size
        if model == "wan":
            wish["params"]["prompt"] = "the wind moves the grass"
        if model != "local":
            parts = 2 if seconds == 10 else 1
            work = WORK_SECONDS[model, size] / SCALE
            self.simulator.expect(self.clip(model, scene, size), work, parts, QUEUE_SECONDS / SCALE)
        before = self.service.step_seconds()
        attempt = self.service.until_final(job, self.service.order(job, wish), 600)
        self.service.until_idle()
        after = self.service.step_seconds()
        took = {step: after[step] - before.get(step, 0) for step in after}
        steps = self.steps(model, attempt, took)
        return dict(zip(("model", "scene", "seconds", "size"), case)) | {"total": sum(steps.values()), "steps": steps}

    def steps(self, model: str, attempt: dict, took: dict[str, float]) -> dict[str, float]:
        """The time from acceptance to the playable video, divided."""
        accepted, playable = moment(attempt["created_at"]), moment(attempt["playable_at"])
        steps = dict.fromkeys(STEPS, 0.0)
        for name, parts in SERVICE_STEPS.items():
            steps[name] = sum(took.get(part, 0) for part in parts)
        # The service counts these as media, too.
        steps["media"] -= steps["plan"] + steps["poster"]
        if model == "local":
            steps["provider"], steps["download"] = steps["download"], 0
        else:
            made = [seen for seen in self.simulator.traffic().values() if accepted <= seen["created"][0] <= playable]
            for seen in made:
                steps["provider"] += seen["done"][0] - seen["created"][0]
                steps["told"] += seen["download"][0] - seen["done"][0]
            steps["publish"] = max(0, playable - made[-1]["download"][0] - took["finish"])
        steps["queued"] = playable - accepted - sum(steps.values())
        return steps


def label(figures: dict) -> str:
    return f"{figures['scene']}, {figures['seconds']} s, {figures['size']}"


def middles(results: list[dict]) -> list[dict]:
    """The median run of each case."""
    cases: dict[tuple, list[dict]] = {}
    for figures in results:
        cases.setdefault((figures["model"], label(figures)), []).append(figures)
    return [sorted(runs, key=lambda run: run["total"])[len(runs) // 2] for runs in cases.values()]


def page(results: list[dict]) -> str:
    rows = [["model", "scene, length, size", *STEPS, "**accepted → playable**", "**provider's end → playable**"]]
    rows.append(["---"] * len(rows[0]))
    for run in middles(results):
        steps = run["steps"]
        names = list(STEPS)
        after = sum(steps[name] for name in names[names.index("provider") + 1 :])
        rows.append([run["model"], label(run), *(f"{steps[name] * 1_000:.0f}" for name in names)])
        rows[-1] += [f"{run['total'] * 1_000:.0f}", f"{after * 1_000:.0f}"]
    text = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    shares = "; ".join(f"*{name}*: {meaning}" for name, meaning in STEPS.items())
    rounds = max(len([r for r in results if (r["model"], label(r)) == (run["model"], label(run))]) for run in middles(results))
    picture = "![Stacked bars: the steps of each generation](generation.svg)"
    return f"{picture}\n\nMilliseconds of the median run of {rounds}. {shares}.\n\n{text}"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True, type=os.path.abspath)
    parser.add_argument("--rounds", type=int, default=3, help="1 leaves out most combinations")
    parser.add_argument("--output", required=True)
    parser.add_argument("--plot", required=True)
    parser.add_argument("--page", help="a Markdown page whose results are replaced")
    options = parser.parse_args()
    # Whatever was started is stopped at the end, and this is one.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    load = os.getloadavg()[0]
    generation = Generation(options)
    cases = [case for case in CASES if options.rounds > 1 or case in QUICK]
    # Whatever is done for the first time is done before.
    for model in MODELS:
        generation.run(next(case for case in cases if case[0] == model))
    results = []
    for _ in range(options.rounds):
        for case in cases:
            results.append(generation.run(case))
            print(json.dumps(results[-1]), file=sys.stderr, flush=True)
    pathlib.Path(options.output).write_text("".join(json.dumps(figures) + "\n" for figures in results), encoding="utf-8")
    bars = [(run["model"], label(run), run["steps"]) for run in middles(results)]
    pathlib.Path(options.plot).write_text(plot.stacked(bars, STEPS), encoding="utf-8")
    loads = f"Load average of the machine: {load:.1f} before and {os.getloadavg()[0]:.1f} after."
    race.show(f"{race.machine()} {loads}\n\n{page(results)}", options.page)


main()
