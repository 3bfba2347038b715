"""A `zoetrope serve` of our own, and what surrounds it."""

import json
import os
import socket
import struct
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
import zlib

BUILD = os.environ["ZOETROPE_BUILD"]
SECRET = "a-secret-of-the-tests-of-at-least-32-bytes"


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def png(shade: int = 128, width: int = 320, height: int = 180) -> bytes:
    """A PNG with a gradient; another shade is another image."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(
        b"\0" + bytes(v for x in range(width) for v in (x * 255 // width, y * 255 // height, shade)) for y in range(height)
    )
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


class Simulator:
    """Replicate, where generations cost nothing and fail as they are told."""

    def __init__(self, folder: str):
        self.api, self.outputs = free_port(), free_port()
        self.log = open(os.path.join(folder, "simulator.log"), "w")
        self.process = subprocess.Popen(
            [f"{BUILD}/replicate-simulator", "--port", str(self.api), "--output-port", str(self.outputs),
             "--speed", "1000x", "--token", "r8_tests"],
            stdout=self.log, stderr=self.log,
        )

    def script(self, rules: list) -> None:
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
    """A server with a worker, on a folder and a port of its own."""

    def __init__(self, **settings: str):
        self.folder = tempfile.TemporaryDirectory()
        self.port = free_port()
        self.settings = settings
        self.process = None

    @property
    def environment(self) -> dict:
        return {
            "PATH": os.environ["PATH"],
            "ZOETROPE_DATA_DIR": os.path.join(self.folder.name, "data"),
            "ZOETROPE_AUTH": "token",
            "ZOETROPE_JWT_SECRET": SECRET,
            **self.settings,
        }

    def start(self, crash_at: str | None = None) -> "Service":
        environment = self.environment | ({"ZOETROPE_CRASH_AT": crash_at} if crash_at else {})
        with open(os.path.join(self.folder.name, "log"), "a") as log:
            self.process = subprocess.Popen(
                [f"{BUILD}/zoetrope", "serve", "--port", str(self.port)], env=environment, stdout=log, stderr=log
            )
        deadline = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=5).read()
                return self
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"zoetrope serve did not start: {self.log}") from None
                time.sleep(0.02)

    def start_again_when_killed(self) -> threading.Thread:
        def watch():
            self.process.wait(60)
            self.start()

        thread = threading.Thread(target=watch)
        thread.start()
        return thread

    @property
    def log(self) -> str:
        with open(os.path.join(self.folder.name, "log")) as log:
            return log.read()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def objects(self, kind: str) -> list[str]:
        top = os.path.join(self.folder.name, "data", "objects", kind)
        return [name for _, _, names in os.walk(top) for name in names]

    def token(self, user: str, tier: str = "paid") -> str:
        command = [f"{BUILD}/zoetrope", "token", "--user", user, "--tier", tier]
        return subprocess.run(command, env=self.environment, check=True, capture_output=True, text=True).stdout.strip()

    def call(self, method: str, path: str, token: str, body: bytes | None = None, **headers: str):
        """A call without the client: status, headers, body."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", body, method=method)
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        for name, value in headers.items():
            request.add_header(name.replace("_", "-"), value)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.folder.cleanup()
