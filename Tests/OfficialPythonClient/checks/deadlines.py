"""`Cancel-After`."""

import json

import pydantic.v1

from .case import LIVE, PRICE, Case, moment, notebook, plan, simulator


class Deadlines(Case):
    def create_for(self, text, **fields):
        simulator.add(plan(self.tag, **fields))
        prediction = self.create(self.make_client(headers={"Cancel-After": text}))
        answer = json.loads(notebook.last.body)
        return prediction, moment(answer["deadline"]) - moment(answer["created_at"])

    def test_all_ways_to_write_a_span(self):
        spans = {"90": 90, "20m": 1200, "1h30m45s": 5445, "5s": 5}
        for text, seconds in spans.items():
            prediction, span = self.create_for(text, queue_seconds=0, result="stuck_in_processing")
            self.assertAlmostEqual(span, seconds, places=2)
            prediction.cancel()
            self.owe(prediction, "canceled", PRICE[LIVE])

    def test_nonsense_and_less_than_five_seconds_are_refused(self):
        for text in ("4s", "soon", "-20m"):
            self.refuse(422, self.create, self.make_client(headers={"Cancel-After": text}))

    def test_a_deadline_while_working_cancels_and_charges(self):
        prediction, _ = self.create_for("10s", queue_seconds=0, result="stuck_in_processing")
        prediction.wait()
        self.assertEqual(prediction.status, "canceled")
        self.assertAlmostEqual(moment(prediction.completed_at) - moment(prediction.created_at), 10, places=2)
        self.owe(prediction, "canceled", PRICE[LIVE])

    def test_a_deadline_before_the_start_aborts_for_nothing_and_the_client_cannot_read_it(self):
        prediction, _ = self.create_for("10s", result="stuck_in_starting")
        # Version 1.0.7 knows no status `aborted`.
        with self.assertRaises(pydantic.v1.ValidationError):
            prediction.wait()
        answer = json.loads(notebook.last.body)
        self.assertEqual((answer["status"], answer["output"]), ("aborted", None))
        self.assertNotIn("started_at", answer)
        self.assertAlmostEqual(moment(answer["completed_at"]) - moment(answer["deadline"]), 0, places=2)
        self.owe(prediction, "aborted", 0)
