"""Draws the results of a race. Usage: plot.py RESULTS.jsonl PLOT.svg"""

import json
import sys

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plot  # noqa: E402

IDEAL_SECONDS = 8.0
OURS, PEERS, SECOND = "#c2410c", "#475569", "#94a3b8"


def main() -> None:
    source, target = sys.argv[1:]
    with open(source, encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    peers = [line for line in lines if "p99" in line]
    jobs = min(line["jobs"] for line in peers)
    raced = sorted((line for line in peers if line["jobs"] == jobs), key=lambda line: line["jobs_per_s"])
    names = [line["engine"].capitalize() if line["engine"].startswith("zoe") else line["engine"] for line in raced]
    colours = [OURS if name.startswith("Zoetrope") else PEERS for name in names]
    ideal = jobs / IDEAL_SECONDS

    # Opaque, so that the text is dark on light wherever it is shown; texts stay texts.
    plot.rcParams.update({"svg.fonttype": "none", "font.family": "sans-serif", "font.size": 9, "axes.titlesize": 9, "svg.hashsalt": "race"})
    figure, (rate, latency, cost) = plot.subplots(1, 3, figsize=(11.5, 3.0), facecolor="white", layout="constrained")
    places = range(len(raced))

    rate.barh(places, [line["jobs_per_s"] for line in raced], color=colours)
    rate.axvline(ideal, color="black", linestyle=":", linewidth=1)
    rate.set_title(f"Jobs a second (ideal {ideal:.0f})")
    rate.set_xlim(0, ideal * 1.2)
    for place, line in enumerate(raced):
        rate.text(line["jobs_per_s"] + ideal * 0.02, place, f"{line['jobs_per_s']:.0f}", va="center")

    for place, line, colour in zip(places, raced, colours):
        latency.plot([line["p50"], line["p99"]], [place, place], color=colour, linewidth=5, solid_capstyle="butt")
        latency.plot([line["p50"]], [place], marker="o", color=colour)
        latency.text(line["p99"] * 1.08, place, f"{line['p99']:.1f}", va="center")
    latency.axvline(IDEAL_SECONDS, color="black", linestyle=":", linewidth=1)
    latency.set_xscale("log")
    latency.set_xlim(6, max(line["p99"] for line in raced) * 2)
    ticks = [tick for tick in (8, 10, 20, 50, 100, 200) if tick < latency.get_xlim()[1]]
    latency.set_xticks(ticks, [str(tick) for tick in ticks])
    latency.minorticks_off()
    latency.set_title("Seconds, p50 (dot) to p99 (ideal 8.0)")

    worker = [line["cpu_seconds"] / line["jobs"] * 1_000 for line in raced]
    server = [line["server_cpu_seconds"] / line["jobs"] * 1_000 for line in raced]
    cost.barh(places, worker, color=colours)
    cost.barh(places, server, left=worker, color=SECOND)
    cost.set_title("CPU ms a job: worker + PostgreSQL")
    most = max(a + b for a, b in zip(worker, server))
    cost.set_xlim(0, most * 1.35)
    for place, (a, b) in enumerate(zip(worker, server)):
        cost.text(a + b + most * 0.02, place, f"{a:.1f} + {b:.1f}", va="center")

    for axes in (rate, latency, cost):
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_ylim(-0.6, len(raced) - 0.4)
        axes.tick_params(axis="y", length=0)
        axes.set_yticks(list(places), names if axes is rate else [""] * len(raced))
    figure.suptitle(f"{jobs:,} jobs in flight, one worker process, PostgreSQL 15, two cores")
    figure.savefig(target, metadata={"Date": None})


main()
