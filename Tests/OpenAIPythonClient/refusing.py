import json

import openai

from case import Case, png, shades


class Refusing(Case):
    def test_who_calls(self):
        stranger = openai.OpenAI(api_key="nobody", base_url=self.service.base_url)
        self.assertRefused(
            openai.AuthenticationError, lambda: stranger.videos.list(), status=401, code="invalid_api_key"
        )
        status, headers, body = self.service.call("GET", "/v1/videos", "")
        self.assertEqual((status, json.loads(body)["error"]["code"]), (401, "invalid_api_key"))
        self.assertIn("WWW-Authenticate", headers)

    def test_every_error_has_the_shape(self):
        for method, path, status in [
            ("GET", "/v1", 404), ("GET", "/v1/models", 404), ("PUT", "/v1/videos", 405), ("PATCH", "/v1/videos/x", 405),
            ("GET", "/v1/videos/x", 404), ("POST", "/v1/videos/x/content", 405), ("GET", "/v1/videos/edits/x", 404),
        ]:
            found, headers, body = self.service.call(method, path, self.token)
            self.assertEqual(found, status, path)
            self.assertEqual(set(json.loads(body)["error"]), {"message", "type", "param", "code"}, path)
            self.assertEqual(headers["Content-Type"], "application/json")
            self.assertTrue(headers["X-Request-Id"])
        status, _, body = self.service.call("POST", "/v1/videos", self.token, b"{", Content_Type="application/json")
        self.assertEqual((status, json.loads(body)["error"]["code"]), (400, "invalid_json"))
        status, _, body = self.service.call("POST", "/v1/videos", self.token, b"a=b", Content_Type="text/plain")
        self.assertEqual((status, json.loads(body)["error"]["code"]), (415, "unsupported_media_type"))
        # The native API keeps its own.
        status, headers, _ = self.service.call("GET", "/api/v1/nothing", self.token)
        self.assertEqual((status, headers["Content-Type"]), (404, "application/problem+json"))

    def test_too_many_requests(self):
        client = openai.OpenAI(api_key=self.service.token("hasty", "free"), base_url=self.service.base_url)
        with self.assertLogs("openai._base_client", "INFO") as logs:
            for _ in range(70):
                answer = client.videos.with_raw_response.list(limit=1)
                if answer.retries_taken:
                    break
        # One retry was enough, since it waited as long as it was told.
        self.assertEqual((answer.retries_taken, answer.status_code), (1, 200))
        self.assertEqual("".join(logs.output).count("Retrying request"), 1, logs.output)
        patient = client.with_options(max_retries=0)
        with self.assertRaises(openai.RateLimitError) as caught:
            for _ in range(70):
                patient.videos.list(limit=1)
        error = caught.exception
        self.assertEqual((error.code, set(error.body)), ("rate_limit_exceeded", {"message", "type", "param", "code"}))
        seconds = int(error.response.headers["retry-after"])
        self.assertEqual(int(error.response.headers["retry-after-ms"]), seconds * 1_000)

    def test_quota(self):
        client = openai.OpenAI(api_key=self.service.token("poor", "free"), base_url=self.service.base_url)
        for _ in range(2):
            video = self.create(client)
            # Two at a time, and two in a day.
            self.assertEqual(client.videos.retrieve(video.id).id, video.id)
        error = self.assertRefused(
            openai.RateLimitError, lambda: self.create(client.with_options(max_retries=0)),
            status=429, code="rate_limit_exceeded", message="under way",
        )
        self.assertEqual(error.response.headers["retry-after-ms"], "15000")
        for video in list(client.videos.list()):
            client.videos.delete(video.id)
        # No retry: it would be in vain until tomorrow.
        error = self.assertRefused(
            openai.RateLimitError, lambda: self.create(client), status=429, code="insufficient_quota", message="today"
        )
        self.assertEqual(error.response.headers["x-should-retry"], "false")
        self.assertEqual(list(client.videos.list()), [])
