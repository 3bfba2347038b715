"""Helps schemathesis to what it cannot guess: real images, models, and an end of event streams."""
import base64
import json
import os
import re
import struct
import urllib.error
import urllib.request
import zlib

import schemathesis
from hypothesis import strategies as st

URL = os.environ["ZOETROPE_URL"]
with open(os.environ["ZOETROPE_LOGINS"]) as file:
    TOKENS = [login["fixedHeaders"][0]["value"] for login in json.load(file)["auth"]]
MODELS = ["replicate_video_01_live", "replicate_wan", "local"]


def png(width: int, height: int) -> bytes:
    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    rows = (b"\0" + b"\x40\x80\xc0" * width) * height
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


IMAGES = [png(64, 64), png(90, 64)]

# What the document calls binary is an image.
schemathesis.openapi.format("binary", st.sampled_from(IMAGES))
for media_type in ("image/jpeg", "image/png", "image/webp"):
    schemathesis.openapi.media_type(media_type, st.sampled_from(IMAGES))


@schemathesis.hook
def map_body(context, body):
    """Most names of models are unknown, and names of hosts would be looked up: both are replaced."""
    if not isinstance(body, dict):
        return body
    changed = dict(body)
    if isinstance(body.get("model"), str) and len(body["model"]) != 3:
        changed["model"] = MODELS[len(body["model"]) % 3]
    if isinstance(body.get("callback_url"), str):
        changed["callback_url"] = "https://192.0.2.1/hook" if len(body["callback_url"]) % 2 else "https://1.1.1.1/hook"
    if isinstance(body.get("input_reference"), dict) and isinstance(body["input_reference"].get("image_url"), str):
        encoded = base64.b64encode(IMAGES[0]).decode()
        changed["input_reference"] = {**body["input_reference"], "image_url": f"data:image/png;base64,{encoded}"}
    if isinstance(body.get("image_url"), str):
        changed["image_url"] = "http://127.0.0.1/a.png" if len(body["image_url"]) % 2 else "no address"
    return changed


def call(method: str, path: str, token: str, type: str = "", body: bytes = b"") -> dict:
    headers = {"Authorization": token, **({"Content-Type": type} if type else {})}
    request = urllib.request.Request(URL + path, method=method, headers=headers, data=body or None)
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.load(response)


def made() -> dict:
    """A job of the first user with an animation, as parameters of paths."""
    form = b'--b\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n' + IMAGES[0] + b"\r\n--b--\r\n"
    job = call("POST", "/api/v1/jobs", TOKENS[0], "multipart/form-data; boundary=b", form)["id"]
    path = f"/api/v1/jobs/{job}/animations"
    animation = call("POST", path, TOKENS[0], "application/json", b'{"model": "local"}')["id"]
    return {"job": job, "animation": animation, "video": "video_" + animation.replace("-", "")}


POOL = []


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    """No id that is made up is anybody's: two of three become real ones."""
    # One of them is in every path that has ids; both end with digits of a UUID.
    text = (path_parameters or {}).get("job", (path_parameters or {}).get("video"))
    if not isinstance(text, str) or not re.fullmatch("(video_[0-9a-f]{32}|[0-9a-f-]{36})", text):
        return path_parameters
    number = int(text[-8:], 16)
    if number % 3 == 0: return path_parameters
    if context.operation.method.upper() == "DELETE":
        ids = made()
    else:
        if len(POOL) < 8: POOL.append(made())
        ids = POOL[number % len(POOL)]
    return {name: ids.get(name, value) for name, value in path_parameters.items()}


@schemathesis.hook
def before_call(context, case, kwargs):
    """A stream of events ends with its animation, so that the animation is cancelled before it is followed.

    Streams of animations that go on are tested in Tests/ZoetropeServerTests/LiveTests.swift.
    """
    if case.operation.definition.raw.get("operationId") != "followAnimation":
        return
    job, animation = (str(case.path_parameters.get(name, "")) for name in ("job", "animation"))
    if not all(re.fullmatch("[0-9a-fA-F-]{36}", text) for text in (job, animation)):
        return
    for token in TOKENS:
        try:
            call("POST", f"/api/v1/jobs/{job}/animations/{animation}/cancel", token)
        except urllib.error.HTTPError as error:
            error.close()
