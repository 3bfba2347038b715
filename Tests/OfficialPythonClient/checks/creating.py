"""The ways to create a prediction."""

import json

import replicate

from .case import COMMUNITY, COMMUNITY_VERSION, DEPLOYMENT, LIVE, PRICE, Case, digits, notebook, plan, simulator
from .simulator import BASE_URL


class Creating(Case):
    def test_an_official_model_answers_with_a_prediction_that_is_starting(self):
        simulator.add(plan(self.tag, result="stuck_in_starting"))
        prediction = self.create()
        answer = notebook.last
        body = json.loads(answer.body)

        self.assertEqual(answer.status, 201)
        self.assertEqual(answer.path, f"/v1/models/{LIVE}/predictions")
        self.assertRegex(answer.headers["content-type"], r"^application/json(; charset=utf-8)?$")
        self.assertRegex(answer.headers["ratelimit-remaining"], r"^\d+$")
        self.assertEqual(answer.headers["ratelimit-reset"], "1")
        self.assertNotIn("preference-applied", answer.headers)
        self.assertTrue(answer.body.endswith(b"}\n"))
        keys = "id model version input logs output data_removed error status created_at urls"
        self.assertEqual(list(body), keys.split())
        self.assertIs(body["data_removed"], False)
        self.assertEqual(digits(body["created_at"]), 3)

        self.assertRegex(prediction.id, r"^[0-9a-hjkmnp-tv-z]{26}$")
        self.assertEqual((prediction.model, prediction.version, prediction.status), (LIVE, "hidden", "starting"))
        self.assertEqual(prediction.input, self.input)
        self.assertEqual(list(prediction.input), sorted(self.input))
        self.assertEqual((prediction.logs, prediction.output, prediction.error), ("", None, None))
        self.assertEqual((prediction.started_at, prediction.completed_at, prediction.metrics), (None, None, None))
        self.assertEqual(prediction.urls["get"], f"{BASE_URL}/v1/predictions/{prediction.id}")
        self.assertEqual(prediction.urls["cancel"], f"{BASE_URL}/v1/predictions/{prediction.id}/cancel")
        self.assertIn("web", prediction.urls)
        self.discard(prediction)

    def test_a_version_can_be_named_in_three_ways(self):
        references = {
            COMMUNITY_VERSION: (COMMUNITY, COMMUNITY_VERSION),
            f"{COMMUNITY}:{COMMUNITY_VERSION}": (COMMUNITY, COMMUNITY_VERSION),
            LIVE: (LIVE, "hidden"),
        }
        simulator.add(*[plan(self.tag, result="stuck_in_starting") for _ in references])
        for reference, expected in references.items():
            prediction = self.client.predictions.create(version=reference, input={"image": self.image, **self.input})
            self.assertEqual(notebook.last.path, "/v1/predictions")
            self.assertEqual((prediction.model, prediction.version), expected)
            self.discard(prediction)

    def test_a_deployment_runs_its_model(self):
        simulator.add(plan(self.tag, queue_seconds=1, run_seconds=1))
        prediction = self.client.deployments.predictions.create(DEPLOYMENT, input={"image": self.image})
        self.assertEqual(prediction.model, COMMUNITY)
        self.assertEqual(json.loads(notebook.last.body)["deployment"], DEPLOYMENT)
        self.finish(prediction, PRICE[COMMUNITY])
        self.assertEqual(simulator.entry(prediction.id)["deployment"], DEPLOYMENT)

    def test_the_module_itself_is_a_client(self):
        simulator.add(plan(self.tag, result="stuck_in_starting"))
        self.addCleanup(replicate.default_client._client.close)
        prediction = replicate.predictions.create(model=LIVE, input=self.input)
        # This client's exchanges are not noted.
        notebook.creates_by_tag[self.tag] += 1
        self.assertEqual(replicate.predictions.get(prediction.id).id, prediction.id)
        replicate.predictions.cancel(prediction.id)
        self.owe(prediction, "canceled", 0)
