"""A service of our own, the browser that looks at it, and what surrounds both."""

import json
import os
import pathlib
import socket
import subprocess
import tempfile
import time
import urllib.request

from playwright.sync_api import Browser, sync_playwright

BUILD = os.environ["ZOETROPE_BUILD"]
PHOTOS = pathlib.Path(__file__).parents[2] / "Examples/photos"
SECRET = "a-secret-of-the-tests-of-at-least-32-bytes"
CHROMIUM = os.environ.get("ZOETROPE_CHROMIUM", "/usr/bin/chromium")


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def wait_for(url: str, process: subprocess.Popen) -> None:
    """Waits until a server of ours answers."""
    deadline = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).read()
            return
        except OSError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{url} is not there: {error}") from None
            time.sleep(0.05)


class Simulator:
    """Replicate, where generations cost nothing and end as they are told."""

    def __init__(self, folder: str):
        self.api, self.outputs = free_port(), free_port()
        self.log = open(os.path.join(folder, "simulator.log"), "w")
        self.process = subprocess.Popen(
            [f"{BUILD}/replicate-simulator", "--port", str(self.api), "--output-port", str(self.outputs),
             "--speed", "200x", "--token", "r8_tests"],
            stdout=self.log, stderr=self.log,
        )
        wait_for(f"http://127.0.0.1:{self.api}/_simulator/ledger", self.process)

    def script(self, *rules: dict) -> None:
        data = json.dumps({"rules": rules}).encode()
        urllib.request.urlopen(f"http://127.0.0.1:{self.api}/_simulator/script", data, timeout=10).read()

    @property
    def settings(self) -> dict:
        return {
            "REPLICATE_API_TOKEN": "r8_tests",
            "REPLICATE_BASE_URL": f"http://127.0.0.1:{self.api}",
            "REPLICATE_OUTPUT_ORIGINS": f"http://127.0.0.1:{self.outputs}",
        }

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)
        self.log.close()


class Service:
    """A server on a folder and a port of its own, with a worker unless told otherwise."""

    def __init__(self, *arguments: str, **settings: str):
        self.folder = tempfile.TemporaryDirectory()
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {
            "PATH": os.environ["PATH"],
            "ZOETROPE_DATA_DIR": os.path.join(self.folder.name, "data"),
            "ZOETROPE_JWT_SECRET": SECRET,
            **settings,
        }
        self.processes: list[subprocess.Popen] = []
        self.run("serve", "--port", str(self.port), *arguments)
        wait_for(f"{self.url}/healthz", self.processes[0])

    def run(self, *command: str) -> None:
        """Starts a command that goes on until the service is stopped."""
        with open(os.path.join(self.folder.name, "log"), "a") as log:
            self.processes.append(
                subprocess.Popen([f"{BUILD}/zoetrope", *command], env=self.environment, stdout=log, stderr=log)
            )

    @property
    def log(self) -> str:
        with open(os.path.join(self.folder.name, "log")) as log:
            return log.read()

    def token(self, user: str, tier: str = "paid", expires: str = "1h") -> str:
        command = [f"{BUILD}/zoetrope", "token", "--user", user, "--tier", tier, "--expires", expires]
        return subprocess.run(command, env=self.environment, check=True, capture_output=True, text=True).stdout.strip()

    def stop(self) -> None:
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.folder.cleanup()


class World:
    """What runs once for all checks: each service starts when it is first wanted."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.pictures = pathlib.Path(os.environ.get("ZOETROPE_PAGES_PICTURES", self.folder.name))
        self.stops = []

    def start(self) -> None:
        self.playwright = sync_playwright().start()
        self.stops.append(self.playwright.stop)
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        self.browser: Browser = self.playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        self.stops.append(self.browser.close)

    def _kept(self, name: str, make):
        if name not in self.__dict__:
            self.__dict__[name] = make()
            self.stops.append(self.__dict__[name].stop)
        return self.__dict__[name]

    @property
    def alone(self) -> Service:
        """Without login, and with the local renderer only."""
        return self._kept("_alone", lambda: Service(ZOETROPE_AUTH="local"))

    @property
    def idle(self) -> Service:
        """Without login and without a worker: what is begun stays as it is, until a worker is run."""
        return self._kept("_idle", lambda: Service("--role", "api", ZOETROPE_AUTH="local"))

    @property
    def simulator(self) -> Simulator:
        return self._kept("_simulator", lambda: Simulator(self.folder.name))

    @property
    def team(self) -> Service:
        """With access tokens, and with models that cost something."""
        return self._kept("_team", lambda: Service(ZOETROPE_AUTH="token", **self.simulator.settings))

    @property
    def logs(self) -> str:
        services = [self.__dict__[name] for name in ["_alone", "_idle", "_team"] if name in self.__dict__]
        return "\n".join(service.log[-3_000:] for service in services)

    def stop(self) -> None:
        for stop in reversed(self.stops):
            stop()
        self.folder.cleanup()


world = World()
