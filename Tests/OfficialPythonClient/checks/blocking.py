"""Creates that wait: `Prefer: wait`."""

import json
import time

from .case import LIVE, PRICE, Case, moment, notebook, plan, simulator


class Blocking(Case):
    def test_a_create_that_waits_is_answered_with_the_output(self):
        simulator.add(plan(self.tag, queue_seconds=5, run_seconds=15))
        begin = time.monotonic()
        prediction = self.create(wait=True)
        self.assertGreaterEqual(time.monotonic() - begin, 0.19)
        answer = notebook.last
        self.assertEqual((answer.status, answer.headers["preference-applied"]), (201, "wait"))
        # Recorded: done, but still called processing, without an end and metrics.
        self.assertEqual((prediction.status, prediction.completed_at), ("processing", None))
        self.assertIsNone(prediction.metrics)
        self.assertIsNotNone(prediction.output)
        polled = self.client.predictions.get(prediction.id)
        self.assertEqual((polled.status, polled.output), ("succeeded", prediction.output))
        self.owe(prediction, "succeeded", PRICE[LIVE])

    def test_a_create_that_waits_can_be_answered_with_the_whole_truth(self):
        simulator.set(wait_answer="current")
        self.addCleanup(simulator.set, wait_answer="processing")
        simulator.add(plan(self.tag, queue_seconds=1, run_seconds=1))
        prediction = self.create(wait=10)
        self.assertEqual(notebook.last.headers["preference-applied"], "wait=10")
        self.assertEqual(prediction.status, "succeeded")
        self.assertAlmostEqual(prediction.metrics["predict_time"], 1, places=4)
        self.owe(prediction, "succeeded", PRICE[LIVE])

    def test_a_wait_that_runs_out_is_answered_as_starting_and_says_where_to_look(self):
        simulator.add(plan(self.tag, queue_seconds=0, result="stuck_in_processing"))
        prediction = self.create(wait=20)
        answer = notebook.last
        self.assertEqual((answer.status, answer.headers["preference-applied"]), (201, "wait=20"))
        self.assertEqual(answer.headers["location"], prediction.urls["get"])
        self.assertEqual((prediction.status, prediction.output), ("starting", None))
        prediction.reload()
        self.assertEqual(prediction.status, "processing")
        self.assertGreaterEqual(moment(prediction.started_at), moment(prediction.created_at))
        prediction.cancel()
        self.assertGreaterEqual(prediction.metrics["predict_time"], 20)
        self.owe(prediction, "canceled", PRICE[LIVE])

    def test_run_needs_no_poll_when_the_wait_was_long_enough(self):
        simulator.add(plan(self.tag, queue_seconds=5, run_seconds=15))
        before = len(notebook.exchanges)
        output = self.client.run(LIVE, input=self.input)
        [create] = notebook.exchanges[before:]
        prediction = self.client.predictions.get(json.loads(create.body)["id"])
        self.assertEqual(output, prediction.output)
        self.owe(prediction, "succeeded", PRICE[LIVE])
