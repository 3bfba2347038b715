"""Deliveries, signatures and retries."""

import json

from replicate.prediction import Prediction
from replicate.webhook import InvalidSignatureError, InvalidTimestampError, WebhookSigningSecret, Webhooks

from .case import Case, digits, fault, notebook, plan, simulator
from .simulator import Receiver


class Webhook(Case):
    def setUp(self):
        super().setUp()
        self.receiver = Receiver()
        self.addCleanup(self.receiver.close)
        self.hook = f"{self.receiver.url}?attempt={self.tag}"
        self.secret = self.client.webhooks.default.secret()

    def create_with_hook(self, *events, **params):
        simulator.add(plan(self.tag, queue_seconds=1, run_seconds=1, **params))
        filter = {"webhook_events_filter": list(events)} if events else {}
        return self.create(webhook=self.hook, **filter)

    def receive(self, count):
        """The next deliveries, which come in any order; this sorts `starting` and `processing` before `succeeded`."""
        deliveries = [self.receiver.next() for _ in range(count)]
        return sorted(deliveries, key=lambda delivery: json.loads(delivery.body)["status"])

    def assert_deliveries(self, prediction, *expected):
        """What the ledger says about them: event, try and the receiver's answer."""
        self.eventually(sorted(expected), lambda: sorted(self.deliveries(prediction)))

    def validate(self, delivery, secret=None, tolerance=None, **changes):
        given = {"headers": delivery.headers, "body": delivery.body.decode(), **changes}
        Webhooks.validate(secret=secret or self.secret, tolerance=tolerance, **given)

    def refuse_webhook(self, error, delivery, **arguments):
        with self.assertRaises(error):
            self.validate(delivery, **arguments)

    def test_start_and_end_are_delivered_and_the_client_validates_them(self):
        self.assertRegex(self.secret.key, r"^whsec_[A-Za-z0-9+/]+=*$")
        prediction = self.create_with_hook("start", "completed")
        start, completed = self.receive(2)
        for delivery in (start, completed):
            self.validate(delivery, tolerance=300)
            self.assertEqual(delivery.path, f"/hooks?attempt={self.tag}")
            self.assertEqual(delivery.headers["Content-Type"].split(";")[0], "application/json")
            self.assertEqual(Prediction(**json.loads(delivery.body)).id, prediction.id)
        self.finish(prediction)
        self.assertNotIn("webhook", json.loads(notebook.last.body))

        self.assertIn(json.loads(start.body)["status"], ("starting", "processing"))
        body = json.loads(completed.body)
        self.assertEqual(list(body), sorted(body))
        self.assertEqual((body["status"], body["output"]), ("succeeded", prediction.output))
        self.assertEqual((body["webhook"], body["webhook_events_filter"]), (self.hook, ["start", "completed"]))
        self.assertEqual([digits(body[key]) for key in ("created_at", "started_at", "completed_at")], [3, 9, 9])
        self.assertAlmostEqual(body["metrics"]["predict_time"], 1, places=4)
        self.assertNotIn("total_time", body["metrics"])
        self.assertNotEqual(*[delivery.headers["webhook-id"] for delivery in (start, completed)])
        self.assertEqual(simulator.entry(prediction.id)["webhook"], self.hook)
        self.assert_deliveries(prediction, ("start", 1, 200), ("completed", 1, 200))

    def test_without_a_filter_output_and_end_are_delivered(self):
        prediction = self.create_with_hook()
        for delivery in self.receive(2):
            self.validate(delivery)
        self.finish(prediction)
        self.assert_deliveries(prediction, ("output", 1, 200), ("completed", 1, 200))

    def test_what_was_tampered_with_is_refused(self):
        prediction = self.create_with_hook("completed")
        delivery = self.receiver.next()
        self.validate(delivery)
        text = delivery.body.decode()
        self.refuse_webhook(InvalidSignatureError, delivery, body=text.replace("succeeded", "failed"))
        self.refuse_webhook(InvalidSignatureError, delivery, body=text + " ")
        for name, value in (("webhook-id", "msg_other"), ("webhook-timestamp", "1767225600")):
            self.assertIn(name, delivery.headers)
            self.refuse_webhook(InvalidSignatureError, delivery, headers={**delivery.headers, name: value})
        other = WebhookSigningSecret(key="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
        self.refuse_webhook(InvalidSignatureError, delivery, secret=other)
        self.finish(prediction)

    def test_wrong_old_and_double_signatures_are_told_apart(self):
        kinds = ["wrong_signature", "old_timestamp", "two_signatures", "extra_signature"]
        predictions, deliveries = [], {}
        for kind in kinds:
            simulator.add(fault("webhook", tag=self.tag, event="completed", kind=kind))
            predictions.append(self.create_with_hook("completed"))
            deliveries[kind] = self.receiver.next()
        self.refuse_webhook(InvalidSignatureError, deliveries["wrong_signature"])
        self.refuse_webhook(InvalidTimestampError, deliveries["old_timestamp"], tolerance=300)
        self.validate(deliveries["old_timestamp"])
        self.validate(deliveries["two_signatures"], tolerance=300)
        self.assertEqual(deliveries["two_signatures"].headers["webhook-signature"].count("v1,"), 2)
        self.validate(deliveries["extra_signature"], tolerance=300)
        self.assertTrue(deliveries["extra_signature"].headers["webhook-signature"].startswith("v1a,"))
        for prediction in predictions:
            self.finish(prediction)

    def test_only_the_end_is_delivered_again_after_an_error(self):
        self.receiver.refusals = {"processing": [500], "succeeded": [503]}
        prediction = self.create_with_hook("start", "completed")
        start, first, second = self.receive(3)
        self.assertNotEqual(start.headers["webhook-id"], first.headers["webhook-id"])
        self.assertEqual(first.headers["webhook-id"], second.headers["webhook-id"])
        self.assertEqual(first.body, second.body)
        self.validate(second, tolerance=300)
        self.finish(prediction)
        self.assert_deliveries(prediction, ("start", 1, 500), ("completed", 1, 503), ("completed", 2, 200))
