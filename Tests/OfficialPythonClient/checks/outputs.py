"""What comes out of a prediction, and downloading it."""

import hashlib
import json
import subprocess
import tempfile

import httpx
from replicate.helpers import FileOutput

from .case import COMMUNITY, COMMUNITY_VERSION, LIVE, PRICE, WAN, Case, fault, notebook, plan, simulator
from .simulator import BASE_URL, header


class Outputs(Case):
    def assert_video(self, data, width, height, rate, frames, audio=None):
        """The bytes are an MP4 that ffprobe takes for this."""
        self.assertEqual(data[4:8], b"ftyp")
        with tempfile.NamedTemporaryFile(suffix=".mp4") as file:
            file.write(data)
            file.flush()
            entries = "format=duration:stream=codec_name,codec_type,width,height,pix_fmt,avg_frame_rate,nb_read_packets"
            command = ["ffprobe", "-v", "error", "-count_packets", "-show_entries", entries, "-of", "json", file.name]
            probe = json.loads(subprocess.run(command, check=True, capture_output=True, timeout=20).stdout)
        streams = {stream["codec_type"]: stream for stream in probe["streams"]}
        video = streams["video"]
        self.assertEqual((video["codec_name"], video["pix_fmt"]), ("h264", "yuv420p"))
        self.assertEqual((video["width"], video["height"], video["avg_frame_rate"]), (width, height, f"{rate}/1"))
        self.assertEqual(int(video["nb_read_packets"]), frames)
        self.assertAlmostEqual(float(probe["format"]["duration"]), frames / rate, delta=0.1)
        self.assertEqual(streams["audio"]["codec_name"] if "audio" in streams else None, audio)

    def run_model(self, model):
        """What `run` returns, and the prediction behind it."""
        output = self.client.run(model, input=self.input)
        create = next(one for one in reversed(notebook.exchanges) if one.method == "POST")
        return output, self.client.predictions.get(json.loads(create.body)["id"])

    def test_run_leads_to_a_video_of_the_models_size_rate_and_length(self):
        # Longer than the 60 s that the create is held: the client has to poll.
        simulator.add(plan(self.tag, queue_seconds=2, run_seconds=80))
        output, prediction = self.run_model(LIVE)
        self.owe(prediction, "succeeded", PRICE[LIVE])
        # The client makes a FileOutput of https: and data: alone, and a simulator on this machine speaks http:.
        self.assertEqual(output, prediction.output)
        self.assert_video(FileOutput(output, self.client).read(), 1280, 720, 25, 141)

        streamed = b"".join(FileOutput(output, self.client))
        self.assertEqual(streamed, FileOutput(output, self.client).read())
        self.assertEqual(simulator.entry(prediction.id)["output"]["url"], output)
        self.eventually((3, 3, 3 * len(streamed), True), self.downloads, prediction)

    def test_wan_makes_a_video_with_sound(self):
        self.input = {"prompt": "Walk.", "image": self.image, "resolution": "480p"}
        simulator.add(plan(self.tag, queue_seconds=1, run_seconds=1))
        output, prediction = self.run_model(WAN)
        self.owe(prediction, "succeeded", PRICE[WAN])
        self.assert_video(FileOutput(output, self.client).read(), 832, 480, 24, 120, audio="aac")

    def test_a_community_model_runs_by_its_version(self):
        self.input = {"image": self.image, "frames": 24}
        simulator.add(plan(self.tag, queue_seconds=1, run_seconds=1))
        output, prediction = self.run_model(f"{COMMUNITY}:{COMMUNITY_VERSION}")
        self.owe(prediction, "succeeded", PRICE[COMMUNITY])
        self.assert_video(FileOutput(output, self.client).read(), 640, 360, 12, 24)

    def test_an_inlined_output_is_a_file_that_needs_no_download(self):
        simulator.add(plan(self.tag, queue_seconds=1, run_seconds=1, output="data_uri"))
        output, prediction = self.run_model(LIVE)
        self.owe(prediction, "succeeded", PRICE[LIVE])
        self.assertIsInstance(output, FileOutput)
        self.assertTrue(output.url.startswith("data:video/mp4;base64,"))
        self.assert_video(output.read(), 1280, 720, 25, 141)
        self.assertEqual(self.downloads(prediction), (0, 0, 0, False))

    def test_an_output_in_a_list_is_a_list(self):
        simulator.add(plan(self.tag, queue_seconds=1, run_seconds=1, output="array"))
        output, prediction = self.run_model(LIVE)
        self.owe(prediction, "succeeded", PRICE[LIVE])
        self.assertEqual(output, prediction.output)
        self.assertEqual((len(output), type(output)), (1, list))

    def test_the_output_host_needs_no_token_and_tells_when_one_was_sent(self):
        simulator.add(plan(self.tag, queue_seconds=0, run_seconds=1))
        prediction = self.finish(self.create())
        self.assertNotEqual(httpx.URL(prediction.output).netloc, httpx.URL(BASE_URL).netloc)
        target = httpx.URL(prediction.output).raw_path.decode()

        answer = httpx.get(prediction.output, trust_env=False, timeout=20)
        self.assertEqual(answer.status_code, 200)
        self.assertEqual(answer.headers["content-type"], "video/mp4")
        self.assertEqual(answer.headers["content-length"], str(len(answer.content)))
        self.assertEqual(answer.headers["etag"], f'"{hashlib.md5(answer.content).hexdigest()}"')
        self.assertEqual(answer.headers["accept-ranges"], "bytes")
        [request] = simulator.requests(origin="output", target=target)
        self.assertIsNone(header(request, "authorization"))
        self.eventually((1, 1, len(answer.content), False), self.downloads, prediction)

        # The official client sends its token wherever an output is.
        self.assertEqual(FileOutput(prediction.output, self.client).read(), answer.content)
        requests = simulator.requests(origin="output", target=target)
        self.assert_redacted(requests[-1])
        self.eventually((2, 2, 2 * len(answer.content), True), self.downloads, prediction)

    def test_a_part_of_an_output_can_be_asked_for(self):
        simulator.add(plan(self.tag, queue_seconds=0, run_seconds=1))
        prediction = self.finish(self.create())
        whole = httpx.get(prediction.output, trust_env=False, timeout=20)
        headers = {"Range": "bytes=100-", "If-Range": whole.headers["etag"]}
        part = httpx.get(prediction.output, headers=headers, trust_env=False, timeout=20)
        self.assertEqual((part.status_code, part.content), (206, whole.content[100:]))
        size = len(whole.content)
        self.assertEqual(part.headers["content-range"], f"bytes 100-{size - 1}/{size}")

    def test_an_output_that_breaks_off_is_an_error(self):
        simulator.add(plan(self.tag, queue_seconds=0, run_seconds=1), fault("output", tag=self.tag, kind="short_read"))
        prediction = self.finish(self.create())
        output = FileOutput(prediction.output, self.client)
        with self.assertRaises(httpx.RemoteProtocolError):
            output.read()
        self.assert_video(output.read(), 1280, 720, 25, 141)
        self.assertEqual(simulator.entry(prediction.id)["output"]["requests"], 2)
        self.eventually(1, lambda: simulator.entry(prediction.id)["output"]["downloads"])
