import openai

from case import Case


class Listing(Case):
    def test_pages(self):
        self.assertEqual(self.client.videos.list().data, [])
        made = [self.create().id for _ in range(5)]
        newest = made[::-1]
        page = self.client.videos.list(limit=2)
        self.assertEqual(([one.id for one in page.data], page.has_more, page.object), (newest[:2], True, "list"))
        self.assertEqual((page.first_id, page.last_id), (newest[0], newest[1]))
        self.assertEqual([one.id for one in self.client.videos.list(limit=2)], newest)
        self.assertEqual([one.id for one in self.client.videos.list(limit=2, order="asc")], made)
        self.assertEqual([one.id for one in self.client.videos.list(after=newest[3])], newest[4:])
        page = self.client.videos.list(limit=0)
        self.assertEqual((page.data, page.last_id, page.first_id), ([], None, None))
        self.assertEqual(list(self.client.videos.list(limit=0)), [])
        self.assertEqual(self.client.videos.list(limit=100).has_more, False)
        for query, param in [
            ({"after": "video_" + "0" * 32}, "after"), ({"after": "x"}, "after"), ({"order": "up"}, "order"),
            ({"limit": 101}, "limit"), ({"limit": -1}, "limit"),
        ]:
            self.assertRefused(
                openai.BadRequestError, lambda: self.client.videos.list(**query),
                status=400, code="invalid_value", param=param,
            )
        # Another user's is not there.
        other = openai.OpenAI(api_key=self.service.token("other"), base_url=self.service.base_url)
        self.assertEqual(list(other.videos.list()), [])
        self.assertRefused(
            openai.BadRequestError, lambda: other.videos.list(after=made[0]),
            status=400, code="invalid_value", param="after",
        )
        for call in [other.videos.retrieve, other.videos.delete, other.videos.download_content]:
            self.assertRefused(openai.NotFoundError, lambda: call(made[0]), status=404, code="video_not_found")
        for one in made:
            self.client.videos.delete(one)


class Deleting(Case):
    def test_in_every_state(self):
        running = self.create()
        queued = self.create()
        completed = self.wait(self.create(size="480x480"))
        failed = self.create()
        self.cancel(failed)
        for video in [running, queued, completed, failed]:
            receipt = self.client.videos.delete(video.id)
            self.assertEqual((receipt.id, receipt.object, receipt.deleted), (video.id, "video.deleted", True))
            for call in [self.client.videos.delete, self.client.videos.retrieve, self.client.videos.download_content]:
                self.assertRefused(openai.NotFoundError, lambda: call(video.id), status=404, code="video_not_found")
        self.assertEqual(list(self.client.videos.list()), [])

    def test_a_remix_outlives_its_original(self):
        first = self.create()
        second = self.client.videos.remix(first.id, prompt="stormy")
        self.client.videos.delete(first.id)
        self.assertEqual([one.id for one in self.client.videos.list()], [second.id])
        job, _ = self.native(second)
        self.client.videos.delete(second.id)
        self.assertEqual(self.service.call("GET", f"/api/v1/jobs/{job}", self.token)[0], 404)
