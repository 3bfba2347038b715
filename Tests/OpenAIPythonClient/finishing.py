import json
import subprocess
import tempfile

import openai

from case import Case, png, shades, world


class Finishing(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        arguments = {"model": "local", "prompt": "calm", "size": "480x480", "extra_body": {"motion": "pan-left"}}
        file = ("a.png", png(next(shades), 360, 640), "image/png")
        cls.made = cls.client.videos.create_and_poll(input_reference=file, **arguments)

    def test_it_is_completed_with_its_real_values(self):
        video = self.made
        self.assertEqual((video.status, video.progress, video.error), ("completed", 100, None))
        self.assertEqual((video.seconds, video.size), ("5", "480x848"))
        self.assertLessEqual(video.created_at, video.completed_at)
        self.assertEqual(video.expires_at - video.created_at, 30 * 86_400)
        again = self.client.videos.retrieve(video.id)
        self.assertEqual(again, video)
        # The animation's own identifier does as well.
        digits = video.id.removeprefix("video_")
        uuid = "-".join([digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]])
        self.assertEqual(self.client.videos.retrieve(uuid).id, video.id)

    def test_the_header_says_when_to_ask_again(self):
        answer = self.client.videos.with_raw_response.create(
            model="local", prompt="x", input_reference=("a.png", png(next(shades)))
        )
        self.assertEqual(answer.headers["openai-poll-after-ms"], "300")
        video = answer.parse()
        answer = self.client.videos.with_raw_response.retrieve(video.id)
        self.assertEqual(answer.headers["openai-poll-after-ms"], "300")
        self.client.videos.delete(video.id)
        self.assertNotIn("openai-poll-after-ms", self.client.videos.with_raw_response.retrieve(self.made.id).headers)

    def content(self, *arguments, **named) -> bytes:
        return self.client.videos.download_content(self.made.id, *arguments, **named).read()

    def test_the_video(self):
        video = self.content()
        self.assertEqual(video, self.content(variant="video"))
        with tempfile.NamedTemporaryFile(suffix=".mp4") as file:
            file.write(video)
            file.flush()
            words = ["-v", "error", "-count_frames", "-show_entries", "stream=width,height,nb_read_frames", "-of", "json"]
            facts = subprocess.run(["ffprobe", *words, file.name], check=True, capture_output=True, text=True).stdout
        stream = json.loads(facts)["streams"][0]
        self.assertEqual((stream["width"], stream["height"], stream["nb_read_frames"]), (480, 848, "150"))
        path = f"/v1/videos/{self.made.id}/content"
        status, headers, part = self.service.call("GET", path, self.token, Range="bytes=100-199")
        self.assertEqual((status, part), (206, video[100:200]))
        self.assertEqual(headers["Content-Range"], f"bytes 100-199/{len(video)}")
        self.assertEqual(headers["Content-Type"], "video/mp4")
        status, headers, body = self.service.call("GET", path, self.token, Range="bytes=999999999-")
        self.assertEqual((status, set(json.loads(body))), (416, {"error"}))

    def test_the_thumbnail_and_the_sheet(self):
        for variant, size in [("thumbnail", "480x848"), ("spritesheet", None)]:
            picture = self.content(variant=variant)
            self.assertEqual(picture[:3], b"\xff\xd8\xff")
            self.assertEqual(picture[-2:], b"\xff\xd9")
            with tempfile.NamedTemporaryFile(suffix=".jpg") as file:
                file.write(picture)
                file.flush()
                words = ["-v", "error", "-show_entries", "stream=width,height", "-of", "csv=p=0:s=x"]
                found = subprocess.run(["ffprobe", *words, file.name], check=True, capture_output=True, text=True)
            # Five in a row and four rows, each 320 high.
            self.assertEqual(found.stdout.strip(), size or f"{5 * 180}x{4 * 320}")
        self.assertRefused(
            openai.BadRequestError, lambda: self.content(variant="gif"),
            status=400, code="invalid_value", param="variant",
        )

    def test_one_that_is_not_ready(self):
        video = self.create()
        self.assertRefused(
            openai.NotFoundError, lambda: self.client.videos.download_content(video.id),
            status=404, code="video_not_ready",
        )
        self.client.videos.delete(video.id)

    def test_one_that_was_cancelled(self):
        video = self.create()
        self.cancel(video)
        video = self.wait(video)
        self.assertEqual((video.status, video.error.code, video.progress), ("failed", "cancelled", 0))
        self.assertTrue(video.error.message)
        self.assertIsNone(video.expires_at)
        self.assertRefused(
            openai.NotFoundError, lambda: self.client.videos.download_content(video.id),
            status=404, code="video_failed",
        )
        self.assertTrue(self.client.videos.delete(video.id).deleted)

    def test_one_that_was_refused_by_the_model(self):
        world.simulator.script([{"on": "create", "plan": {"result": "failed", "error_code": "E005"}}])
        file = ("a.png", png(next(shades), 640, 360))
        video = self.client.videos.create_and_poll(prompt="calm", input_reference=file, poll_interval_ms=100)
        self.assertEqual((video.status, video.error.code, video.model), ("failed", "moderation_blocked", "replicate_wan"))

    def test_one_that_the_model_made(self):
        world.simulator.script([])
        file = ("a.png", png(next(shades), 640, 360))
        created = self.client.videos.with_raw_response.create(prompt="calm", input_reference=file, size="832x480")
        self.assertEqual(created.headers["openai-poll-after-ms"], "5000")
        video = self.wait(created.parse())
        self.assertEqual((video.status, video.seconds), ("completed", "5"), video)
        self.assertGreater(len(self.client.videos.download_content(video.id).read()), 1_000)
