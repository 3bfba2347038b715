#!/usr/bin/env python3
"""Sends creates and gets at fixed rates with the official Python client and prints one JSON line about what that cost.

The Python peer of `replicate-load`: the same calls on the same schedule. Address and token come from REPLICATE_BASE_URL
and REPLICATE_API_TOKEN. An open loop: calls begin when the schedule says, whether or not earlier ones have ended.

Threads and the blocking client, because they cost the Python client less: a minute of 3,000 gets and 600 creates took
about 5 s of CPU, and 7 to 10 s with the asynchronous client, where every read and write passes through more layers. A
thread sleeps until the next call of the schedule is due, makes it, and takes the next; there are enough threads for
calls that take a second.
"""

import argparse
import heapq
import itertools
import json
import resource
import sys
import threading
import time

import replicate
from replicate.client import Client

MODEL = "minimax/video-01-live"
INPUT = {"prompt": "The person walks forward.", "first_frame_image": "https://example.com/photo.jpg"}


class Load:
    def __init__(self, gets_per_minute, creates_per_minute, seconds):
        # The client has no argument for this header of a create, so the gets carry it, too.
        self.client = Client(headers={"Cancel-After": "20m"})
        # The client makes its pool when it is first used; threads that come at once would make one each.
        self.pool = self.client._client
        self.schedule = heapq.merge(
            ((number * 60 / gets_per_minute, self.get) for number in range(int(gets_per_minute * seconds / 60))),
            (
                (number * 60 / creates_per_minute, self.create)
                for number in range(int(creates_per_minute * seconds / 60))
            ),
            key=lambda call: call[0],
        )
        self.lock = threading.Lock()
        self.ids = []
        self.turns = itertools.count()
        self.gets = self.creates = self.errors = 0
        self.first_error = None
        self.latencies = []
        self.late_max = 0.0

    def run(self, threads):
        begin = time.monotonic()
        workers = [threading.Thread(target=self.work, args=(begin,)) for _ in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        return time.monotonic() - begin

    def work(self, begin):
        while True:
            with self.lock:
                due, call = next(self.schedule, (None, None))
            if call is None:
                return
            time.sleep(max(0.0, begin + due - time.monotonic()))
            start = time.monotonic()
            error = None
            try:
                call()
            except Exception as caught:  # Whatever it is, it is counted; the first one is shown.
                error = caught
            end = time.monotonic()
            with self.lock:
                self.latencies.append(end - start)
                self.late_max = max(self.late_max, start - begin - due)
                if error is not None:
                    self.errors += 1
                    self.first_error = self.first_error or error

    def create(self):
        prediction = self.client.models.predictions.create(MODEL, input=INPUT)
        with self.lock:
            self.creates += 1
            self.ids.append(prediction.id)

    def get(self):
        """Looks at the predictions in turn; before there is one there is nothing to look at."""
        while not self.ids:
            if self.errors:
                raise RuntimeError("there is no prediction to get")
            time.sleep(0.005)
        self.client.predictions.get(self.ids[next(self.turns) % len(self.ids)])
        with self.lock:
            self.gets += 1

    def report(self, seconds):
        usage = resource.getrusage(resource.RUSAGE_SELF)
        latencies = sorted(self.latencies)

        def percentile(share):
            return round(latencies[int((len(latencies) - 1) * share)] * 1000, 3)

        return {
            "client": f"replicate-python {replicate.client.__version__}",
            "gets": self.gets,
            "creates": self.creates,
            "errors": self.errors,
            "seconds": round(seconds, 3),
            "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 3),
            "peak_rss_mib": round(usage.ru_maxrss / 1024, 1),
            "late_max_ms": round(self.late_max * 1000, 3),
            "latency_ms": {"p50": percentile(0.5), "p99": percentile(0.99)},
        }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gets-per-minute", type=int, default=3000)
    parser.add_argument("--creates-per-minute", type=int, default=600)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--threads", type=int, default=64)
    arguments = parser.parse_args()
    if min(vars(arguments).values()) <= 0:
        parser.error("all numbers must be above 0")
    load = Load(arguments.gets_per_minute, arguments.creates_per_minute, arguments.seconds)
    seconds = load.run(arguments.threads)
    if load.first_error is not None:
        print(f"{load.errors} calls failed, the first with {load.first_error!r}", file=sys.stderr)
    if not load.latencies:
        sys.exit("the rates and the time are too small for a single call")
    print(json.dumps(load.report(seconds)))
    return 1 if load.errors else 0


if __name__ == "__main__":
    sys.exit(main())
