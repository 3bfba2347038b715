"""Uploads, and files as inputs."""

import base64
import hashlib
import json
import tempfile

from .case import HAILUO, PRICE, PHOTO, Case, moment, notebook, plan, simulator
from .simulator import BASE_URL


class Files(Case):
    def test_an_uploaded_file_is_kept_whole_and_can_be_listed_and_deleted(self):
        photo = PHOTO.read_bytes()
        with open(PHOTO, "rb") as file:
            uploaded = self.client.files.create(file, metadata={"purpose": "test"})
        answer = notebook.last
        self.assertEqual(answer.status, 201)
        self.assertNotIn("ratelimit-remaining", answer.headers)
        self.assertEqual(len(uploaded.id), 48)
        self.assertRegex(base64.b64decode(uploaded.id).decode(), r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
        self.assertEqual((uploaded.name, uploaded.content_type), ("landscape.jpg", "image/jpeg"))
        self.assertEqual(uploaded.size, len(photo))
        self.assertEqual(uploaded.checksums["sha256"], hashlib.sha256(photo).hexdigest())
        self.assertEqual(uploaded.checksums["md5"], hashlib.md5(photo).hexdigest())
        self.assertEqual(uploaded.etag, hashlib.md5(photo).hexdigest())
        self.assertEqual(uploaded.metadata, {"purpose": "test"})
        self.assertAlmostEqual(moment(uploaded.expires_at) - moment(uploaded.created_at), 86_400, places=2)
        self.assertEqual(uploaded.urls["get"], f"{BASE_URL}/v1/files/{uploaded.id}")

        self.assertEqual(self.client.files.get(uploaded.id), uploaded)
        self.assertIn(uploaded, self.client.files.list())
        self.assertIs(self.client.files.delete(uploaded.id), True)
        self.assertEqual((notebook.last.status, notebook.last.body), (204, b""))
        self.assertNotIn(uploaded, self.client.files.list())
        error = self.refuse(404, self.client.files.get, uploaded.id)
        self.assertEqual(error.detail, "File not found")

    def test_a_file_of_a_hundred_megabytes_is_refused(self):
        with tempfile.NamedTemporaryFile(suffix=".mp4") as file:
            file.truncate(100_000_000)
            error = self.refuse(413, self.client.files.create, file.name)
        self.assertEqual(error.detail, "Files must be less than 100MB in size")
        self.assertNotIn(100_000_000, [uploaded.size for uploaded in self.client.files.list()])

    def test_a_file_object_as_an_input_is_uploaded_first(self):
        simulator.add(plan(self.tag, queue_seconds=0, run_seconds=1))
        with open(PHOTO, "rb") as file:
            input = {"prompt": "Walk.", "resolution": "512p", "first_frame_image": file, "last_frame_image": self.image}
            prediction = self.client.models.predictions.create(HAILUO, input=input)
        upload, create = notebook.exchanges[-2:]
        self.assertEqual((upload.method, upload.path, upload.status), ("POST", "/v1/files", 201))
        uploaded = json.loads(upload.body)
        self.assertEqual(uploaded["checksums"]["sha256"], hashlib.sha256(PHOTO.read_bytes()).hexdigest())
        self.assertEqual(json.loads(create.body)["input"]["first_frame_image"], uploaded["urls"]["get"])
        self.finish(prediction, PRICE[HAILUO])
        self.assertEqual(simulator.entry(prediction.id)["input"]["first_frame_image"], uploaded["urls"]["get"])

    def test_a_files_metadata_tags_the_prediction_that_uses_it(self):
        uploaded = self.client.files.create(PHOTO, metadata={"attempt": self.tag})
        notebook.file_tags[uploaded.urls["get"]] = self.tag
        simulator.add(plan(self.tag, queue_seconds=0, run_seconds=1))
        self.input["first_frame_image"] = uploaded.urls["get"]
        prediction = self.finish(self.create())
        self.assertEqual(simulator.entry(prediction.id)["tag"], self.tag)

    def test_a_deleted_file_as_an_input_fails_the_prediction(self):
        uploaded = self.client.files.create(PHOTO, metadata={"attempt": self.tag})
        self.client.files.delete(uploaded.id)
        self.input["first_frame_image"] = uploaded.urls["get"]
        prediction = self.create()
        prediction.wait()
        self.assertEqual(prediction.status, "failed")
        self.assertIn("404 Client Error", prediction.error)
        # The tag was the file's.
        self.owe(prediction, "failed", 0, is_tagged=False)

    def test_a_file_as_base64_arrives_as_a_data_uri(self):
        simulator.add(plan(self.tag, queue_seconds=0, run_seconds=1))
        with open(PHOTO, "rb") as file:
            self.input |= {"resolution": "512p", "first_frame_image": file, "last_frame_image": self.image}
            prediction = self.create(model=HAILUO, file_encoding_strategy="base64")
        expected = "data:image/jpeg;base64," + base64.b64encode(PHOTO.read_bytes()).decode()
        self.assertEqual(prediction.input["first_frame_image"], expected)
        self.finish(prediction, PRICE[HAILUO])
