"""A test with a client of its own, and what the tests share."""

import datetime
import json
import os
import pathlib
import re
import signal
import time
import unittest

from replicate.client import Client
from replicate.exceptions import ReplicateError

from .simulator import BASE_URL, Notebook, Simulator, header

# Virtual seconds per real second. Half a real second is long enough for a state to be seen, on a busy machine, too.
SPEED = 100
# Seconds for a test; all of them together take about ten.
TIME_LIMIT = 30
TOKEN = os.environ["REPLICATE_API_TOKEN"]
PHOTO = pathlib.Path(__file__).parents[3] / "Examples/photos/landscape.jpg"

LIVE = "minimax/video-01-live"
WAN = "wan-video/wan-2.5-i2v"
HAILUO = "minimax/hailuo-02"
COMMUNITY = "acme/still-walker"
COMMUNITY_VERSION = "5c7d5dc6dd8bf75c1acaa8565735e7986bc5b66206b55cca93cb72c9bf15ccaa"
DEPLOYMENT = "acme/portraits"
# Dollars, for the inputs that are used here.
PRICE = {LIVE: 0.50, WAN: 0.25, HAILUO: 0.10, COMMUNITY: 0.029}

simulator = Simulator()
notebook = Notebook()


def read_and_note(response):
    if str(response.request.url).startswith(BASE_URL):
        response.read()
    notebook.received(response)


async def note_request(request):
    notebook.sent(request)


async def read_and_note_later(response):
    if str(response.request.url).startswith(BASE_URL):
        await response.aread()
    notebook.received(response)


def moment(text):
    """A timestamp with any number of digits."""
    whole, _, rest = text.rstrip("Z").partition(".")
    base = datetime.datetime.fromisoformat(whole + "+00:00").timestamp()
    return base + float(f"0.{rest or 0}")


def digits(text):
    """How many fraction digits a timestamp in UTC has."""
    found = re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.(\d+))?Z", text)
    assert found, f"{text} is no timestamp"
    return len(found[1] or "")


def plan(tag, **fields):
    """A rule for the next create with a tag."""
    return {"on": "create", "tag": tag, "plan": fields}


def fault(exchange, times=1, **fields):
    conditions = {name: fields.pop(name) for name in ("tag", "prediction", "event", "skip") if name in fields}
    return {"on": exchange, "times": times, "fault": fields, **conditions}


class Case(unittest.TestCase):
    """A test with a client and with a tag by which the ledger knows its creates."""

    maxDiff = None

    def setUp(self):
        # The client waits for ever for a prediction that does not end.
        signal.signal(signal.SIGALRM, self.give_up)
        signal.alarm(TIME_LIMIT)
        self.addCleanup(signal.alarm, 0)
        self.tag = self._testMethodName
        self.image = f"https://example.com/photo.jpg?attempt={self.tag}"
        self.input = {"prompt": "The person walks forward.", "first_frame_image": self.image}
        self.client = self.make_client()

    def give_up(self, *arguments):
        self.fail(f"the test has taken {TIME_LIMIT} s")

    def make_client(self, **arguments):
        """An official client whose exchanges are noted; without arguments it lives on the environment."""
        client = Client(event_hooks={"request": [notebook.sent], "response": [read_and_note]}, **arguments)
        self.addCleanup(client._client.close)
        return client

    def create(self, client=None, model=LIVE, **params):
        return (client or self.client).models.predictions.create(model, input=self.input, **params)

    def owe(self, prediction, status, dollars, is_tagged=True):
        """The ledger has to show this in the end."""
        notebook.owed[prediction.id] = (status, dollars, self.tag if is_tagged else None)

    def finish(self, prediction, dollars=PRICE[LIVE]):
        prediction.wait()
        self.assertEqual(prediction.status, "succeeded")
        self.owe(prediction, "succeeded", dollars)
        return prediction

    def discard(self, prediction):
        """Ends a prediction that is only made to look at; it has not started, so it costs nothing."""
        prediction.cancel()
        self.owe(prediction, "canceled", 0)

    def refuse(self, status, call, *arguments, **keywords):
        """The error of a call that must be refused."""
        with self.assertRaises(ReplicateError) as caught:
            call(*arguments, **keywords)
        self.assertEqual(caught.exception.status, status)
        return caught.exception

    def assert_redacted(self, request):
        """The request carried a token, and the record does not show it."""
        self.assertRegex(header(request, "authorization"), "^Bearer")
        self.assertNotIn(TOKEN, json.dumps(request))

    def eventually(self, expected, read, *arguments):
        """The simulator books some things a moment after the client has seen them."""
        for _ in range(500):
            found = read(*arguments)
            if found == expected:
                return
            time.sleep(0.01)
        self.assertEqual(found, expected)

    def deliveries(self, prediction):
        shown = simulator.entry(prediction.id)["deliveries"]
        return [(one["event"], one["attempt"], one.get("status")) for one in shown]

    def downloads(self, prediction):
        shown = simulator.entry(prediction.id)["output"]
        return shown["requests"], shown["downloads"], shown["bytes_sent"], shown["saw_authorization"]

    def get_statuses(self, prediction):
        return [request.get("status") for request in self.gets(prediction)]

    def gets(self, prediction):
        """The recorded GETs of a prediction; repetitions inside the client are among them."""
        return simulator.requests(origin="api", method="GET", target=f"/v1/predictions/{prediction.id}")
