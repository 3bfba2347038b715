"""429 and other answers after which the client tries again, or does not."""

import json
import time

from replicate.exceptions import ReplicateError

from .case import SPEED, Case, fault, notebook, plan, simulator

LOW_CREDIT = (
    "Request was throttled. Your rate limit for creating predictions is reduced to 6 requests per minute with a burst "
    "of 1 requests while you have less than $5.0 in credit. Your rate limit resets in ~{}s."
)


class Throttling(Case):
    def test_a_read_is_repeated_by_the_client_until_the_throttle_ends(self):
        simulator.add(plan(self.tag, result="stuck_in_starting"))
        prediction = self.create()
        simulator.add(fault("get", 3, prediction=prediction.id, kind="throttle", wording="plain", retry_after=30))
        begin = time.monotonic()
        self.assertEqual(self.client.predictions.get(prediction.id).id, prediction.id)
        # 0.1, 0.2 and 0.4 s, each up to a tenth shorter: without a header the client goes by its own backoff.
        self.assertGreaterEqual(time.monotonic() - begin, 0.6)
        self.eventually([429, 429, 429, 200], self.get_statuses, prediction)
        self.discard(prediction)

    def test_a_read_waits_as_long_as_the_header_says(self):
        simulator.add(plan(self.tag, result="stuck_in_starting"))
        prediction = self.create()
        simulator.add(fault("get", prediction=prediction.id, kind="throttle", retry_after=1, header="seconds"))
        begin = time.monotonic()
        prediction.reload()
        self.assertGreaterEqual(time.monotonic() - begin, 1)
        self.eventually([429, 200], self.get_statuses, prediction)
        self.discard(prediction)

    def test_503_is_repeated_and_502_is_not(self):
        simulator.add(plan(self.tag, result="stuck_in_starting"))
        prediction = self.create()
        simulator.add(fault("get", prediction=prediction.id, kind="answer", status=503))
        prediction.reload()
        simulator.add(fault("get", prediction=prediction.id, kind="answer", status=502))
        error = self.refuse(502, prediction.reload)
        self.assertEqual((error.title, error.detail), (None, None))
        self.eventually([503, 200, 502], self.get_statuses, prediction)
        self.discard(prediction)

    def test_a_create_is_never_repeated_and_its_refusal_says_how_long(self):
        bodies = {
            "low_credit": {
                "detail": LOW_CREDIT.format(7),
                "status": 429,
                "retry_after": 7,
            },
            "plain": {"detail": "Request was throttled. Your rate limit resets in ~1s."},
            "old": {"detail": "Request was throttled. Expected available in 1 second."},
        }
        for wording, body in bodies.items():
            wait = body.get("retry_after")
            simulator.add(fault("create", tag=self.tag, kind="throttle", wording=wording, retry_after=wait))
            error = self.refuse(429, self.create)
            self.assertEqual((error.title, error.detail), (None, body["detail"]))
            self.assertEqual(json.loads(notebook.last.body), body)
        self.assertEqual(simulator.ledger()["creates_received_by_tag"][self.tag], 3)

    def test_little_credit_allows_one_create_in_ten_seconds(self):
        simulator.set(low_credit=True)
        self.addCleanup(simulator.set, low_credit=False)
        simulator.add({**plan(self.tag, result="stuck_in_starting"), "times": 6})
        accepted, refusal = [self.create()], None
        # Ten virtual seconds are a tenth of a real one, in which a slow machine may get another create.
        while refusal is None and len(accepted) < 5:
            try:
                accepted.append(self.create())
            except ReplicateError as error:
                refusal = error
        self.assertIsNotNone(refusal)
        self.assertEqual(refusal.status, 429)
        body = json.loads(notebook.last.body)
        self.assertIn(body["retry_after"], range(1, 11))
        detail = LOW_CREDIT.format(body["retry_after"])
        self.assertEqual(body, {"detail": detail, "status": 429, "retry_after": body["retry_after"]})
        self.assertEqual(list(body), ["detail", "status", "retry_after"])
        time.sleep(body["retry_after"] / SPEED)
        accepted.append(self.create())
        for prediction in accepted:
            self.discard(prediction)
