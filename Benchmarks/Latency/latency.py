"""Measures the time from a provider's end to a playable video, beside the usual glue; retiming; presets.

Usage: latency.py --bin FOLDER --python FOLDER [--clips N] [--parts playable,retiming,presets] [--output FILE] [--page FILE];
scripts/bench-latency.sh calls it. docs/benchmarks/latency.md says what is measured.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time
import urllib.request

import clips
import presets
from stack import PHOTO_ORDER, Program, Service, Simulator, Site, moment, race

HERE = pathlib.Path(__file__).parent
# Of every 100 clips.
SHARES = {"conforming": 30, "retimable": 40, "re-encoded": 20, "above 720 lines": 10}
# Beside each of its own, because it takes so long.
GLUE_SHARE = 0.2
AT_ONCE = 4
# What a prediction takes; only what comes after it is measured.
PROVIDER_SECONDS = 0.5
# What the service says of its step.
PARTS = {"fetched": "finish_fetch", "made": "finish_media", "poster": "finish_media_poster", "stored": "finish_store"}
# Seconds, p50 and p99.
WANTED = {"conforming": (0.25, 0.5), "retimable": (0.25, 0.5), "re-encoded": (3.6, None)}


class Glue(Program):
    """The usual glue as a process that takes one order after the other."""

    def __init__(self, site: Site, simulator: Simulator, store: str) -> None:
        self.results = site.folder / "glue"
        self.results.mkdir(exist_ok=True)
        words = [str(self.results)]
        environment = {"REPLICATE_BASE_URL": simulator.base, "REPLICATE_API_TOKEN": simulator.token}
        if store == "S3":
            words += [re.match("s3://([^?]*)", site.s3.bucket(f"glue{site.number}"))[1], site.s3.endpoint]
            environment |= site.s3.keys
        self.process = subprocess.Popen(
            [f"{site.options.python}/python", "-B", str(HERE / "peers/glue.py"), *words],
            env=os.environ | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self.process.stdout.readline() == "ready\n"

    def make(self, name: str) -> dict:
        self.process.stdin.write(f"{name}\n")
        self.process.stdin.flush()
        said = json.loads(self.process.stdout.readline())
        done = moment(said.pop("completed_at"))
        return {step: at - done for step, at in said.items()}

    def stop(self) -> None:
        self.process.stdin.close()
        self.process.wait(60)


class Latency:
    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.site = Site(options)
        print("making clips …", file=sys.stderr, flush=True)
        self.files = clips.make(self.site.videos)
        self.results: list[dict] = []

    def tell(self, figures: dict) -> None:
        self.results.append(figures)
        said = {name: round(value, 3) if isinstance(value, float) else value for name, value in figures.items()}
        print(json.dumps(said), file=sys.stderr, flush=True)

    # Provider's end to playable

    def playable(self) -> None:
        for store in self.options.stores.split(","):
            simulator = self.site.simulator()
            service = self.site.service(simulator, self.site.stores(store))
            glue = Glue(self.site, simulator, store)
            job = service.job(clips.PHOTOS / "landscape.jpg")
            for kind, named in self.files.items():
                count = max(1, round(self.options.clips * SHARES[kind] / 100 / len(named)))
                for clip, file in named.items():
                    # Whatever is done for the first time is done before.
                    self.animate(service, simulator, job, file, 1, 1)
                    for at_once in (1, AT_ONCE):
                        for figures in self.animate(service, simulator, job, file, count, at_once):
                            head = {"part": "playable", "store": store, "who": "zoetrope", "at_once": at_once}
                            self.tell(head | {"kind": kind, "clip": clip} | figures)
                    for number in range(max(1, round(count * GLUE_SHARE))):
                        simulator.expect(file, PROVIDER_SECONDS)
                        head = {"part": "playable", "store": store, "who": "glue", "at_once": 1}
                        self.tell(head | {"kind": kind, "clip": clip} | glue.make(f"{kind}-{clip}-{number}".replace(" ", "-")))
            glue.stop()
            service.stop()
            simulator.stop()

    def animate(
        self, service: Service, simulator: Simulator, job: str, file: str, count: int, at_once: int
    ) -> list[dict]:
        """Seconds after the provider's end, of each."""
        simulator.expect(file, PROVIDER_SECONDS, count)

        def one(_: int) -> dict:
            before = service.step_seconds() if at_once == 1 else {}
            attempt = service.until_final(job, service.order(job, PHOTO_ORDER))
            done = moment(attempt["provider_done_at"])
            with urllib.request.urlopen(attempt["preview_url"], timeout=60) as answer:
                got = answer.read()
            had = time.time()
            assert b"ftyp" in got[:64] and len(got) == int(answer.headers["Content-Length"])
            parts = {}
            if at_once == 1:
                service.until_idle()
                after = service.step_seconds()
                parts = {name: after[part] - before.get(part, 0) for name, part in PARTS.items()}
            return parts | {
                "prediction": attempt["params"]["replicate_prediction_id"],
                "done": done,
                "playable": moment(attempt["playable_at"]) - done,
                "heard": attempt["heard"] - done,
                "had": had - done,
            }

        service.until_idle()
        with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
            made = list(pool.map(one, range(count)))
        self.add_traffic(made, simulator)
        return made

    @staticmethod
    def add_traffic(made: list[dict], simulator: Simulator) -> None:
        """What the provider saw meanwhile: its webhook answered, its prediction looked at, its file asked for."""
        traffic = simulator.traffic()
        for figures in made:
            done, seen = figures.pop("done"), traffic[figures.pop("prediction")]
            for step in ("webhook", "looked", "download"):
                if times := [at for at in seen[step] if at >= done]:
                    figures[step] = times[0] - done

    # Retiming and moving

    def retiming(self) -> None:
        files = [str(self.site.videos / file) for file in self.files["retimable"].values()]
        command = [self.site.program("zoetrope-bench"), "retiming", *files]
        said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=self.site.folder).stdout
        for line in said.splitlines():
            self.tell({"part": "retiming"} | json.loads(line))

    # Presets

    def presets(self) -> None:
        judge = subprocess.run(
            [f"{self.options.python}/python", "-c", "import imageio_ffmpeg; print(imageio_ffmpeg.get_ffmpeg_exe())"],
            check=True, stdout=subprocess.PIPE, text=True,
        ).stdout.strip()  # fmt: skip
        for figures in presets.measure(self.site, judge):
            self.tell({"part": "presets"} | figures)


def table(header: list[str], rows: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in [header, ["---"] * len(header), *rows])


def page(results: list[dict]) -> str:
    texts = []

    def pick(**wanted: object) -> list[dict]:
        return [figures for figures in results if wanted.items() <= figures.items()]

    def share(some: list[dict], name: str, part: float) -> float:
        return race.percentile(sorted(figures[name] for figures in some if name in figures), part)

    stores = list(dict.fromkeys(figures["store"] for figures in pick(part="playable")))
    for at_once, title in ((1, "One at a time"), (AT_ONCE, f"{AT_ONCE} at once")):
        rows = []
        for store in stores:
            for kind in SHARES:
                some = pick(part="playable", store=store, who="zoetrope", at_once=at_once, kind=kind)
                glue = pick(part="playable", store=store, who="glue", kind=kind)
                if not some:
                    continue
                middle, most = share(some, "playable", 0.5), share(some, "playable", 0.99)
                row = [store, kind, str(len(some)), f"{middle:.2f}", f"{most:.2f}", f"{share(some, 'had', 0.5):.2f}"]
                if at_once == 1:
                    wanted = WANTED.get(kind)
                    reached = not wanted or (middle <= wanted[0] and (wanted[1] is None or most <= wanted[1]))
                    said = "–" if not wanted else f"{wanted[0]}" + (f", {wanted[1]}" if wanted[1] else "")
                    row += [said + ("" if reached else " (**missed**)"), f"{share(glue, 'playable', 0.5):.2f}"]
                    row += [f"{share(glue, 'playable', 0.5) / middle:.1f} ×"]
                rows.append(row)
        if rows:
            header = ["store", "provider's file", "clips", "p50 s", "p99 s", "p50 s, whole file had by a caller"]
            header += ["wanted p50, p99", "the usual glue, p50 s", "ratio"] if at_once == 1 else []
            texts.append(f"**{title}**, provider's end → playable:\n\n{table(header, rows)}")
    rows = []
    for kind, named in clips.KINDS.items():
        for clip in named:
            for store in stores:
                some = pick(part="playable", store=store, who="zoetrope", at_once=1, clip=clip)
                if some:
                    steps = [share(some, step, 0.5) for step in ("webhook", "looked", "download", *PARTS, "playable", "heard")]
                    rows.append([kind, clip, store, *(f"{step * 1_000:.0f}" for step in steps)])
    if rows:
        header = ["provider's file", "", "store", "webhook answered", "prediction looked at", "download asked for"]
        header += ["*download*", "*media*", "*of that key frames, poster*", "*store*", "playable", "a caller's stream says so"]
        texts.append(
            "**Where the time goes**, one at a time, medians, ms after the provider's end (in italics: how long that took):\n\n"
            + table(header, rows)
        )
    for clip in dict.fromkeys(figures["clip"] for figures in pick(part="retiming")):
        some = pick(part="retiming", clip=clip)
        name = next(name for number, name in enumerate(clips.KINDS["retimable"]) if clip == f"retimable-{number}.mp4")
        retiming = next(figures["ms"] for figures in some if figures["way"] == "retiming")
        rows = [
            [f["way"], f"{f['ms']:.1f}", f"{f['worst_ms']:.1f}", str(f["runs"]), f"{f['mb_per_s']:,}", f"{f['ms'] / retiming:.2f} ×"]
            for f in some
        ]
        header = ["", "ms, median", "worst", "runs", "MB/s", "beside retiming"]
        texts.append(f"**Retiming**, {name}, {some[0]['bytes'] / 1e6:.1f} MB (wanted: 20 ms):\n\n{table(header, rows)}")
    if some := pick(part="presets"):
        texts.append(presets.page(some))
    return "\n\n".join(texts)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True, type=os.path.abspath)
    parser.add_argument("--python", required=True, type=os.path.abspath)
    parser.add_argument("--clips", type=int, default=200, help="through the service, of all kinds, for each store and way")
    parser.add_argument("--stores", default="files,S3")
    parser.add_argument("--parts", default="playable,retiming,presets")
    parser.add_argument("--output", required=True)
    parser.add_argument("--page", help="a Markdown page whose results are replaced")
    options = parser.parse_args()
    # Whatever was started is stopped at the end, and this is one.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    load = os.getloadavg()[0]
    latency = Latency(options)
    for part in options.parts.split(","):
        print(f"{part} …", file=sys.stderr, flush=True)
        getattr(latency, part)()
        pathlib.Path(options.output).write_text(
            "".join(json.dumps(figures) + "\n" for figures in latency.results), encoding="utf-8"
        )
    loads = f"Load average of the machine: {load:.1f} before and {os.getloadavg()[0]:.1f} after."
    race.show(f"{race.machine()} {loads}\n\n{page(latency.results)}", options.page)


main()
