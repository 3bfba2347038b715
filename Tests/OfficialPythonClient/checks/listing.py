"""The list of predictions and its pages."""

import json
import time

import replicate

from .case import LIVE, PRICE, Case, digits, notebook, plan, simulator
from .simulator import BASE_URL


class Listing(Case):
    def test_pages_of_a_hundred_newest_first_lead_to_the_oldest_and_back(self):
        count = 210
        simulator.add({**plan(self.tag, queue_seconds=0, run_seconds=0), "times": count})
        created = [self.create() for _ in range(count)]
        for prediction in created:
            self.owe(prediction, "succeeded", PRICE[LIVE])
        oldest = json.loads(notebook.last.body)

        pages, answers = [], []
        for page in replicate.paginate(self.client.predictions.list):
            pages.append(page)
            answers.append(json.loads(notebook.last.body))
        self.assertGreater(len(pages), 2)
        self.assertEqual({len(page) for page in pages[:-1]}, {100})
        self.assertLessEqual(len(pages[-1]), 100)
        listed = [prediction.id for page in pages for prediction in page]
        self.assertEqual(len(listed), len(set(listed)))
        self.assertEqual(listed[:count], [prediction.id for prediction in reversed(created)])
        self.assertEqual(len(listed), simulator.ledger()["accepted"])

        self.assertEqual(list(answers[0]), ["previous", "next", "results"])
        self.assertIsNone(pages[0].previous)
        self.assertIsNone(pages[-1].next)
        self.assertTrue(pages[0].next.startswith(f"{BASE_URL}/v1/predictions?cursor="), pages[0].next)
        self.assertTrue(all("logs" not in item and item["source"] == "api" for item in answers[0]["results"]))
        self.assertEqual(digits(answers[0]["results"][0]["created_at"]), 6)
        self.assertEqual(oldest["id"], listed[0])

        back = self.client.predictions.list(pages[1].previous)
        self.assertEqual([prediction.id for prediction in back], listed[:100])

    def test_the_list_can_be_bounded_by_time(self):
        simulator.add(*[plan(self.tag, queue_seconds=0, run_seconds=0) for _ in range(3)])
        made = []
        for _ in range(3):
            made.append(self.finish(self.create()))
            time.sleep(0.001)
        first, middle, last = made
        since = self.client.predictions.list(f"/v1/predictions?created_after={middle.created_at}")
        self.assertEqual([prediction.id for prediction in since], [last.id, middle.id])
        before = self.client.predictions.list(
            f"/v1/predictions?created_after={first.created_at}&created_before={last.created_at}"
        )
        self.assertEqual([prediction.id for prediction in before], [middle.id, first.id])

    def test_an_empty_span_is_an_empty_page(self):
        page = self.client.predictions.list("/v1/predictions?created_before=2020-01-01T00:00:00Z")
        self.assertEqual((page.results, page.next, page.previous), ([], None, None))
