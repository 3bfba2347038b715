"""What the checks share: one server, and a client for each class of them."""

import base64
import itertools
import json
import tempfile
import unittest

import openai

from service import Service, Simulator, png

shades = itertools.count(1)


class World:
    """What runs once for all checks."""

    def start(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.simulator = Simulator(self.folder.name)
        self.service = Service(
            **self.simulator.settings,
            ZOETROPE_PAID_LIMITS="none",
            ZOETROPE_FREE_LIMITS="active=2 daily=2 requests=60",
        ).start()

    def stop(self) -> None:
        for name in ["service", "simulator"]:
            if hasattr(self, name):
                getattr(self, name).stop()
        self.folder.cleanup()


world = World()


def data_url(image: bytes | None = None) -> str:
    return "data:image/png;base64," + base64.b64encode(image or png(next(shades))).decode()


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = world.service
        cls.token = cls.service.token(cls.__name__)
        cls.client = openai.OpenAI(api_key=cls.token, base_url=cls.service.base_url)

    def create(self, client=None, **arguments):
        """A video of the local renderer, of an image that no other has."""
        arguments = {"model": "local", "prompt": "calm", "size": "832x480", "seconds": "5"} | arguments
        arguments.setdefault("input_reference", ("a.png", png(next(shades) % 256, 320, 180), "image/png"))
        return (client or self.client).videos.create(**arguments)

    def cancel(self, video) -> None:
        """By the native API, which has a call for it."""
        job, animation = self.native(video)
        status, _, _ = self.service.call("POST", f"/api/v1/jobs/{job}/animations/{animation['id']}/cancel", self.token)
        self.assertEqual(status, 202)

    def native(self, video):
        """The job of a video, and its animation as the native API shows it."""
        _, _, body = self.service.call("GET", "/api/v1/jobs?limit=100", self.token)
        digits = video.id.removeprefix("video_")
        return next(
            (job["id"], animation)
            for job in json.loads(body)["jobs"]
            for animation in job["animation_attempts"]
            if animation["id"].replace("-", "") == digits
        )

    def assertRefused(self, kind, call, *, status, code, param=None, message=None, retried=False):
        with self.assertRaises(kind) as caught:
            if retried:
                with self.assertLogs("openai._base_client", "INFO") as logs:
                    call()
                self.assertIn("Retrying request", "".join(logs.output))
            else:
                with self.assertNoLogs("openai._base_client", "INFO"):
                    call()
        error = caught.exception
        self.assertEqual(error.status_code, status)
        self.assertEqual(set(error.body), {"message", "type", "param", "code"}, error.body)
        self.assertEqual((error.code, error.param), (code, param), error.body)
        self.assertTrue(error.type)
        self.assertTrue(error.request_id)
        if message:
            self.assertIn(message, error.body["message"])
        return error

    def wait(self, video, client=None):
        return (client or self.client).videos.poll(video.id, poll_interval_ms=100)
