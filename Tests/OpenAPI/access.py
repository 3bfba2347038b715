"""Who is let in, and to what: every call of the document with every faulty token, and with another user's identifiers.

The calls come from the document that the server serves, so that a new one is in the table without anybody's doing.
"""
import base64
import hashlib
import hmac
import http.client
import json
import os
import sys
import time
import urllib.parse
import uuid

import yaml

from hooks import png

URL = urllib.parse.urlsplit(os.environ["ZOETROPE_URL"])
SECRET = os.environ["ZOETROPE_JWT_SECRET"].encode()
ISSUER = os.environ["ZOETROPE_JWT_ISSUER"]
REQUEST_ID = "the-same-for-all"
# Of nobody; what an HS256 token is signed with by whoever takes a public key for a secret.
PUBLIC_KEY = b"""-----BEGIN PUBLIC KEY-----
MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAKj34GkxFhD90vcNLYLInFEX6Ppy1tPf
9Cnzj4p4WGeKLs1Pt8QuKUpRKfFLfRYC9AIKjbJTWit+CqvjWYzvQwECAwEAAQ==
-----END PUBLIC KEY-----
"""
failures: list[str] = []
checked = 0


class Answer:
    def __init__(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.status = status
        # The date is all that may differ between two answers that say the same.
        self.headers = sorted((name.lower(), value) for name, value in headers if name.lower() != "date")
        self.body = body

    @property
    def json(self) -> dict:
        return json.loads(self.body)

    @property
    def code(self) -> str | None:
        try:
            return self.json.get("error", self.json).get("code")
        except ValueError:
            return None

    def header(self, name: str) -> str:
        return dict(self.headers).get(name.lower(), "")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Answer) and vars(self) == vars(other)

    def __repr__(self) -> str:
        return f"{self.status} {self.headers} {self.body[:300]!r}"


def send(method: str, path: str, headers: list[tuple[str, str]], body: bytes = b"") -> Answer:
    connection = http.client.HTTPConnection(URL.hostname, URL.port, timeout=60)
    try:
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in [("X-Request-Id", REQUEST_ID), *headers]:
            connection.putheader(name, value)
        if body or method == "POST":
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders()
        try:
            connection.send(body)
        except OSError:
            # The server may answer, and close, before it has read everything.
            pass
        response = connection.getresponse()
        return Answer(response.status, response.getheaders(), response.read())
    finally:
        connection.close()


def expect(what: str, holds: bool, seen: object = "") -> None:
    global checked
    checked += 1
    if not holds:
        failures.append(f"{what}: {seen!r}")


# MARK: Tokens


def encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def token(header: dict | None = None, secret: bytes | None = SECRET, drop: str = "", **claims: object) -> str:
    now = int(time.time())
    payload = {"sub": "ada", "aud": "zoetrope", "iss": ISSUER, "iat": now, "exp": now + 600, "tier": "paid", **claims}
    payload.pop(drop, None)
    signed = ".".join(
        encoded(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT", **(header or {})}, payload)
    )
    signature = hmac.new(secret, signed.encode(), hashlib.sha256).digest() if secret is not None else b""
    return f"{signed}.{encoded(signature)}"


def bearer(text: str) -> list[tuple[str, str]]:
    return [("Authorization", f"Bearer {text}")]


def faults() -> dict[str, tuple[list[tuple[str, str]], int, str | None]]:
    """Headers of requests that must not be let in, with the status and the code of the answer."""
    good, now = token(), int(time.time())
    head, claims, signature = good.split(".")
    jwk = {"kty": "oct", "k": encoded(b"x" * 32)}
    faulty = {
        "malformed": "this is not a token",
        "not yet valid": token(nbf=now + 3600),
        "of another audience": token(aud="somebody-else"),
        "without an audience": token(drop="aud"),
        "of another issuer": token(iss="https://evil.example"),
        "alg none": token({"alg": "none"}, secret=None),
        "alg none, signed": token({"alg": "none"}),
        "alg None": token({"alg": "None"}, secret=None),
        "alg nOnE": token({"alg": "nOnE"}, secret=None),
        "by another secret": token(secret=b"another secret of 32 bytes, yes."),
        "by a public key": token(secret=PUBLIC_KEY),
        "by an empty secret": token(secret=b""),
        "RS256 by the secret": token({"alg": "RS256"}),
        "kid is a path": token({"kid": "../../../../dev/null"}, secret=b""),
        "kid is SQL": token({"kid": "x' UNION SELECT 'secret' --"}, secret=b"secret"),
        "jku": token({"jku": "https://evil.example/keys"}, secret=b"x" * 32),
        "x5u": token({"x5u": "https://evil.example/key.pem"}, secret=b"x" * 32),
        "jwk": token({"jwk": jwk}, secret=b"x" * 32),
        "crit": token({"crit": ["exp"]}),
        "no dots": good.replace(".", ""),
        "one dot": f"{head}.{claims}{signature}",
        "three dots": f"{good}.",
        "padded": f"{good}=",
        "signature empty": f"{head}.{claims}.",
        "signature cut": f"{head}.{claims}.{signature[:-2]}",
        "claims changed": f"{head}.{encoded(json.dumps({'sub': 'ada', 'aud': 'zoetrope', 'exp': now + 600}).encode())}.{signature}",
        "tier admin": token(tier="admin"),
        "sub missing": token(drop="sub"),
        "sub empty": token(sub=""),
        "sub a number": token(sub=1),
        "exp missing": token(drop="exp"),
        "exp a text": token(exp=str(now + 600)),
        "9 kB": token(filler="x" * 9_000),
    }
    table = {name: (bearer(text), 401, "token_invalid") for name, text in faulty.items()}
    table["none"] = ([], 401, "token_missing")
    table["expired"] = (bearer(token(exp=now - 1)), 401, "token_expired")
    table["expired long ago"] = (bearer(token(exp=1)), 401, "token_expired")
    table["Basic"] = ([("Authorization", "Basic " + base64.b64encode(b"ada:secret").decode())], 401, "token_invalid")
    table["empty"] = ([("Authorization", "")], 401, "token_invalid")
    table["in the query of a header"] = ([("X-Access-Token", good), ("Cookie", f"token={good}")], 401, "token_missing")
    table["two headers"] = (bearer(good) + bearer(token(sub="bea")), 401, "token_invalid")
    table["two in one header"] = (bearer(f"{good}, Bearer {good}"), 401, "token_invalid")
    # Headers of this length are not looked at: an empty answer, and the connection is closed.
    table["1 MB"] = (bearer(token(filler="x" * 750_000)), 400, None)
    return table


# MARK: Calls


def form() -> tuple[str, bytes]:
    body = b'--b\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n' + png(64, 64) + b"\r\n--b--\r\n"
    return "multipart/form-data; boundary=b", body


class Call:
    """One operation of the document, with a valid body."""

    def __init__(self, method: str, path: str, operation: dict) -> None:
        self.method = method.upper()
        self.path = path
        self.name = operation["operationId"]
        self.type, self.body = "", b""
        content = operation.get("requestBody", {}).get("content", {})
        if "multipart/form-data" in content:
            self.type, self.body = form()
        elif "application/json" in content:
            self.type, self.body = "application/json", b'{"model": "local"}'
        if self.name == "remixVideo":
            self.type, self.body = "application/json", b'{"prompt": "snow falls"}'

    def send(self, headers: list[tuple[str, str]], **ids: str) -> Answer:
        path = self.path
        for name, value in ids.items():
            path = path.replace(f"{{{name}}}", value)
        return send(self.method, path, headers + ([("Content-Type", self.type)] if self.type else []), self.body)


def calls(document: dict) -> list[Call]:
    """Those that need a login; each GET has a HEAD, described or not."""
    methods = ("get", "put", "post", "delete", "options", "patch", "trace")
    return [
        Call(name, path, item[method])
        for path, item in document["paths"].items()
        for method in methods
        if method in item and item[method].get("security", document["security"]) != []
        for name in ([method, "head"] if method == "get" else [method])
    ]


class World:
    """What a user has: a job with a restore and an animation."""

    def __init__(self, user: str) -> None:
        self.access = bearer(token(sub=user, sid="s-1"))
        type, body = form()
        upload = [*self.access, ("Content-Type", type)]
        job = send("POST", "/api/v1/jobs", upload, body)
        self.job = job.json["id"]
        self.restore = send("POST", f"/api/v1/jobs/{self.job}/restores", upload, body).json["id"]
        self.key = f"key-{user}"
        started = self.start(self.job, self.key)
        self.animation = started.json["id"]
        self.video = "video_" + self.animation.replace("-", "")
        self.image_url = job.json["source"]["url"]

    def start(self, job: str, key: str | None = None, body: dict | None = None) -> Answer:
        headers = [*self.access, ("Content-Type", "application/json")]
        if key: headers.append(("Idempotency-Key", key))
        return send("POST", f"/api/v1/jobs/{job}/animations", headers, json.dumps(body or {"model": "local"}).encode())

    def state(self) -> str:
        """All that the user has, without addresses, which are signed anew each time."""
        def stripped(value: object) -> object:
            if isinstance(value, dict):
                return {name: stripped(member) for name, member in value.items() if not name.endswith("url")}
            return [stripped(member) for member in value] if isinstance(value, list) else value

        pages = [send("GET", path, self.access).json for path in ("/api/v1/jobs?limit=100", "/api/v1/usage")]
        return json.dumps(stripped(pages), sort_keys=True)


# MARK: The table


def check_tokens(document: dict, ada: World) -> None:
    before = ada.state()
    for call in calls(document):
        for name, (headers, status, code) in faults().items():
            answer = call.send(headers, job=ada.job, animation=ada.animation, video=ada.video)
            what = f"{call.method} {call.path} with a token: {name}"
            if call.method == "HEAD":
                code = None
            elif code and call.path.startswith("/v1/"):
                code = "invalid_api_key"
            expect(what, (answer.status, answer.code) == (status, code), answer)
            if status == 401:
                expect(f"{what}: WWW-Authenticate", answer.header("WWW-Authenticate").startswith("Bearer"), answer)
    expect("nothing was changed by anybody who was not let in", ada.state() == before)


def check_tenants(document: dict, ada: World, bea: World) -> None:
    before = ada.state()
    nobody = str(uuid.uuid4())
    for call in calls(document):
        if "{video}" in call.path:
            unknown = call.send(bea.access, video="video_" + nobody.replace("-", ""))
            expect(f"{call.name} of an unknown video", unknown.status == 404, unknown)
            for video in (ada.video, ada.animation, ada.video.upper(), "video_", "..", "%00"):
                answer = call.send(bea.access, video=video)
                expect(f"{call.name} of another's video {video}", answer == unknown, answer)
        if "{job}" not in call.path: continue
        unknown = call.send(bea.access, job=nobody, animation=nobody)
        expect(f"{call.name} of an unknown job", unknown.status == 404, unknown)
        foreign = {"another's job": (ada.job, ada.animation), "another's job, unknown animation": (ada.job, nobody)}
        for name, (job, animation) in foreign.items():
            answer = call.send(bea.access, job=job, animation=animation)
            expect(f"{call.name} of {name}", answer == unknown, answer)
        if "{animation}" in call.path:
            missing = call.send(bea.access, job=bea.job, animation=nobody)
            expect(f"{call.name} of an unknown animation", missing.status == 404, missing)
            answer = call.send(bea.access, job=bea.job, animation=ada.animation)
            expect(f"{call.name} of another's animation in the own job", answer == missing, answer)
            for name, path in {
                "upper case": (ada.job.upper(), ada.animation.upper()),
                "a path": ("..", ".."),
                "an escaped path": ("%2e%2e%2f", "%2e%2e"),
                "NUL": (f"{ada.job}%00", ada.animation),
                "a quote": ("'%20OR%20'1'='1", nobody),
                "10 kB": ("a" * 10_000, nobody),
                "an emoji": ("%F0%9F%98%80", nobody),
            }.items():
                answer = call.send(bea.access, job=path[0], animation=path[1])
                expect(f"{call.name} with an id that is {name}", answer.status in (404, 405), answer)

    unknown = bea.start(bea.job, body={"restore_id": nobody})
    expect("an unknown restore", (unknown.status, unknown.code) == (404, "restore_not_found"), unknown)
    answer = bea.start(bea.job, body={"restore_id": ada.restore})
    expect("another's restore", answer == unknown, answer)

    for query in ("", "?session=s-1", "?kind=photo&limit=100", f"?cursor=253402300799999.{ada.job}"):
        listed = send("GET", f"/api/v1/jobs{query}", bea.access)
        expect(f"the list {query}", listed.status == 200 and {job["user_id"] for job in listed.json["jobs"]} == {"bea"}, listed)
    listed = send("GET", f"/api/v1/jobs/{bea.job}/animations?cursor=0.{ada.animation}", bea.access)
    expect("a cursor of another's", ada.animation not in listed.body.decode(), listed)

    listed = send("GET", "/v1/videos?limit=100", bea.access)
    expect("the list of videos", [video["id"] for video in listed.json["data"]] == [bea.video], listed)
    unknown = send("GET", f"/v1/videos?after=video_{nobody.replace('-', '')}", bea.access)
    answer = send("GET", f"/v1/videos?after={ada.video}", bea.access)
    expect("a page behind another's video", answer == unknown and answer.status == 400, answer)

    first = bea.start(bea.job, ada.key)
    expect("another's key is a new call", first.status == 202 and not first.header("Idempotency-Replayed"), first)
    again = bea.start(bea.job, ada.key)
    expect("the own key is replayed", again.header("Idempotency-Replayed") == "true" and again.body == first.body, again)
    expect("nothing of another's was changed", ada.state() == before)


def check_addresses(ada: World) -> None:
    """A signed address is good for what it was made for, letter for letter."""
    url = urllib.parse.urlsplit(ada.image_url)
    path, query = url.path, url.query
    expires = dict(urllib.parse.parse_qsl(query))["expires"]
    signature = query.partition("&signature=")[2]
    good = send("GET", f"{path}?{query}", [])
    expect("a signed address", good.status == 200, good)
    changed = [signature[:place] + ("A" if signature[place] != "A" else "B") + signature[place + 1:]
               for place in range(len(signature) - 1)]
    table = [f"{path}?expires={expires}&signature={text}" for text in changed]
    table += [
        f"{path}?expires={int(expires) + 1}&signature={signature}",
        f"{path}?expires=4102444800&signature={signature}",
        f"{path}?expires={expires}&expires={expires}&signature={signature}",
        f"{path}?signature={signature}&expires={expires}",
        f"{path}?expires={expires}&signature={signature}&user=bea",
        f"{path}?expires={expires}",
        path,
        f"{path.replace('/uploads/', '/uploads//')}?{query}",
        f"{path.replace('/uploads/', '/uploads%2F')}?{query}",
        f"{path.replace('/uploads/', '/UPLOADS/')}?{query}",
        f"{path.replace('source.png', '../source.png')}?{query}",
        f"{path.replace(ada.job, str(uuid.uuid4()))}?{query}",
    ]
    for address in table:
        answer = send("GET", address, [])
        expect(f"the address {address}", (answer.status, answer.code) == (403, "invalid_signature"), answer)


def check_deleted(document: dict, ada: World) -> None:
    """What is deleted was never there, also for its owner, and its addresses are dead."""
    nobody = str(uuid.uuid4())
    for call in calls(document):
        # A stream of events has no end here, and a video that is not ready has no content.
        if call.method == "GET" and call.name not in ("followAnimation", "getVideoContent", "getCharacter"):
            answer = call.send(ada.access, job=ada.job, animation=ada.animation, video=ada.video)
            expect(f"{call.name} of one's own", answer.status == 200, answer)
    gone = send("DELETE", f"/api/v1/jobs/{ada.job}", ada.access)
    expect("the own job is deleted", gone.status == 204, gone)
    for call in calls(document):
        if "{job}" in call.path or "{video}" in call.path:
            unknown = call.send(ada.access, job=nobody, animation=nobody, video="video_" + nobody.replace("-", ""))
            answer = call.send(ada.access, job=ada.job, animation=ada.animation, video=ada.video)
            expect(f"{call.name} of what is deleted", answer == unknown, answer)
    url = urllib.parse.urlsplit(ada.image_url)
    answer = send("GET", f"{url.path}?{url.query}", [])
    expect("the address of a deleted image", (answer.status, answer.code) == (410, "gone"), answer)


def main() -> None:
    ada, bea = World("ada"), World("bea")
    document = yaml.safe_load(open(sys.argv[1]))
    expect("calls with a login", len(calls(document)) >= 30, len(calls(document)))
    check_tokens(document, ada)
    check_tenants(document, ada, bea)
    check_addresses(ada)
    check_deleted(document, ada)
    for failure in failures[:40]: print(failure, file=sys.stderr)
    if failures: sys.exit(f"{len(failures)} of {checked} checks of access failed")
    print(f"access: {len(calls(document))} calls, {len(faults())} token faults, {checked} checks passed")


main()
