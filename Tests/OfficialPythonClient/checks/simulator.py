"""What the checks need beside the client: the simulator's control surface, a receiver of webhooks, a notebook."""

import collections
import http.client
import http.server
import json
import os
import queue
import re
import threading
import urllib.parse

BASE_URL = os.environ["REPLICATE_BASE_URL"].rstrip("/")


class Simulator:
    """The control surface, without the client that is under test."""

    def __init__(self, base_url=BASE_URL):
        self.address = urllib.parse.urlsplit(base_url).netloc

    def call(self, method, path, value=None):
        connection = http.client.HTTPConnection(self.address, timeout=10)
        try:
            body = None if value is None else json.dumps(value)
            connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        if answer.status >= 300:
            raise AssertionError(f"{method} {path} answered {answer.status}: {text}")
        return json.loads(text) if text.strip() else None

    def reset(self):
        self.call("POST", "/_simulator/reset")

    def add(self, *rules):
        self.call("POST", "/_simulator/script", {"rules": list(rules)})

    def set(self, **switches):
        self.call("POST", "/_simulator/script", {"switches": switches})

    def ledger(self):
        return self.call("GET", "/_simulator/ledger")

    def entry(self, id):
        """The ledger's line about one prediction."""
        return next(create for create in self.ledger()["creates"] if create["id"] == id)

    def requests(self, **wanted):
        """The recorded requests whose fields have these values, oldest first."""
        found = self.call("GET", "/_simulator/requests")
        found = found["requests"] if isinstance(found, dict) else found
        return [one for one in found if all(one.get(name) == value for name, value in wanted.items())]


def header(request, name):
    """The first value of a header of a recorded request; None when it was not sent."""
    return next((value for key, value in request["headers"] if key.lower() == name.lower()), None)


class Notebook:
    """Every API exchange that the client had, written down on the client's side; the ledger is compared with it."""

    Exchange = collections.namedtuple("Exchange", "method path status headers body")

    def __init__(self):
        self.exchanges = []
        self.creates_by_tag = collections.Counter()
        # prediction id -> (status, dollars, tag) that the ledger must show in the end
        self.owed = {}
        # file URL -> tag in the file's metadata
        self.file_tags = {}

    @property
    def last(self):
        return self.exchanges[-1]

    def sent(self, request):
        if request.method == "POST" and request.url.path.endswith("/predictions"):
            self.creates_by_tag[self.tag(request.content.decode())] += 1

    def received(self, response):
        """Takes an answer whose body was read."""
        request = response.request
        if str(request.url).startswith(BASE_URL):
            path, headers = request.url.path, response.headers
            exchange = self.Exchange(request.method, path, response.status_code, headers, response.content)
            self.exchanges.append(exchange)

    def tag(self, body):
        found = re.search(r"[?&]attempt=(\w+)", body)
        if found:
            return found[1]
        return next((tag for url, tag in self.file_tags.items() if url in body), "")


class Receiver:
    """An HTTP server for webhooks: keeps each delivery, and answers 200 unless `refusals` has something else for it."""

    Delivery = collections.namedtuple("Delivery", "path headers body")

    def __init__(self):
        self.deliveries = queue.Queue()
        # prediction's status -> HTTP statuses for the first deliveries that have it
        self.refusals = {}
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.deliveries.put(Receiver.Delivery(self.path, dict(self.headers.items()), body))
                refusals = receiver.refusals.get(json.loads(body)["status"])
                self.send_response(refusals.pop(0) if refusals else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hooks"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def next(self):
        try:
            return self.deliveries.get(timeout=5)
        except queue.Empty:
            raise AssertionError("no webhook came within 5 s") from None

    def close(self):
        self.server.shutdown()
        self.server.server_close()
