"""The course of a prediction, and cancelling it."""

import json
import time

from replicate.exceptions import ModelError

from .case import LIVE, PRICE, Case, digits, moment, notebook, plan, simulator
from .simulator import header


class Waiting(Case):
    def test_a_prediction_starts_works_and_succeeds_and_its_times_add_up(self):
        simulator.add(plan(self.tag, queue_seconds=50, run_seconds=50))
        prediction = self.create()
        seen = {}
        while prediction.status not in ("succeeded", "failed", "canceled"):
            body = json.loads(notebook.last.body)
            self.assertNotIn("completed_at", body)
            self.assertNotIn("metrics", body)
            self.assertEqual("started_at" in body, prediction.status == "processing")
            seen[prediction.status] = True
            prediction.reload()
        self.assertEqual(list(seen), ["starting", "processing"])
        self.owe(prediction, "succeeded", PRICE[LIVE])

        self.assertEqual(json.loads(notebook.last.body)["source"], "api")
        times = [prediction.created_at, prediction.started_at, prediction.completed_at]
        self.assertEqual([digits(text) for text in times], [6, 6, 6])
        created, started, completed = map(moment, times)
        self.assertAlmostEqual(started - created, 50, places=4)
        self.assertAlmostEqual(completed - started, 50, places=4)
        self.assertAlmostEqual(prediction.metrics["predict_time"], 50, places=4)
        self.assertAlmostEqual(prediction.metrics["total_time"], 100, places=4)
        self.assertAlmostEqual(prediction.metrics["video_output_duration_seconds"], 5.64)
        self.assertRegex(prediction.output, r"^http://.+/xezq/\w{48}/tmp\w{8,10}\.mp4$")
        self.assertNotEqual(prediction.logs, "")
        self.assertIsNone(prediction.error)

    def test_wait_returns_when_the_prediction_has_ended(self):
        simulator.add(plan(self.tag, queue_seconds=10, run_seconds=20))
        prediction = self.create()
        begin = time.monotonic()
        self.finish(prediction)
        self.assertGreaterEqual(time.monotonic() - begin, 0.25)
        polls = self.gets(prediction)
        self.assertGreater(len(polls), 2)
        self.assertEqual(header(polls[0], "user-agent"), "replicate-python/1.0.7")
        self.assert_redacted(polls[0])

    def test_a_working_prediction_is_cancelled_and_charged_in_full(self):
        simulator.add(plan(self.tag, queue_seconds=0, run_seconds=1500))
        prediction = self.create()
        prediction.reload()
        self.assertEqual(prediction.status, "processing")
        prediction.cancel()
        self.assertEqual(notebook.last.status, 200)
        self.assertEqual((prediction.status, prediction.output, prediction.logs), ("canceled", None, None))
        self.assertGreater(prediction.metrics["predict_time"], 0)
        self.assertLessEqual(moment(prediction.started_at), moment(prediction.completed_at))
        self.assertEqual(self.client.predictions.get(prediction.id).status, "canceled")
        self.owe(prediction, "canceled", PRICE[LIVE])

    def test_a_prediction_that_waits_is_cancelled_for_nothing(self):
        simulator.add(plan(self.tag, result="stuck_in_starting"))
        prediction = self.create()
        prediction.cancel()
        self.assertEqual((prediction.status, prediction.started_at), ("canceled", None))
        prediction.wait()
        self.assertEqual(prediction.status, "canceled")
        self.owe(prediction, "canceled", 0)

    def test_a_cancel_that_lags_is_seen_by_polling(self):
        simulator.add(plan(self.tag, queue_seconds=0, result="stuck_in_processing", cancel_lag=20))
        prediction = self.create()
        prediction.cancel()
        self.assertEqual(prediction.status, "processing")
        prediction.wait()
        self.assertEqual(prediction.status, "canceled")
        self.owe(prediction, "canceled", PRICE[LIVE])

    def test_cancelling_what_has_ended_changes_nothing(self):
        simulator.add(plan(self.tag, queue_seconds=0, run_seconds=1))
        prediction = self.finish(self.create())
        before = prediction.dict()
        prediction.cancel()
        self.assertEqual(prediction.dict(), before)
        self.assertIsNone(simulator.entry(prediction.id).get("cancelled_at"))

    def test_a_refused_content_fails_with_its_code_and_costs_nothing(self):
        simulator.add(plan(self.tag, queue_seconds=0, run_seconds=1, error_code="E005"))
        with self.assertRaises(ModelError) as caught:
            self.client.run(LIVE, input=self.input, wait=False)
        prediction = caught.exception.prediction
        self.assertRegex(prediction.error, r"^The input or output was flagged as sensitive\. .*\(E005\)")
        self.assertEqual((prediction.status, prediction.output), ("failed", None))
        self.owe(prediction, "failed", 0)
