"""Measures the scaled-out shape: workers on PostgreSQL and S3, and the client of S3 beside others.

Usage: scale.py --bin FOLDER --python FOLDER [--parts throughput,upload,delete,stream] [--output FILE] [--page FILE];
scripts/bench-scale.sh calls it. docs/benchmarks/scale.md says what is measured.
"""

import argparse
import atexit
import json
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "Race"))
import race  # noqa: E402

WORKERS = (1, 2, 4)
RUNS = 600
# What a video of 5 s at 480p has.
VIDEO_BYTES = 450_000
# Videos that a worker finishes at a time: what zoetrope worker does on two cores.
HEAVY = 1
SMALL_FILES, SMALL_BYTES = 500, 1_000_000
LARGE_BYTES = 1_000_000_000
STREAM_BYTES = 1 << 30
DELETES = 5_000


class S3Server:
    """A radosgw of our own."""

    def __init__(self) -> None:
        self.folder = tempfile.mkdtemp(prefix="bench-s3-", dir="/tmp")
        self.script = str(HERE.parent.parent / "scripts" / "s3-server.sh")
        atexit.register(self.stop)
        said = subprocess.run(
            [self.script, "up", self.folder, "0", str(os.getpid())], check=True, stdout=subprocess.PIPE, text=True
        ).stdout
        values = dict(line.split("=", 1) for line in said.split())
        self.endpoint = values.pop("endpoint")
        self.keys = values

    def bucket(self, name: str) -> str:
        subprocess.run([self.script, "bucket", self.folder, name], check=True)
        return f"s3://{name}?endpoint={self.endpoint}&region=us-east-1&path_style=true"

    def stop(self) -> None:
        subprocess.run([self.script, "down", self.folder], check=False)


def measured(command: list[str], environment: dict[str, str]) -> dict:
    """Runs a program; what it needed as a whole, and what it says."""
    start = time.monotonic()
    process = subprocess.Popen(command, env=os.environ | environment, stdout=subprocess.PIPE, text=True)
    said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{command[0]} failed with {process.returncode}")
    figures = {
        "wall": time.monotonic() - start,
        "cpu": usage.ru_utime + usage.ru_stime,
        "peak_mib": usage.ru_maxrss / 1024,
    }
    lines = said.strip().splitlines()
    return figures | ({"said": json.loads(lines[-1])} if lines and lines[-1].startswith("{") else {})


def memory(pid: int, field: str) -> float:
    """`VmRSS` or, for the peak, `VmHWM`; in MiB."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) / 1024
    raise KeyError(field)


class Scale:
    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        # Beside this file's temporary files, objects of the local store must lie on a real disk.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="bench-scale-", dir="/var/tmp"))
        atexit.register(shutil.rmtree, self.folder, ignore_errors=True)
        self.number = 0
        self.postgres: race.Postgres | None = None
        self.stub: race.Stub | None = None

    def program(self, name: str) -> str:
        return f"{self.options.bin}/{name}"

    # Workers

    def database(self) -> str:
        if not self.postgres:
            self.postgres = race.Postgres()
            self.stub = race.Stub(self.program("zoetrope-race"))
        self.number += 1
        url = self.postgres.make(f"scale{self.number}")
        environment = os.environ | {"ZOETROPE_DATABASE_URL": url, "ZOETROPE_DATA_DIR": str(self.folder / "data")}
        subprocess.run(
            [self.program("zoetrope"), "migrate"], check=True, env=environment, stdout=subprocess.DEVNULL, cwd=self.folder
        )
        self.stub.reset(0)
        return url

    def accept(self, url: str, count: int) -> None:
        command = [self.program("zoetrope-race"), "accept", "--database", url, "--jobs", str(count)]
        subprocess.run(
            [*command, "--times", str(self.folder / "accepted")], check=True, stdout=subprocess.DEVNULL, cwd=self.folder
        )

    def worker(self, url: str, storage: str, name: str, video_bytes: int, keys: dict[str, str]) -> subprocess.Popen:
        command = [self.program("zoetrope-race"), "work", "--database", url, "--provider", self.stub.base]
        command += ["--storage", storage, "--video-bytes", str(video_bytes), "--heavy", str(HEAVY), "--poll", "0.2"]
        command += ["--until-stopped", "--times", str(self.folder / name)]
        process = subprocess.Popen(
            command, env=os.environ | keys, stdout=subprocess.PIPE, stderr=self.options.log, text=True, cwd=self.folder
        )
        atexit.register(process.kill)
        return process

    def ready(self, database: str) -> int:
        return int(
            self.postgres.run(
                "psql", "-X", "-A", "-t", "-h", str(self.postgres.folder), "-U", "race", "-d", database, "-c",
                "SELECT count(*) FROM animation_runs WHERE outcome = 'ready'",
            )
        )  # fmt: skip

    def until_ready(self, database: str, count: int, timeout: float = 240) -> None:
        deadline = time.monotonic() + timeout
        while self.ready(database) < count:
            if time.monotonic() > deadline:
                sys.exit(f"only {self.ready(database)} of {count} runs were ready after {timeout} s")
            time.sleep(0.1)

    def throughput(self, kind: str, storage: str, keys: dict[str, str], workers: int) -> dict:
        url = self.database()
        database = f"scale{self.number}"
        self.accept(url, RUNS)
        self.postgres.ask("CHECKPOINT")
        time.sleep(1.2)
        server_cpu = self.postgres.cpu()
        start = time.time()
        processes = [self.worker(url, storage, f"ended{n}", VIDEO_BYTES, keys) for n in range(workers)]
        self.until_ready(database, RUNS)
        figures = []
        for process in processes:
            process.send_signal(signal.SIGTERM)
        for process in processes:
            said = process.communicate(timeout=60)[0].strip().splitlines()
            figures.append(json.loads(said[-1]))
        ends: dict[str, float] = {}
        for n in range(workers):
            ends |= race.times(str(self.folder / f"ended{n}"))
        assert len(ends) == RUNS, f"{len(ends)} ends of {RUNS} runs"
        ledger = self.stub.ledger()
        seconds = max(ends.values()) - start
        return {
            "part": "throughput",
            "storage": kind,
            "workers": workers,
            "runs_per_s": RUNS / seconds,
            "cpu_ms_per_run": sum(figure["cpu_seconds"] for figure in figures) / RUNS * 1_000,
            "server_cpu_ms_per_run": (self.postgres.cpu() - server_cpu) / RUNS * 1_000,
            "peak_mib": max(figure["peak_mib"] for figure in figures),
            "duplicates": ledger["duplicates"],
        }

    def throughputs(self) -> list[dict]:
        server = S3Server()
        results = []
        for turn in range(self.options.rounds):
            for workers in WORKERS:
                bucket = server.bucket(f"runs-{turn}-{workers}")
                results.append(self.throughput("S3", bucket, server.keys, workers))
                self.tell(results[-1])
                objects = self.folder / f"objects-{turn}-{workers}"
                results.append(self.throughput("files", f"file:{objects}", {}, workers))
                self.tell(results[-1])
                shutil.rmtree(objects)
        server.stop()
        return results

    # The client of S3

    def put_command(self, client: str, server: S3Server, storage: str, bucket: str, prefix: str, folder: str) -> list[str]:
        if client == "zoetrope":
            command = [self.program("zoetrope-s3-bench"), "put", "--storage", storage, "--prefix", prefix, folder]
        elif client == "boto3":
            command = [f"{self.options.python}/python", "-B", str(HERE / "peers/boto3_load.py"), "put", server.endpoint]
            command += [bucket, prefix, folder]
        else:
            command = [f"{self.options.python}/aws", "s3", "cp", "--recursive", "--only-show-errors", folder]
            command += [f"s3://{bucket}/{prefix}/", "--endpoint-url", server.endpoint, "--region", "us-east-1"]
        return command

    def uploads(self) -> list[dict]:
        server = S3Server()
        storage = server.bucket("uploads")
        results = []
        small, large = self.folder / "small", self.folder / "large"
        small.mkdir(), large.mkdir()
        for n in range(SMALL_FILES):
            (small / f"{n}.bin").write_bytes(os.urandom(SMALL_BYTES))
        with open(large / "large.bin", "wb") as file:
            for _ in range(LARGE_BYTES // SMALL_BYTES):
                file.write(os.urandom(SMALL_BYTES))
        for folder, count, rounds in ((small, SMALL_FILES, self.options.rounds), (large, 1, 1)):
            size = sum(file.stat().st_size for file in folder.iterdir())
            for turn in range(rounds):
                for client in ("zoetrope", "aws s3 cp", "boto3"):
                    prefix = f"{client.split()[0]}-{folder.name}-{turn}"
                    command = self.put_command(client, server, storage, "uploads", prefix, str(folder))
                    figures = measured(command, server.keys)
                    results.append(
                        {"part": "upload", "client": client, "files": count, "megabytes_per_s": size / 1e6 / figures["wall"]}
                        | figures
                    )
                    self.tell(results[-1])
        shutil.rmtree(small), shutil.rmtree(large)
        server.stop()
        return results

    def deletes(self) -> list[dict]:
        server = S3Server()
        storage = server.bucket("deletes")
        folder = self.folder / "tiny"
        folder.mkdir()
        for n in range(DELETES):
            (folder / f"{n}.bin").write_bytes(b"0123456789")
        results = []
        for turn in range(2):
            for client in ("zoetrope", "boto3"):
                prefix = f"{client}-{turn}"
                measured(self.put_command("zoetrope", server, storage, "deletes", prefix, str(folder)), server.keys)
                if client == "zoetrope":
                    command = [self.program("zoetrope-s3-bench"), "delete", "--storage", storage, "--prefix", prefix]
                else:
                    command = [f"{self.options.python}/python", "-B", str(HERE / "peers/boto3_load.py"), "delete"]
                    command += [server.endpoint, "deletes", prefix]
                figures = measured(command, server.keys)
                assert figures["said"]["count"] == DELETES, figures
                results.append(
                    {"part": "delete", "client": client, "objects_per_s": DELETES / figures["said"]["seconds"]} | figures
                )
                self.tell(results[-1])
        shutil.rmtree(folder)
        server.stop()
        return results

    def stream(self) -> list[dict]:
        """A worker that publishes a video of 1 GiB."""
        server = S3Server()
        results = []
        objects = f"file:{self.folder / 'objects'}"
        for kind, storage, keys in (("S3", server.bucket("stream"), server.keys), ("files", objects, {})):
            url = self.database()
            process = self.worker(url, storage, "ended", STREAM_BYTES, keys)
            assert process.stdout.readline().strip() == "ready"
            time.sleep(2)
            idle = memory(process.pid, "VmRSS")
            self.accept(url, 1)
            start = time.monotonic()
            self.until_ready(f"scale{self.number}", 1)
            peak = memory(process.pid, "VmHWM")
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)
            results.append(
                {"part": "stream", "storage": kind, "idle_mib": idle, "peak_mib": peak, "seconds": time.monotonic() - start}
            )
            self.tell(results[-1])
        server.stop()
        return results

    def tell(self, figures: dict) -> None:
        print(json.dumps(figures), file=sys.stderr, flush=True)


def median(results: list[dict], name: str) -> float:
    return statistics.median(figures[name] for figures in results)


def span(results: list[dict], name: str, form: str = ",.0f") -> str:
    values = [figures[name] for figures in results]
    return f"{min(values):{form}} to {max(values):{form}}"


def table(header: list[str], rows: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in [header, ["---"] * len(header), *rows])


def page(results: list[dict]) -> str:
    texts = []

    def pick(**wanted: object) -> list[dict]:
        return [figures for figures in results if wanted.items() <= figures.items()]

    rows = []
    for storage in ("S3", "files"):
        one = pick(part="throughput", storage=storage, workers=1)
        for workers in WORKERS:
            if some := pick(part="throughput", storage=storage, workers=workers):
                rate = median(some, "runs_per_s")
                rows.append([
                    storage, str(workers), f"{rate:,.0f}", span(some, "runs_per_s"),
                    f"{rate / median(one, 'runs_per_s'):.2f} ×", f"{median(some, 'cpu_ms_per_run'):.1f}",
                    f"{median(some, 'server_cpu_ms_per_run'):.1f}", f"{max(f['peak_mib'] for f in some):.0f}",
                    str(sum(f["duplicates"] for f in some)),
                ])  # fmt: skip
    if rows:
        header = ["objects in", "workers", "runs/s", "of all rounds", "beside one", "workers' CPU ms/run"]
        header += ["PostgreSQL's CPU ms/run", "peak MiB of a worker", "paid twice"]
        texts.append(f"**Accepted to published**, {RUNS:,} runs, median of the rounds:\n\n{table(header, rows)}")
    for count, title in ((SMALL_FILES, f"{SMALL_FILES} files of 1 MB"), (1, "One file of 1 GB")):
        rows = []
        for client in ("zoetrope", "aws s3 cp", "boto3"):
            if some := pick(part="upload", client=client, files=count):
                rows.append([
                    client, f"{median(some, 'megabytes_per_s'):,.0f}", span(some, "megabytes_per_s"),
                    f"{median(some, 'wall'):.1f}", f"{median(some, 'cpu'):.1f}", f"{max(f['peak_mib'] for f in some):.0f}",
                ])  # fmt: skip
        if rows:
            header = ["client", "MB/s", "of all rounds", "s", "CPU s", "peak MiB"]
            texts.append(f"**{title}** to the same radosgw:\n\n{table(header, rows)}")
    rows = [
        [client, f"{median(some, 'objects_per_s'):,.0f}", span(some, "objects_per_s"), f"{median(some, 'cpu'):.1f}"]
        for client in ("zoetrope", "boto3")
        if (some := pick(part="delete", client=client))
    ]
    if rows:
        header = ["client", "objects/s", "of all rounds", "CPU s, listing and start included"]
        texts.append(f"**Batch deletes**, {DELETES:,} objects, 1,000 a call:\n\n{table(header, rows)}")
    rows = [
        [f["storage"], f"{f['idle_mib']:.0f}", f"{f['peak_mib']:.0f}", f"{f['peak_mib'] - f['idle_mib']:.0f}"]
        for f in pick(part="stream")
    ]
    if rows:
        header = ["objects in", "idle MiB", "peak MiB", "more"]
        texts.append(f"**A worker that publishes a video of 1 GiB**:\n\n{table(header, rows)}")
    return "\n\n".join(texts)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True, type=os.path.abspath)
    parser.add_argument("--python", required=True, type=os.path.abspath)
    parser.add_argument("--parts", default="throughput,upload,delete,stream")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--output", required=True)
    parser.add_argument("--page", help="a Markdown page whose results are replaced")
    parser.add_argument("--log", type=lambda path: open(path, "ab"), default="/dev/null")
    options = parser.parse_args()
    # Whatever was started is stopped at the end, and this is one.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    scale = Scale(options)
    load = os.getloadavg()[0]
    measures = {
        "throughput": scale.throughputs,
        "upload": scale.uploads,
        "delete": scale.deletes,
        "stream": scale.stream,
    }
    results: list[dict] = []
    for part in options.parts.split(","):
        print(f"{part} …", file=sys.stderr, flush=True)
        results += measures[part]()
        pathlib.Path(options.output).write_text(
            "".join(json.dumps(figures) + "\n" for figures in results), encoding="utf-8"
        )
    loads = f"Load average of the machine: {load:.1f} before and {os.getloadavg()[0]:.1f} after."
    race.show(f"{race.machine()} {loads}\n\n{page(results)}", options.page)


main()
