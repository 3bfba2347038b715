"""Measures the HTTP service beside a bare application and a usual one, on one SQLite file.

Usage: service.py --bin FOLDER --python FOLDER [--seconds N] [--parts routes,streams,file] [--page FILE];
scripts/bench-service.sh calls it. docs/benchmarks/service.md says what is measured.
"""

import argparse
import asyncio
import atexit
import json
import os
import pathlib
import platform
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import uvloop

HERE = pathlib.Path(__file__).parent
CONNECTIONS = 32
ROUNDS = 3
ROWS = 2_000
STREAMS = 10_000
# Until the silence in which a stream sends a comment, 15 s, has come by at least once.
IDLE_SECONDS = 20
FILE_BYTES = 1 << 30
RANGE_BYTES = 8 << 20
TICKS = os.sysconf("SC_CLK_TCK")


class Server:
    """A server with its children, and what they need."""

    def __init__(self, name: str, port: int, command: list[str], prefix: str, create: str, **environment: str) -> None:
        self.name, self.port, self.command = name, port, command
        self.prefix, self.create = prefix, create
        self.environment = os.environ | environment
        self.process: subprocess.Popen | None = None

    def start(self, folder: pathlib.Path, probe: str) -> None:
        with open(folder / f"{self.port}.log", "ab") as log:
            self.process = subprocess.Popen(self.command, cwd=HERE / "peers", env=self.environment, stderr=log)
        atexit.register(self.stop)
        deadline = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}{probe}").read()
                return
            except urllib.error.HTTPError:
                return
            except OSError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    sys.exit(f"{self.name} did not begin; see {folder}/{self.port}.log")
                time.sleep(0.1)

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def processes(self) -> list[int]:
        pid = self.process.pid
        found = [pid]
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    fields = pathlib.Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
                except OSError:
                    continue
                if int(fields[1]) in found:
                    found.append(int(entry))
        return found

    def cpu(self) -> float:
        """User and system time so far, in seconds."""
        total = 0
        for pid in self.processes():
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
        return total / TICKS

    def memory(self, field: str) -> float:
        """`VmRSS` or, for the peak, `VmHWM`; in MiB."""
        total = 0
        for pid in self.processes():
            for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith(field + ":"):
                    total += int(line.split()[1])
        return total / 1024


def wrk(server: Server, seconds: float, path: str, script: str, *arguments: str, connections: int = CONNECTIONS) -> dict:
    before = server.cpu()
    said = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--timeout", "10s", "-s", script]
        + [f"http://127.0.0.1:{server.port}{path}", "--", *arguments],
        cwd=HERE,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    figures = json.loads(said.strip().splitlines()[-1])
    figures["per_second"] = figures["requests"] / figures["seconds"]
    figures["cpu"] = server.cpu() - before
    return figures


class Bench:
    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="bench-service-"))
        if not options.keep:
            atexit.register(shutil.rmtree, self.folder, ignore_errors=True)
        self.data = self.folder / "data"
        self.database = self.data / "zoetrope.sqlite"
        self.results: dict = {}
        subprocess.run(
            ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=640x360", "-frames:v", "1"]
            + [str(self.folder / "photo.jpg")],
            check=True,
        )
        self.ours = self.zoetrope()
        self.ours.start(self.folder, "/healthz")
        said = subprocess.run(
            ["curl", "-sS", "-F", f"image=@{self.folder}/photo.jpg", f"http://127.0.0.1:{self.ours.port}/api/v1/jobs"],
            check=True,
            capture_output=True,
        ).stdout
        self.job = json.loads(said)["id"]
        self.animations = f"/api/v1/jobs/{self.job}/animations"
        self.ours.prefix, self.ours.create = f"{self.animations}/", self.animations

    def zoetrope(self) -> Server:
        command = [f"{self.options.bin}/zoetrope", "serve", "--role", "api", "--port", "18080"]
        return Server("zoetrope", 18080, command, "", "", ZOETROPE_DATA_DIR=str(self.data))

    def call(self, path: str, body: dict | None = None) -> dict:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"http://127.0.0.1:{self.ours.port}{path}", data, headers)
        return json.load(urllib.request.urlopen(request))

    def order(self, count: int) -> list[str]:
        return [self.call(self.animations, {"model": "local"})["id"] for _ in range(count)]

    # Status reads and creates

    def routes(self) -> None:
        ids = self.order(ROWS)
        (self.folder / "ids").write_text("".join(f"{id}\n" for id in ids))
        peer = dict(BENCH_DATABASE=str(self.database), BENCH_JOB=self.job)
        uvicorn = [f"{self.options.python}/python", "-B", "-m", "uvicorn", "app:app", "--log-level", "warning"]
        uvicorn += ["--no-access-log", "--loop", "uvloop", "--http", "httptools"]
        limit = [f"{self.options.bin}/zoetrope-http-limit", "--database", str(self.database), "--job", self.job]
        servers = [
            self.ours,
            Server("bare Hummingbird", 18081, [*limit, "--port", "18081"], "/status/", "/create"),
            Server("FastAPI, 1 worker", 18082, [*uvicorn, "--port", "18082"], "/status/", "/create", **peer),
            Server("FastAPI, 2 workers", 18083, [*uvicorn, "--port", "18083", "--workers", "2"], "/status/", "/create", **peer),
        ]
        for server in servers[1:]:
            server.start(self.folder, f"/status/{ids[0]}")
        time.sleep(2)
        for kind in ("reads", "creates"):
            for server in servers:
                self.round(kind, server, 2)
            runs: dict[str, list[dict]] = {server.name: [] for server in servers}
            for number in range(ROUNDS):
                for server in servers:
                    rows = self.rows()
                    run = self.round(kind, server, self.options.seconds)
                    run["rows"] = self.rows() - rows
                    run["peak_mib"] = server.memory("VmHWM")
                    runs[server.name].append(run)
                    print(kind, number, server.name, json.dumps(run), file=sys.stderr, flush=True)
            self.results[kind] = runs
        for server in servers[1:]:
            server.stop()

    def round(self, kind: str, server: Server, seconds: float) -> dict:
        if kind == "reads":
            return wrk(server, seconds, "/", "reads.lua", server.prefix, str(self.folder / "ids"))
        return wrk(server, seconds, server.create, "creates.lua")

    def rows(self) -> int:
        with sqlite3.connect(self.database) as connection:
            return connection.execute("SELECT count(*) FROM animation_runs").fetchone()[0]

    # Streams of events

    def streams(self) -> None:
        self.results["streams"] = []
        missing = STREAMS + 1 - self.rows()
        if missing > 0:
            self.order(missing)
        with sqlite3.connect(self.database) as connection:
            found = connection.execute(
                "SELECT id FROM animation_runs WHERE outcome IS NULL ORDER BY created_at, id LIMIT ?", [STREAMS + 1]
            )
            ids = [row[0] for row in found]
        for name, watched in (("all of one animation", ids[-1:] * STREAMS), ("each of its own", ids[:-1])):
            self.ours.stop()
            self.ours.start(self.folder, "/healthz")
            for _ in range(200):
                self.call(f"{self.animations}/{ids[0]}")
            time.sleep(2)
            figures = {"streams": name} | uvloop.run(self.watch(watched))
            self.results["streams"].append(figures)
            print(json.dumps(figures), file=sys.stderr, flush=True)

    async def watch(self, ids: list[str]) -> dict:
        server = self.ours
        figures = {"before_mib": server.memory("VmRSS"), "before_cpu": server.cpu()}
        begin = time.monotonic()
        streams: list[Stream] = []
        turn = asyncio.Semaphore(200)

        async def open_one(id: str) -> None:
            async with turn:
                stream = Stream(server.port, f"{self.animations}/{id}/events")
                streams.append(stream)
                loop = asyncio.get_running_loop()
                await loop.create_connection(lambda: stream, "127.0.0.1", server.port)
                await asyncio.wait_for(stream.opened, 60)

        await asyncio.gather(*(open_one(id) for id in ids))
        figures["opened_within_s"] = time.monotonic() - begin
        figures["opening_cpu"] = server.cpu() - figures["before_cpu"]
        await asyncio.sleep(5)
        figures["open_mib"] = server.memory("VmRSS")
        idle, begin = server.cpu(), time.monotonic()
        await asyncio.sleep(IDLE_SECONDS)
        figures["idle_cpu_percent"] = 100 * (server.cpu() - idle) / (time.monotonic() - begin)
        figures["after_idle_mib"] = server.memory("VmRSS")
        figures["cut_while_idle"] = sum(stream.cuts for stream in streams)
        cpu = server.cpu()
        committed = await asyncio.to_thread(self.cancel, ids[-1])
        watching = [stream for stream in streams if f"/{ids[-1]}/" in stream.path]
        await asyncio.wait_for(asyncio.gather(*(stream.ended for stream in watching)), 120)
        heard = sorted(stream.ended.result() - committed for stream in watching)
        figures |= {"heard": len(heard), "first_s": heard[0], "median_s": heard[len(heard) // 2], "last_s": heard[-1]}
        figures["cut"] = sum(stream.cuts for stream in streams)
        await asyncio.sleep(1)
        figures["telling_cpu"] = server.cpu() - cpu
        figures["peak_mib"] = server.memory("VmHWM")
        for stream in streams:
            stream.leave()
        return figures

    def cancel(self, id: str) -> float:
        """Cancels a run by another process; returns when the commit was seen."""
        command = [f"{self.options.bin}/zoetrope", "runs", "cancel", id]
        process = subprocess.Popen(command, env=self.ours.environment, stdout=subprocess.DEVNULL)
        with sqlite3.connect(self.database) as connection:
            while process.poll() in (None, 0):
                row = connection.execute("SELECT outcome FROM animation_runs WHERE id = ?", [id]).fetchone()
                if row[0] is not None:
                    seen = time.monotonic()
                    process.wait()
                    return seen
                time.sleep(0.002)
        sys.exit("zoetrope runs cancel failed")

    # A large file

    def file(self) -> None:
        id = self.order(1)[0]
        key = f"animations/{self.job}/{id}.mp4"
        path = self.data / "objects" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        piece = os.urandom(1 << 20)
        with open(path, "wb") as file:
            for _ in range(FILE_BYTES // len(piece)):
                file.write(piece)
        with sqlite3.connect(self.database) as connection:
            connection.execute("UPDATE animation_attempts SET preview_s3_key = ? WHERE id = ?", [key, id])
            connection.execute(
                "UPDATE animation_runs SET state = 'done', outcome = 'ready', wake_at = NULL WHERE id = ?", [id]
            )
        url = self.call(f"{self.animations}/{id}")["preview_url"]
        configuration = self.folder / "nginx.conf"
        configuration.write_text(NGINX.format(folder=self.folder, user="user root;" if os.getuid() == 0 else ""))
        nginx = Server("nginx", 18084, ["nginx", "-e", "stderr", "-c", str(configuration)], "", "")
        nginx.start(self.folder, "/")
        paths = {self.ours: url.removeprefix(f"http://127.0.0.1:{self.ours.port}"), nginx: f"/{key}"}
        self.results["file"] = {"whole": {}, "ranges": {}}
        for _ in range(ROUNDS):
            for server, address in paths.items():
                whole = self.whole(server, address)
                part = wrk(
                    server, self.options.seconds, address, "ranges.lua", str(FILE_BYTES), str(RANGE_BYTES), connections=4
                )
                part["mb_per_s"] = part["bytes"] / part["seconds"] / 1e6
                part["cpu_per_gb"] = part["cpu"] / part["bytes"] * 1e9
                for kind, run in (("whole", whole), ("ranges", part)):
                    run["peak_mib"] = server.memory("VmHWM")
                    self.results["file"][kind].setdefault(server.name, []).append(run)
                    print(kind, server.name, json.dumps(run), file=sys.stderr, flush=True)
        nginx.stop()

    @staticmethod
    def whole(server: Server, path: str) -> dict:
        cpu = server.cpu()
        said = subprocess.run(
            ["curl", "-sS", "--fail", "-o", "/dev/null", "-w", "%{size_download} %{time_total}"]
            + [f"http://127.0.0.1:{server.port}{path}"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.split()
        size, seconds = int(said[0]), float(said[1])
        assert size == FILE_BYTES
        return {"mb_per_s": size / seconds / 1e6, "cpu_per_gb": (server.cpu() - cpu) / size * 1e9}


NGINX = """
{user}
worker_processes 2;
daemon off;
pid {folder}/nginx.pid;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    types {{ video/mp4 mp4; }}
    server {{
        listen 127.0.0.1:18084;
        root {folder}/data/objects;
    }}
}}
"""


class Stream(asyncio.Protocol):
    """A client of one stream of events, which comes back at once when it is cut off, as browsers do after a while."""

    def __init__(self, port: int, path: str) -> None:
        self.port, self.path = port, path
        loop = asyncio.get_running_loop()
        self.opened, self.ended = loop.create_future(), loop.create_future()
        self.cuts = 0
        self.is_leaving = False

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.transport = transport
        transport.write(f"GET {self.path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n\r\n".encode())

    def data_received(self, data: bytes) -> None:
        if not self.opened.done() and b"event: progress" in data:
            self.opened.set_result(None)
        if not self.ended.done() and b"event: failed" in data:
            self.ended.set_result(time.monotonic())

    def connection_lost(self, error: Exception | None) -> None:
        if not self.opened.done():
            self.opened.set_exception(ConnectionError("the stream was closed before it began"))
        elif not self.ended.done() and not self.is_leaving:
            self.cuts += 1
            loop = asyncio.get_running_loop()
            self.again = loop.create_task(loop.create_connection(lambda: self, "127.0.0.1", self.port))

    def leave(self) -> None:
        self.is_leaving = True
        self.transport.abort()


# The page


def median(runs: list[dict], key: str) -> dict:
    """The run with the median of a figure."""
    return sorted(runs, key=lambda run: run[key])[len(runs) // 2]


def table(columns: list[str], rows: list[list[str]]) -> list[str]:
    lines = [columns, ["---"] * len(columns), *rows]
    return ["| " + " | ".join(line) + " |" for line in lines] + [""]


def page(results: dict, seconds: float) -> str:
    lines = [machine(), ""]
    for kind in ("reads", "creates"):
        if kind not in results:
            continue
        title = "Status reads" if kind == "reads" else "Durable creates"
        lines += [f"**{title}**, median of {ROUNDS} runs of {seconds:g} s, {CONNECTIONS} connections:", ""]
        best = {name: median(runs, "per_second") for name, runs in results[kind].items()}
        rows = []
        for name, run in best.items():
            every = sorted(run["per_second"] for run in results[kind][name])
            rows.append([
                name, f"{run['per_second']:,.0f}", f"{every[0]:,.0f} to {every[-1]:,.0f}", f"{run['p50'] * 1e3:.2f}",
                f"{run['p99'] * 1e3:.2f}", f"{run['cpu'] / run['requests'] * 1e3:.3f}", f"{run['peak_mib']:.0f}",
                str(sum(run["errors"] for run in results[kind][name])),
            ])
        lines += table(
            ["", "requests/s", "of all runs", "p50 ms", "p99 ms", "CPU ms/request", "peak RSS MiB", "errors"], rows
        )
        ours, bare = best["zoetrope"]["per_second"], best["bare Hummingbird"]["per_second"]
        usual = max(run["per_second"] for name, run in best.items() if name.startswith("FastAPI"))
        limit, factor = (60, 5) if kind == "reads" else (50, 4)
        lines += [
            f"That is {ours / bare:.0%} of the bare application (wanted: {limit} %) and {ours / usual:.1f} × the better"
            f" FastAPI (wanted: {factor} ×).",
            "",
        ]
    if "streams" in results:
        lines += [f"**{STREAMS:,} open streams of events**:", ""]
        rows = []
        for run in results["streams"]:
            each = (run["open_mib"] - run["before_mib"]) * 1024 / STREAMS
            rows.append([
                run["streams"], f"{run['opened_within_s']:.1f}", f"{run['before_mib']:.0f}", f"{run['open_mib']:.0f}",
                f"{each:.1f}", f"{run['idle_cpu_percent']:.1f}", f"{run['heard']:,}", f"{run['first_s']:.2f}",
                f"{run['median_s']:.2f}", f"{run['last_s']:.2f}", f"{run['cut']:,}", f"{run['telling_cpu']:.2f}",
                f"{run['peak_mib']:.0f}",
            ])
        lines += table(
            ["streams", "opened within s", "RSS before MiB", "RSS open MiB", "KiB each", "CPU % of a core, idle"]
            + ["hear the end", "first after s", "median s", "last after s", "cut off", "CPU s to tell", "peak RSS MiB"],
            rows,
        )
    if "file" in results:
        lines += [f"**A file of 1 GiB**, median of {ROUNDS}:", ""]
        rows = []
        for kind, name in (("whole", "whole, by curl"), ("ranges", "ranges of 8 MiB, 4 connections of wrk")):
            for server, runs in results["file"][kind].items():
                run = median(runs, "mb_per_s")
                rows.append([
                    name, server, f"{run['mb_per_s']:,.0f}", f"{run['cpu_per_gb']:.2f}", f"{run['peak_mib']:.0f}",
                ])
        lines += table(["", "server", "MB/s", "CPU s/GB", "peak RSS MiB"], rows)
    return "\n".join(lines)


def machine() -> str:
    model = next(
        line.split(":")[1].strip() for line in open("/proc/cpuinfo", encoding="utf-8") if line.startswith("model name")
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    system = platform.freedesktop_os_release()["PRETTY_NAME"]
    return (
        f"{time.strftime('%Y-%m-%d')}: {os.cpu_count()} cores of {model}, {memory:.0f} GiB, {system},"
        f" Python {platform.python_version()}; load average {os.getloadavg()[0]:.1f} at the end."
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    parser.add_argument("--python", required=True)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--parts", default="routes,streams,file")
    parser.add_argument("--keep", action="store_true", help="keep the data folder")
    parser.add_argument("--output", help="file for the raw results")
    parser.add_argument("--page", help="page whose results are replaced")
    options = parser.parse_args()
    options.bin, options.python = os.path.abspath(options.bin), os.path.abspath(options.python)
    bench = Bench(options)
    for part in options.parts.split(","):
        getattr(bench, part)()
    if options.output:
        pathlib.Path(options.output).write_text(json.dumps(bench.results, indent=1) + "\n")
    text = page(bench.results, options.seconds)
    print(text)
    if options.page:
        file = pathlib.Path(options.page)
        head, _, rest = file.read_text().partition("<!-- results -->\n")
        tail = rest.partition("<!-- end of results -->")[2]
        file.write_text(f"{head}<!-- results -->\n{text}<!-- end of results -->{tail}")


if __name__ == "__main__":
    main()
