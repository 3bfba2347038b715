"""Requests that are refused, and answers that are lost."""

import json
import os
import unittest.mock

import httpx

from .case import COMMUNITY, WAN, Case, fault, notebook, plan, simulator


class Refusing(Case):
    def problem(self):
        """The last answer's body, which must be a problem document."""
        self.assertEqual(notebook.last.headers["content-type"].split(";")[0], "application/problem+json")
        return json.loads(notebook.last.body)

    def test_wrong_inputs_are_listed_one_by_one(self):
        self.input = {"image": self.image, "duration": 7}
        error = self.refuse(422, self.create, model=WAN)
        required = "prompt is required"
        choice = "duration must be one of the following: 5, 10"
        self.assertEqual(error.title, "Input validation failed")
        self.assertEqual(error.detail, f"- input: {required}\n- input.duration: {choice}\n")
        self.assertEqual((error.type, error.instance), (None, None))
        expected = {
            "detail": error.detail,
            "status": 422,
            "title": error.title,
            "invalid_fields": [
                {"type": "required", "field": "input", "description": required},
                {"type": "enum", "field": "input.duration", "description": choice},
            ],
        }
        self.assertEqual(self.problem(), expected)
        self.assertEqual(list(self.problem()), list(expected))

    def test_a_wrong_version_is_refused(self):
        error = self.refuse(422, self.client.predictions.create, version="0" * 64, input=self.input)
        self.assertEqual(error.title, "Invalid version or not permitted")
        expected = "The specified version does not exist (or perhaps you don't have permission to use it?)"
        self.assertEqual(error.detail, expected)

    def test_webhooks_must_be_secure_and_events_known(self):
        self.refuse(422, self.create, webhook="http://example.com/hook")
        self.refuse(422, self.create, webhook="https://example.com/hook", webhook_events_filter=["finished"])

    def test_a_wrong_token_is_refused_in_the_words_of_each_route(self):
        stranger = self.make_client(api_token="r8_" + "0" * 37)
        error = self.refuse(401, stranger.accounts.current)
        self.assertEqual(
            (error.title, error.detail), ("Unauthenticated", "You did not pass a valid authentication token")
        )
        self.assertEqual(self.problem()["status"], 401)
        error = self.refuse(401, self.create, stranger)
        self.assertEqual((error.title, error.detail), ("Authentication required", "Invalid or expired API token."))
        self.assertEqual(self.problem()["status"], 401)

    def test_no_token_is_refused_in_the_words_of_each_route(self):
        with unittest.mock.patch.dict(os.environ):
            del os.environ["REPLICATE_API_TOKEN"]
            nobody = self.make_client()
            error = self.refuse(401, nobody.accounts.current)
            self.assertEqual(
                (error.title, error.detail), ("Unauthenticated", "You did not pass an authentication token")
            )
            error = self.refuse(401, self.create, nobody)
            self.assertEqual(json.loads(notebook.last.body), {"detail": "Authorization header required"})

    def test_what_does_not_exist_is_not_found(self):
        calls = [
            (self.client.models.get, "nobody/nothing"),
            (self.client.predictions.get, "0" * 26),
            (self.client.predictions.cancel, "0" * 26),
        ]
        for call, argument in calls:
            error = self.refuse(404, call, argument)
            self.assertEqual(error.detail, "The requested resource could not be found.")
            self.assertEqual(
                notebook.last.body, b'{"detail":"The requested resource could not be found.","status":404}\n'
            )
        # A community model is not on the route of the official ones.
        error = self.refuse(404, self.create, model=COMMUNITY)
        self.assertEqual(error.detail, "The requested resource could not be found.")

    def test_an_empty_account_is_told_where_to_buy_credit(self):
        body = {
            "title": "Insufficient credit",
            "detail": "You have insufficient credit to run this model.",
            "status": 402,
        }
        simulator.add(fault("create", tag=self.tag, kind="answer", status=402, json=body))
        error = self.refuse(402, self.create)
        self.assertEqual((error.title, error.detail), (body["title"], body["detail"]))
        self.assertEqual(json.loads(notebook.last.body), body)
        self.assertNotIn(self.tag, [create["tag"] for create in simulator.ledger()["creates"] if "tag" in create])

    def test_an_answer_that_is_lost_leaves_a_prediction_and_no_second_create(self):
        rule = fault("create", tag=self.tag, kind="close", when="after")
        simulator.add(rule, plan(self.tag, result="stuck_in_starting"))
        with self.assertRaises(httpx.RemoteProtocolError):
            self.create()
        newest = self.client.predictions.list()[0]
        self.assertEqual(newest.input, self.input)
        self.discard(newest)
        self.assertEqual(simulator.ledger()["creates_received_by_tag"][self.tag], 1)

    def test_an_error_page_after_the_effect_leaves_a_prediction_too(self):
        rule = fault("create", tag=self.tag, kind="answer", status=503, when="after")
        simulator.add(rule, plan(self.tag, result="stuck_in_starting"))
        error = self.refuse(503, self.create)
        self.assertEqual((error.title, error.detail), (None, None))
        self.assertEqual(notebook.last.headers["content-type"].split(";")[0], "text/html")
        newest = self.client.predictions.list()[0]
        self.assertEqual(newest.input, self.input)
        self.discard(newest)
