import io
import json
import unittest

import openai

from case import Case, data_url, png, shades


class Creating(Case):
    def assertVideo(self, video):
        self.assertRegex(video.id, "^video_[0-9a-f]{32}$")
        self.assertEqual((video.object, video.model), ("video", "local"))
        self.assertIn(video.status, ["queued", "in_progress"])
        self.assertIsInstance(video.progress, int)
        self.assertIsInstance(video.created_at, int)
        self.assertEqual((video.seconds, video.size, video.prompt), ("5", "848x480", "calm"))
        for name in ["completed_at", "expires_at", "error", "remixed_from_video_id"]:
            self.assertIsNone(getattr(video, name))
            self.assertIn(name, video.model_fields_set)

    def test_a_file_with_a_name_and_a_bare_stream(self):
        for file in [("a.png", png(next(shades)), "text/plain"), io.BytesIO(png(next(shades)))]:
            video = self.create(input_reference=file)
            self.assertVideo(video)
            self.assertVideo(self.client.videos.retrieve(video.id))
            self.client.videos.delete(video.id)

    def test_a_reference_through_extra_body(self):
        # 2.2.0 sends JSON, the others a part input_reference[image_url].
        body = {"input_reference": {"image_url": data_url()}, "motion": "still", "seed": 7, "nothing": {"known": [1]}}
        video = self.create(input_reference=openai.NOT_GIVEN, extra_body=body)
        self.assertVideo(video)
        params = self.native(video)[1]["params"]
        self.assertEqual((params["motion"], params["seed"]), ("still", 7))
        self.client.videos.delete(video.id)

    def test_json_from_every_version(self):
        body = {
            "prompt": "calm", "model": "local", "seconds": 5, "size": "848x480", "camera": "static", "audio": True,
            "seed": None, "input_reference": {"image_url": data_url()},
        }
        video = self.client.post("/videos", cast_to=openai.types.Video, body=body)
        self.assertVideo(video)
        params = self.native(video)[1]["params"]
        self.assertEqual((params["camera"], params["audio"], params.get("seed")), ("static", True, None))
        self.client.videos.delete(video.id)

    def test_a_data_url_of_fifteen_megabytes(self):
        large = png(9) + b"\0" * 15_000_000
        body = {"prompt": "calm", "model": "local", "size": "848x480", "input_reference": {"image_url": data_url(large)}}
        video = self.client.post("/videos", cast_to=openai.types.Video, body=body)
        self.assertEqual(video.size, "848x480")
        self.client.videos.delete(video.id)
        body["input_reference"] = {"image_url": data_url(png(9) + b"\0" * 16_000_000)}
        self.assertRefused(
            openai.APIStatusError, lambda: self.client.post("/videos", cast_to=object, body=body),
            status=400, code="invalid_value", param="input_reference", message="20971520",
        )
        body["input_reference"] = {"image_url": "x" * 22_000_000}
        self.assertRefused(
            openai.APIStatusError, lambda: self.client.post("/videos", cast_to=object, body=body),
            status=413, code="body_too_large",
        )

    def test_a_data_url_is_the_same_as_its_file(self):
        # Read in pieces of 196,608 characters, of which the last has six.
        image = png(8).ljust(884_724, b"\0")
        body = {
            "prompt": "calm", "model": "local", "size": "832x480", "seconds": "5",
            "input_reference": {"image_url": data_url(image)},
        }
        options = {"headers": {"Idempotency-Key": f"same-{openai.__version__}"}}
        first = self.client.post("/videos", cast_to=openai.types.Video, body=body, options=options)
        second = self.create(input_reference=image, extra_headers=options["headers"])
        self.assertEqual(second.id, first.id)
        self.client.videos.delete(first.id)

    def test_the_usual_model_and_the_sizes(self):
        for size, expected in [("480x832", "480p"), ("1280x720", "720p"), ("720x1280", "720p"), ("1792x1024", "1080p")]:
            video = self.create(size=size)
            params = self.native(video)[1]["params"]
            self.assertEqual((params["resolution"], params["duration"]), (expected, 5))
            self.client.videos.delete(video.id)
        video = self.create(model=openai.NOT_GIVEN, seconds=openai.NOT_GIVEN, size=openai.NOT_GIVEN)
        self.assertEqual((video.model, video.seconds, video.size), ("replicate_wan", "5", "1280x720"))
        self.client.videos.delete(video.id)

    def test_what_is_refused(self):
        bad = openai.BadRequestError

        def refused(code, param, message, **arguments):
            self.assertRefused(
                bad, lambda: self.create(**arguments), status=400, code=code, param=param, message=message
            )

        no_file = {"input_reference": openai.NOT_GIVEN}
        refused("missing_required_parameter", "input_reference", "An image is required", **no_file)
        refused("invalid_value", "seconds", "5, 6 or 10 seconds", seconds="7")
        refused("invalid_value", "seconds", "5, 6 or 10 seconds", seconds="five")
        refused("invalid_value", "seconds", "videos of 5 seconds", model="replicate_wan", seconds="6")
        refused("invalid_value", "size", "1280x720", size="wide")
        refused("model_not_found", "model", "sora-2", model="sora-2")
        refused("invalid_value", "prompt", "Prompt is required (max 500 characters)", prompt="x" * 501)
        refused("invalid_value", "prompt", "Prompt is required (max 500 characters)", prompt="x" * 32_000)
        refused("invalid_value", "prompt", "Prompt is required (max 500 characters)", prompt=" ")
        refused("invalid_value", "motion", "Choose walk-forward", extra_body={"motion": "jump"})
        refused("invalid_value", "seed", "whole number", extra_body={"seed": "x"})
        refused("image_unsupported", "input_reference", "", input_reference=("a.png", b"GIF89a nothing"))
        refused("image_empty", "input_reference", "", input_reference=("a.png", b""))
        for reference, code, message in [
            ({"file_id": "file_1"}, "invalid_value", "file_id is not supported"),
            ({"image_url": "http://127.0.0.1/a.png"}, "image_url_forbidden_address", ""),
            ({"image_url": "ftp://example.org/a.png"}, "image_url_invalid_url", ""),
            ({"image_url": "data:image/png,abc"}, "invalid_value", "base64"),
            ({"image_url": "data:image/png;base64,ab*d"}, "invalid_value", "base64"),
        ]:
            refused(code, "input_reference", message, **no_file, extra_body={"input_reference": reference})
        refused(
            "callback_url_forbidden_address", "callback_url", "", extra_body={"callback_url": "http://127.0.0.1/"}
        )
        # Nothing of all that has left anything behind.
        self.assertEqual(self.client.videos.list().data, [])
        self.assertEqual(json.loads(self.service.call("GET", "/api/v1/jobs", self.token)[2])["jobs"], [])

    def test_prompt_is_required(self):
        body = {"input_reference": {"image_url": data_url()}}
        self.assertRefused(
            openai.BadRequestError, lambda: self.client.post("/videos", cast_to=object, body=body),
            status=400, code="missing_required_parameter", param="prompt",
        )

    def test_ten_seconds_are_for_paid_users(self):
        client = openai.OpenAI(api_key=self.service.token("free", "free"), base_url=self.service.base_url)
        self.assertRefused(
            openai.PermissionDeniedError, lambda: self.create(client, seconds="10"),
            status=403, code="paid_plan_required", param="seconds", message="paid plan",
        )

    def test_a_remix(self):
        first = self.create(extra_body={"motion": "push-in"})
        second = self.client.videos.remix(first.id, prompt="stormy")
        self.assertEqual((second.remixed_from_video_id, second.prompt), (first.id, "stormy"))
        self.assertEqual((second.seconds, second.size, second.model), (first.seconds, first.size, first.model))
        form = b'--b\r\nContent-Disposition: form-data; name="prompt"\r\n\r\nfoggy\r\n--b--\r\n'
        status, _, body = self.service.call(
            "POST", f"/v1/videos/{second.id}/remix", self.token, form, Content_Type="multipart/form-data; boundary=b"
        )
        third = json.loads(body)
        self.assertEqual((status, third["remixed_from_video_id"], third["prompt"]), (200, second.id, "foggy"))
        job, animation = self.native(second)
        self.assertEqual(job, self.native(first)[0])
        self.assertEqual(animation["params"]["motion"], "push-in")
        self.assertRefused(
            openai.NotFoundError, lambda: self.client.videos.remix("video_" + "0" * 32, prompt="x"),
            status=404, code="video_not_found",
        )
        self.assertRefused(
            openai.BadRequestError, lambda: self.client.videos.remix(first.id, prompt="x" * 501),
            status=400, code="invalid_value", param="prompt",
        )
        for video in [first.id, second.id, third["id"]]:
            self.client.videos.delete(video)
        self.assertEqual(json.loads(self.service.call("GET", "/api/v1/jobs", self.token)[2])["jobs"], [])

    @unittest.skipIf(openai.__version__ < "2.5", "this client has no such calls")
    def test_what_there_is_not(self):
        file = ("a.mp4", b"x")
        for call in [
            lambda: self.client.videos.edit(prompt="x", video=file),
            lambda: self.client.videos.extend(prompt="x", seconds="4", video=file),
            lambda: self.client.videos.create_character(name="x", video=file),
            lambda: self.client.videos.get_character("x"),
        ]:
            self.assertRefused(openai.InternalServerError, call, status=501, code="not_supported")
