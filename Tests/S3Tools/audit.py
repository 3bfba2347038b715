#!/usr/bin/env python3
"""Looks at a bucket from outside, with signatures of its own making.

Usage: audit.py objects ENDPOINT BUCKET PREFIX
                             every object below a prefix with size and SHA-256, and the uploads that were not completed
       audit.py fetch FILE   downloads the URLs of a file's lines; tells size and SHA-256 of each

Keys come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. Prints one JSON object.
"""
import concurrent.futures
import datetime
import hashlib
import hmac
import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import xml.etree.ElementTree as tree

REGION = os.environ.get("AWS_REGION", "us-east-1")


def signed(endpoint, path, query):
    """A signed GET, after the AWS General Reference, Signature Version 4."""
    quoted = urllib.parse.quote(path, safe="/-_.~")
    pairs = sorted(f"{urllib.parse.quote(k, safe='-_.~')}={urllib.parse.quote(v, safe='-_.~')}" for k, v in query.items())
    text = "&".join(pairs)
    host = urllib.parse.urlsplit(endpoint).netloc
    stamp = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    empty = hashlib.sha256(b"").hexdigest()
    headers = {"host": host, "x-amz-content-sha256": empty, "x-amz-date": stamp}
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    canonical = "\n".join(["GET", quoted, text, lines, names, empty])
    scope = f"{stamp[:8]}/{REGION}/s3/aws4_request"
    to_sign = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + os.environ["AWS_SECRET_ACCESS_KEY"]).encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
    credential = f"{os.environ['AWS_ACCESS_KEY_ID']}/{scope}"
    headers["authorization"] = f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}"
    return urllib.request.Request(f"{endpoint}{quoted}" + (f"?{text}" if text else ""), headers=headers)


def read(request):
    """The bytes of an answer; a busy server and a cut connection are asked again."""
    for number in range(30):
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            if error.code != 503:
                raise
        except OSError:
            pass
        except Exception as error:
            # A body that is shorter than it was said to be.
            if type(error).__name__ != "IncompleteRead":
                raise
        time.sleep(0.02 * number)
    raise SystemExit("the server stayed busy")


def facts(content):
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def listed(endpoint, bucket, query, item, mark):
    """All items of a list, page by page; `mark` maps the query's names to those of the answer."""
    while True:
        root = tree.fromstring(read(signed(endpoint, f"/{bucket}", query)))
        for part in root.iter():
            part.tag = part.tag.split("}")[-1]
        yield from (entry.findtext("Key") for entry in root.findall(item))
        if root.findtext("IsTruncated") != "true":
            return
        query = query | {name: root.findtext(source) for name, source in mark.items()}


def objects(endpoint, bucket, prefix):
    marks = {"continuation-token": "NextContinuationToken"}
    keys = listed(endpoint, bucket, {"list-type": "2", "prefix": prefix}, "Contents", marks)
    marks = {"key-marker": "NextKeyMarker", "upload-id-marker": "NextUploadIdMarker"}
    uploads = listed(endpoint, bucket, {"uploads": "", "prefix": prefix}, "Upload", marks)

    def look(key):
        return key.removeprefix(prefix), facts(read(signed(endpoint, f"/{bucket}/{key}", {})))

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        return {"objects": dict(pool.map(look, keys)), "uploads": [key.removeprefix(prefix) for key in uploads]}


def fetch(url):
    try:
        return facts(read(urllib.request.Request(url)))
    except urllib.error.HTTPError as error:
        return {"status": error.code}


if sys.argv[1] == "objects":
    print(json.dumps(objects(*sys.argv[2:5])))
else:
    with open(sys.argv[2]) as file:
        urls = file.read().split()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        print(json.dumps(dict(zip(urls, pool.map(fetch, urls)))))
