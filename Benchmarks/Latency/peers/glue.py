"""The usual glue around Replicate: its client, ffmpeg, boto3.

Usage: glue.py FOLDER [BUCKET ENDPOINT]. Reads names of videos from standard input, one a line; for each it makes a prediction,
waits, downloads, makes 30 frames a second and a poster, and puts both into the bucket or the folder. Prints a line of JSON each.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import httpx
import replicate

MODEL = "minimax/video-01-live"


def ffmpeg(*words: str) -> None:
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", *words], check=True)


def main() -> None:
    folder, *bucket = sys.argv[1:]
    client = replicate.Client(api_token=os.environ["REPLICATE_API_TOKEN"])
    store = None
    if bucket:
        import boto3

        store = boto3.client("s3", endpoint_url=bucket[1], region_name="us-east-1")
    print("ready", flush=True)
    for name in map(str.strip, sys.stdin):
        wish = {"prompt": "she waves", "first_frame_image": "https://example.com/photo.jpg"}
        prediction = client.models.predictions.create(MODEL, input=wish)
        # Looks every 0.5 s, as the client does unless it is told otherwise.
        prediction.wait()
        assert prediction.status == "succeeded", prediction.error
        steps = {"seen": time.time()}
        with tempfile.TemporaryDirectory() as work:
            source, video, poster = f"{work}/source.mp4", f"{work}/video.mp4", f"{work}/poster.jpg"
            with httpx.stream("GET", prediction.output) as answer, open(source, "wb") as file:
                for piece in answer.iter_bytes():
                    file.write(piece)
            steps["downloaded"] = time.time()
            ffmpeg("-i", source, "-r", "30", "-c:v", "libx264", "-pix_fmt", "yuv420p", "-movflags", "+faststart", video)
            steps["encoded"] = time.time()
            ffmpeg("-i", video, "-frames:v", "1", poster)
            steps["poster"] = time.time()
            for file in (video, poster):
                key = f"{name}{pathlib.Path(file).suffix}"
                if store:
                    store.upload_file(file, bucket[0], key)
                else:
                    shutil.move(file, f"{folder}/{key}")
        steps["playable"] = time.time()
        print(json.dumps({"completed_at": prediction.completed_at} | steps), flush=True)


main()
