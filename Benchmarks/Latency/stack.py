"""The whole service for a benchmark: `zoetrope serve`, the simulator of its provider, and what they stand on."""

import atexit
import datetime
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
import uuid

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "Race"))
import race  # noqa: E402

# The default model, which makes what the plan says.
PHOTO_ORDER = {"model": "replicate_video_01_live"}
SCRIPTS = HERE.parent.parent / "scripts"


def moment(text: str) -> float:
    """RFC 3339 as seconds since 1970."""
    return datetime.datetime.fromisoformat(text).timestamp()


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def ask(url: str, body: object = None, method: str | None = None) -> dict:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        text = answer.read()
    return json.loads(text) if text else {}


class Program:
    """A child process that ends with this one."""

    def __init__(self, command: list[str], log: pathlib.Path, environment: dict[str, str], folder: pathlib.Path) -> None:
        self.log = log
        with open(log, "ab") as file:
            self.process = subprocess.Popen(
                command, cwd=folder, env=os.environ | environment, stdout=file, stderr=file, start_new_session=True
            )
        atexit.register(self.stop)

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def fail(self, what: str) -> None:
        sys.exit(f"{what}; the end of its log:\n{self.log.read_text(errors='replace')[-2_000:]}")

    def until(self, what: str, found) -> object:
        deadline = time.monotonic() + 60
        while not (value := found()):
            if time.monotonic() > deadline or self.process.poll() is not None:
                self.fail(f"{what} did not start")
            time.sleep(0.05)
        return value


class Simulator(Program):
    """Replicate's API on this machine, in real time, with files of ours as its outputs."""

    def __init__(self, program: str, videos: pathlib.Path, folder: pathlib.Path) -> None:
        log = folder / "simulator.log"
        command = [program, "--port", "0", "--output-port", "0", "--speed", "1x", "--videos", str(videos)]
        super().__init__(command, log, {}, folder)
        self.until("the simulator", lambda: "Ctrl-C" in log.read_text())
        words = log.read_text().split()
        self.base = words[words.index("API") + 1]
        self.outputs = words[words.index("Outputs") + 1]
        self.token = words[words.index("Token") + 1]

    def expect(self, file: str, seconds: float, times: int = 1, queue_seconds: float = 0.1) -> None:
        """What the next predictions give, and after how long."""
        plan = {"queue_seconds": queue_seconds, "run_seconds": seconds, "video": {"file": file}}
        ask(f"{self.base}/_simulator/script", {"rules": [{"on": "create", "times": times, "plan": plan}]})

    def traffic(self) -> dict[str, dict[str, list[float]]]:
        """Prediction → when it was ordered, was done, its end's webhook was answered, it was looked at, its file asked for."""
        creates = ask(f"{self.base}/_simulator/ledger")["creates"]
        paths = {
            url.removeprefix(self.outputs): create["id"] for create in creates if (url := create["output"].get("url"))
        }
        seen: dict[str, dict[str, list[float]]] = {}
        for create in creates:
            told = [moment(one["time"]) for one in create["deliveries"] if one["event"] == "completed"]
            times = {"created": create["time"], "done": create.get("completed_at")}
            seen[create["id"]] = {name: [moment(time)] if time else [] for name, time in times.items()}
            seen[create["id"]] |= {"webhook": told, "looked": [], "download": []}
        for request in ask(f"{self.base}/_simulator/requests")["requests"]:
            if request["target"] in paths:
                seen[paths[request["target"]]]["download"].append(moment(request["time"]))
            elif (id := request["target"].removeprefix("/v1/predictions/")) in seen:
                seen[id]["looked"].append(moment(request["time"]))
        return seen


class Service(Program):
    """`zoetrope serve` with the worker, without login, told by the provider's webhooks."""

    def __init__(
        self, program: str, folder: pathlib.Path, simulator: Simulator | None, environment: dict[str, str], *options: str
    ) -> None:
        self.port = free_port()
        self.data = folder / "data"
        settings = {
            "ZOETROPE_DATA_DIR": str(self.data),
            "ZOETROPE_FREE_LIMITS": "none",
            "ZOETROPE_PAID_LIMITS": "none",
        }
        if simulator:
            settings |= {
                "REPLICATE_API_TOKEN": simulator.token,
                "REPLICATE_BASE_URL": simulator.base,
                "REPLICATE_OUTPUT_ORIGINS": simulator.outputs,
                "ZOETROPE_PUBLIC_URL": f"http://127.0.0.1:{self.port}",
            }
        log = folder / "service.log"
        command = [program, "serve", "--port", str(self.port), "--log-format", "json", *options]
        super().__init__(command, log, settings | environment, folder)
        self.until("the service", self.is_ready)

    def is_ready(self) -> bool:
        try:
            ask(f"http://127.0.0.1:{self.port}/readyz")
            return True
        except (OSError, ValueError):
            return False

    def path(self, job: str, animation: str = "") -> str:
        return f"http://127.0.0.1:{self.port}/api/v1/jobs/{job}/animations" + (f"/{animation}" if animation else "")

    def job(self, photo: pathlib.Path, kind: str = "photo") -> str:
        boundary = uuid.uuid4().hex
        parts = [
            f'--{boundary}\r\nContent-Disposition: form-data; name="kind"\r\n\r\n{kind}\r\n'.encode(),
            f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="photo"\r\n'.encode(),
            b"Content-Type: application/octet-stream\r\n\r\n",
            photo.read_bytes(),
            f"\r\n--{boundary}--\r\n".encode(),
        ]
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/api/v1/jobs",
            b"".join(parts),
            {"Content-Type": f"multipart/form-data; boundary={boundary}"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["id"]

    def order(self, job: str, wish: dict) -> str:
        return ask(self.path(job), wish)["id"]

    def until_final(self, job: str, animation: str, timeout: float = 120) -> dict:
        """Follows the events; the attempt as it is when they end."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        connection.request("GET", urllib.parse.urlsplit(self.path(job, animation)).path + "/events")
        answer = connection.getresponse()
        while line := answer.readline():
            if line in (b"event: ready\n", b"event: failed\n"):
                break
        heard = time.time()
        connection.close()
        attempt = ask(self.path(job, animation))
        if attempt["status"] != "ready":
            self.fail(f"animation {animation} is {attempt['status']}: {attempt['error']}")
        return attempt | {"heard": heard}


    def metric(self, name: str) -> dict[str, float]:
        """Labels → value."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=60) as answer:
            lines = answer.read().decode().splitlines()
        found = (re.fullmatch(name + r"{([^}]*)} (\S+)", line) for line in lines)
        return {match[1]: float(match[2]) for match in found if match}

    def step_seconds(self) -> dict[str, float]:
        """What the steps have taken so far, those that were done."""
        sums = self.metric("zoetrope_step_duration_seconds_sum").items()
        return {re.search('step="([^"]*)"', labels)[1]: took for labels, took in sums if 'outcome="done"' in labels}

    def until_idle(self) -> None:
        """Waits for what happens after a video is playable."""
        deadline = time.monotonic() + 60
        while sum(self.metric("zoetrope_runs").values()) > 0 and time.monotonic() < deadline:
            time.sleep(0.05)


class Site:
    """A folder for everything, and a PostgreSQL and an S3 server for those that want them."""

    def __init__(self, options) -> None:
        self.options = options
        # Objects and the database must lie on a real disk.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="bench-latency-", dir="/var/tmp"))
        atexit.register(shutil.rmtree, self.folder, ignore_errors=True)
        self.videos = self.folder / "videos"
        self.videos.mkdir()
        self.number = 0
        self.postgres: race.Postgres | None = None
        self.s3: S3Server | None = None

    def program(self, name: str) -> str:
        return f"{self.options.bin}/{name}"

    def simulator(self) -> Simulator:
        return Simulator(self.program("replicate-simulator"), self.videos, self.folder)

    def stores(self, kind: str) -> dict[str, str]:
        """The settings of a new, empty database and store: `files` beside SQLite, or `S3` beside PostgreSQL."""
        if kind == "files":
            return {}
        self.number += 1
        self.postgres = self.postgres or race.Postgres()
        self.s3 = self.s3 or S3Server()
        return self.s3.keys | {
            "ZOETROPE_DATABASE_URL": self.postgres.make(f"latency{self.number}"),
            "ZOETROPE_STORAGE_URL": self.s3.bucket(f"latency{self.number}"),
        }

    def service(self, simulator: Simulator | None, stores: dict[str, str]) -> Service:
        folder = pathlib.Path(tempfile.mkdtemp(prefix="service-", dir=self.folder))
        return Service(self.program("zoetrope"), folder, simulator, stores)


class S3Server:
    """A radosgw of our own."""

    def __init__(self) -> None:
        self.folder = tempfile.mkdtemp(prefix="bench-s3-", dir="/tmp")
        atexit.register(self.stop)
        command = [SCRIPTS / "s3-server.sh", "up", self.folder, "0", str(os.getpid())]
        said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        self.keys = dict(line.split("=", 1) for line in said.split())
        self.endpoint = self.keys.pop("endpoint")

    def bucket(self, name: str) -> str:
        subprocess.run([SCRIPTS / "s3-server.sh", "bucket", self.folder, name], check=True)
        return f"s3://{name}?endpoint={self.endpoint}&region=us-east-1&path_style=true"

    def stop(self) -> None:
        subprocess.run([SCRIPTS / "s3-server.sh", "down", self.folder], check=False)
