import json

import openai

from case import Case, data_url, png, shades
from service import Service


class Repeating(Case):
    def tearDown(self):
        for video in list(self.client.videos.list(limit=100)):
            self.client.videos.delete(video.id)

    def test_a_key_of_the_callers_own(self):
        file = ("a.png", png(next(shades)))
        headers = {"Idempotency-Key": f"key-{openai.__version__}"}
        first = self.create(input_reference=file, extra_headers=headers)
        second = self.create(input_reference=file, extra_headers=headers)
        self.assertEqual(first.id, second.id)
        self.assertRefused(
            openai.UnprocessableEntityError, lambda: self.create(extra_headers=headers),
            status=422, code="idempotency_mismatch",
        )
        self.assertRefused(
            openai.UnprocessableEntityError,
            lambda: self.create(input_reference=file, prompt="other", extra_headers=headers),
            status=422, code="idempotency_mismatch",
        )
        self.assertRefused(
            openai.BadRequestError, lambda: self.create(extra_headers={"Idempotency-Key": "with a space"}),
            status=400, code="invalid_idempotency_key",
        )
        self.assertEqual([one.id for one in self.client.videos.list()], [first.id])

    def test_the_clients_own_retry(self):
        file = ("a.png", png(next(shades)))
        retry = {"x-stainless-retry-count": "1"}
        first = self.create(input_reference=file)
        # Somebody who wants the same twice gets it twice, and a retry is one of the last call.
        second = self.create(input_reference=file)
        self.assertNotEqual(first.id, second.id)
        before = len(self.service.objects("uploads"))
        self.assertEqual(self.create(input_reference=file, extra_headers=retry).id, second.id)
        self.assertEqual(len(self.service.objects("uploads")), before)
        other = self.create(input_reference=file, prompt="other", extra_headers=retry)
        self.assertNotIn(other.id, [first.id, second.id])
        remix = self.client.videos.remix(first.id, prompt="stormy")
        self.assertEqual(self.client.videos.remix(first.id, prompt="stormy", extra_headers=retry).id, remix.id)
        self.assertEqual(len(list(self.client.videos.list())), 4)


class Crashing(Case):
    """The server dies between accepting a call and answering it."""

    def check(self, call, **arguments):
        service = Service(ZOETROPE_PAID_LIMITS="none")
        try:
            token = service.token("u")
            service.start(crash_at="K02")
            client = openai.OpenAI(api_key=token, base_url=service.base_url, max_retries=10)
            watch = service.start_again_when_killed()
            video = call(client)
            watch.join()
            self.assertEqual([one.id for one in client.videos.list()], [video.id])
            jobs = json.loads(service.call("GET", "/api/v1/jobs", token)[2])["jobs"]
            self.assertEqual([len(job["animation_attempts"]) for job in jobs], [1])
            self.assertEqual(len(service.objects("uploads")), 1)
        finally:
            service.stop()

    def test_without_a_key(self):
        self.check(lambda client: self.create(client))

    def test_with_a_key_and_without_a_file(self):
        body = {"input_reference": {"image_url": data_url()}}
        headers = {"Idempotency-Key": "k"}
        self.check(
            lambda client: self.create(client, input_reference=openai.NOT_GIVEN, extra_body=body, extra_headers=headers)
        )


class Webhooks(Case):
    def test_a_signature_of_ours(self):
        # What CallbackSignature makes of these: Tests/ZoetropeOutboundTests/CallbackTests.swift.
        headers = {
            "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "webhook-timestamp": "1614265330",
            "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        }
        secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
        body = '{"test": 2432232314}'
        self.client.webhooks.verify_signature(body, headers, secret=secret, tolerance=10**10)
        with self.assertRaises(openai.InvalidWebhookSignatureError):
            self.client.webhooks.verify_signature(body + " ", headers, secret=secret, tolerance=10**10)

    def test_the_secret_is_of_the_form_that_it_takes(self):
        status, _, body = self.service.call("GET", "/api/v1/callback-secret", self.token)
        secret = next(value for value in json.loads(body).values() if str(value).startswith("whsec_"))
        with self.assertRaises(openai.InvalidWebhookSignatureError):
            headers = {"webhook-id": "x", "webhook-timestamp": "1614265330", "webhook-signature": "v1,AAAA"}
            self.client.webhooks.verify_signature("{}", headers, secret=secret, tolerance=10**10)
