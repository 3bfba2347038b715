"""Puts or deletes objects with boto3 as it comes; prints one line of JSON.

Usage: boto3_load.py put|delete ENDPOINT BUCKET PREFIX [FOLDER]; keys from the environment.
"""

import concurrent.futures
import json
import pathlib
import sys
import time

import boto3
import botocore.config

AT_ONCE = 10


def main() -> None:
    action, endpoint, bucket, prefix = sys.argv[1:5]
    config = botocore.config.Config(s3={"addressing_style": "path"}, max_pool_connections=AT_ONCE)
    client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", config=config)
    if action == "put":
        files = sorted(pathlib.Path(sys.argv[5]).iterdir())
        start = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            puts = [pool.submit(client.upload_file, str(file), bucket, f"{prefix}/{file.name}") for file in files]
            for put in puts:
                put.result()
        count = len(files)
    else:
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix}/")
        keys = [{"Key": item["Key"]} for page in pages for item in page.get("Contents", [])]
        start = time.monotonic()
        for first in range(0, len(keys), 1_000):
            answer = client.delete_objects(
                Bucket=bucket, Delete={"Objects": keys[first : first + 1_000], "Quiet": True}
            )
            assert not answer.get("Errors"), answer["Errors"]
        count = len(keys)
    print(json.dumps({"count": count, "seconds": time.monotonic() - start}))


main()
