"""Runs the engines of the race, one after the other, and prints what each needed.

Usage: race.py --bin FOLDER --python FOLDER [--jobs N] [--engines a,b] [--output FILE]; scripts/race.sh calls it.
"""

import argparse
import atexit
import json
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = pathlib.Path(__file__).parent
PROGRAMS = pathlib.Path("/usr/lib/postgresql/15/bin")
SECONDS = 8.0
# Engines whose predictions do not end.
WAITING = ("zoetrope, waiting", "zoetrope, ordering")


class Postgres:
    """A PostgreSQL 15 of our own, with its default durability, on a Unix socket in a folder in /tmp."""

    def __init__(self) -> None:
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="race-", dir="/tmp"))
        self.prefix: list[str] = []
        if os.getuid() == 0:
            # PostgreSQL refuses to run as root.
            user = pwd.getpwnam("postgres")
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            self.prefix = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
        self.run("initdb", "-D", f"{self.folder}/data", "-U", "race", "-A", "trust", "-E", "UTF8", "--locale=C")
        self.server = subprocess.Popen(
            [*self.prefix, f"{PROGRAMS}/postgres", "-D", f"{self.folder}/data"]
            + ["-c", "listen_addresses=", "-c", f"unix_socket_directories={self.folder}", "-c", "max_connections=200"],
            cwd="/tmp",
            stdout=open(f"{self.folder}/log", "wb"),
            stderr=subprocess.STDOUT,
        )
        atexit.register(self.stop)
        deadline = time.monotonic() + 60
        while subprocess.run([f"{PROGRAMS}/pg_isready", "-q", "-h", self.folder], check=False).returncode:
            if time.monotonic() > deadline or self.server.poll() is not None:
                sys.exit((self.folder / "log").read_text())
            time.sleep(0.1)

    def run(self, program: str, *arguments: str) -> str:
        command = [*self.prefix, f"{PROGRAMS}/{program}", *arguments]
        return subprocess.run(command, cwd="/tmp", check=True, capture_output=True, text=True).stdout

    def ask(self, sql: str) -> str:
        return self.run(
            "psql", "-X", "-A", "-t", "-h", str(self.folder), "-U", "race", "-d", "postgres", "-c", sql
        ).strip()

    def make(self, name: str) -> str:
        self.ask(f"CREATE DATABASE {name}")
        return f"postgresql://race@/{name}?host={self.folder}"

    def counters(self, database: str) -> dict[str, float]:
        # Backends report their counts a second after their last work, or at their end.
        row = self.ask(
            "SELECT xact_commit, pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0'), (SELECT wal_sync FROM pg_stat_wal)"
            f" FROM pg_stat_database WHERE datname = '{database}'"
        ).split("|")
        return {"commits": float(row[0]), "wal": float(row[1]), "syncs": float(row[2]), "cpu": self.cpu()}

    def cpu(self) -> float:
        """User and system time of the server, its present and its former processes."""
        processes: dict[int, tuple[int, list[int]]] = {}
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    fields = pathlib.Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
                except OSError:
                    continue
                processes[int(entry)] = (int(fields[1]), [int(field) for field in fields[11:15]])
        total = sum(processes[self.server.pid][1])
        total += sum(sum(times[:2]) for parent, times in processes.values() if parent == self.server.pid)
        return total / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        self.server.send_signal(signal.SIGINT)
        self.server.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class Stub:
    def __init__(self, program: str) -> None:
        self.process = subprocess.Popen([program, "stub"], stdout=subprocess.PIPE, text=True)
        atexit.register(self.process.kill)
        self.base = f"http://127.0.0.1:{self.process.stdout.readline().strip()}"

    def reset(self, seconds: float) -> None:
        urllib.request.urlopen(urllib.request.Request(f"{self.base}/reset?seconds={seconds}", method="POST")).read()

    def ledger(self) -> dict:
        return json.load(urllib.request.urlopen(f"{self.base}/ledger"))


def percentile(values: list[float], share: float) -> float:
    return values[min(len(values) - 1, int(len(values) * share))]


def times(path: str) -> dict[str, float]:
    with open(path, encoding="utf-8") as file:
        return {name: float(at) for name, at in (line.split() for line in file)}


class Race:
    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.program = f"{options.bin}/zoetrope-race"
        self.postgres = Postgres()
        self.stub = Stub(self.program)
        self.folder = tempfile.mkdtemp(prefix="race-times-")
        atexit.register(shutil.rmtree, self.folder, ignore_errors=True)
        self.number = 0

    def run(self, engine: str, jobs: int, timeout: float) -> dict:
        """One engine, from an empty database to the last end."""
        self.number += 1
        database = f"race{self.number}"
        url = self.postgres.make(database)
        self.stub.reset(100_000 if engine in WAITING else SECONDS)
        accepted, ended = f"{self.folder}/accepted{self.number}", f"{self.folder}/ended{self.number}"
        worker = subprocess.Popen(
            self.command(engine, url, jobs, accepted, ended),
            stdout=subprocess.PIPE,
            stderr=self.options.log,
            text=True,
            cwd=HERE / "peers",
        )
        figures = {"engine": engine, "jobs": jobs, "load_before": os.getloadavg()[0]}
        try:
            if worker.stdout.readline().strip() != "ready":
                raise RuntimeError(f"{engine} did not begin")
            self.postgres.ask("CHECKPOINT")
            time.sleep(1.2)
            before = self.postgres.counters(database)
            if engine.startswith("zoetrope"):
                client = [self.program, "accept", "--database", url, "--jobs", str(jobs), "--times", accepted]
                client += ["--connections", str(self.options.connections)]
                said = subprocess.run(client, check=True, capture_output=True, text=True, timeout=timeout)
                figures["client_cpu_seconds"] = json.loads(said.stdout)["cpu_seconds"]
            said, _ = worker.communicate(timeout=timeout)
            if worker.returncode not in (0, -signal.SIGKILL) or not said.strip():
                raise RuntimeError(f"{engine} failed with {worker.returncode}")
            figures |= json.loads(said.strip().splitlines()[-1])
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            worker.kill()
            return figures | {"failed": str(error)}
        time.sleep(1.2)
        after = self.postgres.counters(database)
        ledger = self.stub.ledger()
        figures |= {
            "server_cpu_seconds": after["cpu"] - before["cpu"],
            "commits_per_job": (after["commits"] - before["commits"]) / jobs,
            "syncs_per_job": (after["syncs"] - before["syncs"]) / jobs,
            "wal_bytes_per_job": (after["wal"] - before["wal"]) / jobs,
            "stub_cpu_seconds": ledger["cpu_seconds"],
            "creates": ledger["creates"],
            "duplicates": ledger["duplicates"],
            "gets": ledger["gets"],
            "lists": ledger["lists"],
        }
        if engine == "zoetrope, ordering":
            figures["seconds"] = ledger["last_created"] - min(times(accepted).values())
        elif engine != "zoetrope, waiting":
            figures |= self.latencies(accepted, ended, ledger)
        return figures

    @staticmethod
    def latencies(accepted_file: str, ended_file: str, ledger: dict) -> dict:
        accepted, ended = times(accepted_file), times(ended_file)
        assert accepted.keys() == ended.keys()
        latencies = sorted(ended[job] - accepted[job] for job in accepted)
        seconds = max(ended.values()) - min(accepted.values())
        return {
            "seconds": seconds,
            "jobs_per_s": len(accepted) / seconds,
            "accepted_within_s": max(accepted.values()) - min(accepted.values()),
            "created_within_s": ledger["last_created"] - min(accepted.values()),
            "p50": percentile(latencies, 0.50),
            "p90": percentile(latencies, 0.90),
            "p99": percentile(latencies, 0.99),
            "max": latencies[-1],
        }

    def command(self, engine: str, url: str, jobs: int, accepted: str, ended: str) -> list[str]:
        if not engine.startswith("zoetrope"):
            script = {"DBOS": "race_dbos.py", "Procrastinate": "race_procrastinate.py", "PgQueuer": "race_pgqueuer.py"}
            python = f"{self.options.python}/python"
            return [python, "-B", script[engine], url, self.stub.base, str(jobs), accepted, ended]
        command = [self.program, "work", "--database", url, "--provider", self.stub.base]
        command += ["--jobs", str(jobs), "--times", ended]
        command += self.options.worker.split()
        if engine == "zoetrope, ordering":
            command += ["--poll", "1000", "--steady", "0"]
        if engine == "zoetrope, waiting":
            command += ["--poll", "10", "--steady", "30"]
        if engine == "zoetrope, single looks":
            command += ["--singly"]
        return command


COLUMNS = {
    "engine": lambda run: run["engine"],
    "in flight": lambda run: f"{run['jobs']:,}",
    "jobs/s": lambda run: f"{run['jobs_per_s']:.1f}",
    "of ideal": lambda run: f"{run['jobs_per_s'] * SECONDS / run['jobs']:.0%}",
    "p50 s": lambda run: f"{run['p50']:.2f}",
    "p99 s": lambda run: f"{run['p99']:.2f}",
    "max s": lambda run: f"{run['max']:.2f}",
    "worker CPU ms/job": lambda run: f"{run['cpu_seconds'] / run['jobs'] * 1_000:.2f}",
    "server CPU ms/job": lambda run: f"{run['server_cpu_seconds'] / run['jobs'] * 1_000:.2f}",
    "stub CPU ms/job": lambda run: f"{run['stub_cpu_seconds'] / run['jobs'] * 1_000:.2f}",
    "peak MiB": lambda run: f"{run['peak_mib']:.0f}",
    "commits/job": lambda run: f"{run['commits_per_job']:.1f}",
    "WAL kB/job": lambda run: f"{run['wal_bytes_per_job'] / 1_000:.1f}",
    "doubled": lambda run: str(run["duplicates"]),
}


def table(runs: list[dict]) -> str:
    raced = [run for run in runs if "p99" in run]
    lines = [" | ".join(COLUMNS), " | ".join("---" for _ in COLUMNS)]
    lines += [" | ".join(column(run) for column in COLUMNS.values()) for run in raced]
    text = "\n".join(f"| {line} |" for line in lines)
    for run in runs:
        if "core_share" in run:
            text += (
                f"\n\n{run['jobs']:,} in flight with a look at each every 10 s, {run['polls_per_s']:.0f} looks a second:"
                f" {run['core_share']:.1%} of a core and {run['rss_mib']:.0f} MiB in the worker (peak"
                f" {run['peak_mib']:.0f} MiB)."
            )
        if "failed" in run:
            text += f"\n\n{run['engine']}, {run['jobs']:,} jobs: {run['failed']}"
    return text


def machine() -> str:
    """What the race was run on, and when."""
    processor = next(
        (line.partition(":")[2].strip() for line in open("/proc/cpuinfo", encoding="utf-8") if "model name" in line),
        "unknown processor",
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    system = next(
        line.partition("=")[2].strip().strip('"')
        for line in open("/etc/os-release", encoding="utf-8")
        if line.startswith("PRETTY_NAME")
    )
    postgres = subprocess.run([PROGRAMS / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    return (
        f"{time.strftime('%Y-%m-%d')}: {os.cpu_count()} cores of {processor}, {memory:.0f} GiB, {system}, "
        f"{postgres.strip()}, Python {sys.version.split()[0]}."
    )


def show(text: str, page: str | None) -> None:
    """Prints the results, and puts them into a page between its two marks."""
    print(text)
    if page is None:
        return
    content = pathlib.Path(page).read_text(encoding="utf-8")
    head, start, rest = content.partition("<!-- results -->\n")
    _, end, tail = rest.partition("<!-- end of results -->")
    if not start or not end:
        sys.exit(f"{page} has no place for results")
    pathlib.Path(page).write_text(f"{head}{start}{text}\n{end}{tail}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True, type=os.path.abspath)
    parser.add_argument("--python", required=True, type=os.path.abspath)
    parser.add_argument("--output", required=True)
    parser.add_argument("--page", help="a Markdown page whose results are replaced")
    parser.add_argument("--worker", default="", help="more options for our worker")
    parser.add_argument("--connections", type=int, default=5)
    parser.add_argument("--log", type=lambda path: open(path, "ab"), default="/dev/null")
    parser.add_argument("runs", nargs="+", help="ENGINE:JOBS, such as DBOS:1000")
    options = parser.parse_args()
    race = Race(options)
    done: list[dict] = []
    with open(options.output, "w", encoding="utf-8") as output:
        for run in options.runs:
            engine, _, jobs = run.partition(":")
            print(f"{engine}, {jobs} jobs …", file=sys.stderr, flush=True)
            figures = race.run(engine, int(jobs), timeout=400)
            done.append(figures)
            line = json.dumps(figures)
            output.write(line + "\n")
            output.flush()
            print(line, file=sys.stderr, flush=True)
    loads = f"{done[0]['load_before']:.1f} before the first and {os.getloadavg()[0]:.1f} after the last run"
    show(f"{machine()}\n\n{table(done)}\n\nLoad average of the machine: {loads}.", options.page)


if __name__ == "__main__":
    main()
