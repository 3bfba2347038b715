"""The asynchronous half of the client."""

import asyncio
import json
import unittest

from replicate.client import Client

from .case import HAILUO, LIVE, PHOTO, PRICE, Case, fault, note_request, notebook, plan, read_and_note_later, simulator


class Async(Case, unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        asyncio.get_running_loop().set_debug(False)
        self.client = Client(event_hooks={"request": [note_request], "response": [read_and_note_later]})
        self.addAsyncCleanup(self.client._async_client.aclose)

    async def test_many_predictions_at_once_are_created_and_waited_for(self):
        simulator.add({**plan(self.tag, queue_seconds=5, run_seconds=10), "times": 20})

        async def one():
            prediction = await self.client.models.predictions.async_create(LIVE, input=self.input)
            await prediction.async_wait()
            return prediction

        predictions = await asyncio.gather(*[one() for _ in range(20)])
        self.assertEqual({prediction.status for prediction in predictions}, {"succeeded"})
        self.assertEqual(len({prediction.output for prediction in predictions}), 20)
        for prediction in predictions:
            self.owe(prediction, "succeeded", PRICE[LIVE])

    async def test_run_upload_read_list_and_cancel(self):
        simulator.add(plan(self.tag, queue_seconds=1, run_seconds=1, output="data_uri"))
        with open(PHOTO, "rb") as file:
            input = {"prompt": "Walk.", "resolution": "512p", "first_frame_image": file, "last_frame_image": self.image}
            output = await self.client.async_run(HAILUO, input=input)
        self.assertEqual((await output.aread())[4:8], b"ftyp")
        upload, create = notebook.exchanges[-2:]
        self.assertEqual(upload.path, "/v1/files")
        id = json.loads(create.body)["id"]
        notebook.owed[id] = ("succeeded", PRICE[HAILUO], self.tag)

        page = await self.client.predictions.async_list()
        self.assertEqual(page[0].id, id)
        simulator.add(plan(self.tag, result="stuck_in_starting"))
        prediction = await self.client.models.predictions.async_create(LIVE, input=self.input)
        await prediction.async_cancel()
        self.assertEqual(prediction.status, "canceled")
        self.owe(prediction, "canceled", 0)

    async def test_a_throttled_read_is_repeated(self):
        simulator.add(fault("account", 2, kind="throttle"))
        account = await self.client.accounts.async_current()
        self.assertNotEqual(account.username, "")
        self.eventually(
            [429, 429, 200], lambda: [one.get("status") for one in simulator.requests(target="/v1/account")][-3:]
        )
