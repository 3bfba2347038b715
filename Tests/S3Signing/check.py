"""Compares our signatures of random requests with those of botocore, the library beneath AWS's command line and boto3.

check.py cases FILE            writes requests to sign, the same each time
check.py compare FILE RESULTS  signs them with botocore and compares with ours; status 1 if one differs
"""

import datetime
import json
import random
import sys
from unittest import mock
from urllib.parse import quote

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

COUNT = 500
PARTS = ["a", "B", "0", "-", "_", ".", "~", " ", "+", "%", "%20", "&", "=", "?", "#", ";", ",", "'", '"', "*", "(", ")", "!",
         "@", ":", "$", "[", "]", "{", "|", "\\", "^", "`", "<", ">", "ä", "ß", "日本", "🎞️", "e\u0301", "\u00a0"]


def text(chance, most=8, parts=PARTS):
    return "".join(chance.choice(parts) for _ in range(chance.randint(1, most)))


def case(chance):
    names = [text(chance) for _ in range(chance.randint(1, 5))]
    # S3 takes names with empty parts, as other programs may make them.
    names = [name if chance.random() > 0.15 else "" for name in names]
    values = {text(chance): chance.choice(["", text(chance), text(chance)]) for _ in range(chance.randint(0, 4))}
    words = ["a", "B", "0", "/", "=", ";", ",", '"', " ", "  ", "   b"]
    headers = {f"x-amz-meta-{chance.randrange(100)}": text(chance, parts=words) for _ in range(chance.randint(0, 3))}
    if chance.random() < 0.4:
        headers["Range"] = f"bytes={chance.randrange(100)}-"
    if chance.random() < 0.4:
        headers["If-None-Match"] = "*"
    is_presigned = chance.random() < 0.4
    return {
        "id": "AKIA" + text(chance, 16, list("ABCDEFGH234567")),
        "secret": text(chance, 40, list("abcABC012/+")),
        "token": text(chance, 200, list("abcABC012/+=")) if chance.random() < 0.5 else None,
        "region": chance.choice(["us-east-1", "eu-central-1", "auto"]),
        "method": chance.choice(["GET", "PUT", "HEAD", "POST", "DELETE"]),
        "host": chance.choice(["examplebucket.s3.amazonaws.com", "127.0.0.1:9000", "minio:80", "[::1]:7480"]),
        "path": "/" + "/".join(names),
        "query": list(values.items()),
        "headers": [] if is_presigned else list(headers.items()),
        "payload_hash": "".join(chance.choice("0123456789abcdef") for _ in range(64)),
        "time": chance.randrange(1_000_000_000, 4_000_000_000),
        "expires": chance.randint(1, 604_800) if is_presigned else None,
    }


def botocore_signs(case):
    scheme = "https" if case["host"].endswith(".com") else "http"
    query = "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in case["query"])
    url = f"{scheme}://{case['host']}{quote(case['path'], safe='/-_.~')}" + (f"?{query}" if query else "")
    request = AWSRequest(method=case["method"], url=url, headers=dict(case["headers"]))
    # The host as we send it, also where its port is the scheme's own.
    request.headers["host"] = case["host"]
    credentials = Credentials(case["id"], case["secret"], case["token"])
    now = datetime.datetime.fromtimestamp(case["time"], datetime.timezone.utc).replace(tzinfo=None)
    with mock.patch("botocore.auth.get_current_datetime", return_value=now):
        if case["expires"] is not None:
            auth = botocore.auth.S3SigV4QueryAuth(credentials, "s3", case["region"], expires=case["expires"])
            auth.add_auth(request)
            return sorted(request.url.split("?", 1)[1].split("&"))
        auth = botocore.auth.S3SigV4Auth(credentials, "s3", case["region"])
        with mock.patch.object(auth, "payload", return_value=case["payload_hash"]):
            auth.add_auth(request)
        return request.headers["Authorization"]


def main():
    if sys.argv[1] == "cases":
        chance = random.Random(20260101)
        with open(sys.argv[2], "w", encoding="utf-8") as file:
            json.dump([case(chance) for _ in range(COUNT)], file)
        return 0
    with open(sys.argv[2], encoding="utf-8") as file:
        cases = json.load(file)
    with open(sys.argv[3], encoding="utf-8") as file:
        results = json.load(file)
    assert len(cases) == len(results) == COUNT, f"{len(cases)} cases and {len(results)} results instead of {COUNT}"
    differing = 0
    for one, ours in zip(cases, results):
        theirs = botocore_signs(one)
        # botocore leaves the query of a presigned address in an order of its own.
        if (sorted(ours.split("&")) if one["expires"] is not None else ours) != theirs:
            differing += 1
            print(f"{json.dumps(one)}\n  ours   {ours}\n  theirs {theirs}", file=sys.stderr)
    presigned = sum(one["expires"] is not None for one in cases)
    print(f"{COUNT - differing} of {COUNT} signatures are botocore's: {COUNT - presigned} of headers, {presigned} of addresses")
    return 1 if differing else 0


sys.exit(main())
