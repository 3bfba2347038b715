#!/usr/bin/env python3
"""Stands between the service and an S3 server, and gets in the way.

Usage: proxy.py SERVER_PORT SEED BUSY LOST

Prints the port it listens on. Requests are passed on byte for byte, Host included, since that is signed. Of all requests a
share BUSY (0 to 1) is answered 503 SlowDown and not passed on; of a share LOST the answer is cut off, or all of it, after
the server has done what was asked.

Its own paths: /-/counts tells what was done; /-/stall holds back every PUT until /-/go. Ends with its standard input.
"""
import asyncio
import collections
import json
import os
import random
import sys
import threading

SERVER_PORT, SEED, BUSY, LOST = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])
CHUNK = 1 << 16
SLOW_DOWN = b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>SlowDown</Code><Message>Reduce your rate</Message></Error>'
chance = random.Random(SEED)
counts = collections.Counter()
go = asyncio.Event()


async def head(reader):
    """The first line, the headers by lower-case name, and the bytes of it all; None at the end of a connection."""
    try:
        raw = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = raw[:-4].decode("latin-1").split("\r\n")
    pairs = (line.split(":", 1) for line in lines)
    return first, {name.strip().lower(): value.strip() for name, value in pairs}, raw


async def body(reader, headers):
    """The bytes of a body as they came, in pieces."""
    if headers.get("transfer-encoding", "").lower() == "chunked":
        while True:
            line = await reader.readuntil(b"\r\n")
            size = int(line.split(b";")[0], 16)
            yield line + await reader.readexactly(size + 2)
            if size == 0:
                return
    left = int(headers.get("content-length", 0))
    while left > 0:
        piece = await reader.read(min(CHUNK, left))
        if not piece:
            raise ConnectionError("a body was cut off")
        left -= len(piece)
        yield piece


def answer(status, text, close=False):
    kind = "application/json" if text.startswith(b"{") else "application/xml"
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(text)}", f"Content-Type: {kind}"]
    return "\r\n".join(lines + ["Connection: close"] * close).encode() + b"\r\n\r\n" + text


async def own(path, writer):
    if path == "/-/stall":
        go.clear()
    elif path == "/-/go":
        go.set()
    writer.write(answer("200 OK", json.dumps(counts).encode()))
    await writer.drain()


async def exchange(request, reader, writer, server):
    """Passes one request and its answer on; returns whether the connection may be used again."""
    first, headers, raw = request
    method, path = first.split(" ")[:2]
    if path.startswith("/-/"):
        await own(path, writer)
        return True
    counts["requests"] += 1
    if chance.random() < BUSY:
        counts["busy"] += 1
        # A real server often says so before it has read the body.
        early = chance.random() < 0.5 and method in ("PUT", "POST")
        if not early:
            async for _ in body(reader, headers):
                pass
        writer.write(answer("503 Slow Down", b"" if method == "HEAD" else SLOW_DOWN, close=early))
        await writer.drain()
        return not early
    upstream, downstream = server
    downstream.write(raw)
    if method == "PUT" and not go.is_set():
        counts["stalled"] += 1
        await go.wait()
    async for piece in body(reader, headers):
        downstream.write(piece)
        await downstream.drain()
    lost = chance.random() < LOST
    while True:
        reply = await head(upstream)
        if reply is None:
            return False
        status = int(reply[0].split(" ")[1])
        if status >= 200:
            break
        writer.write(reply[2])
        await writer.drain()
    cut = lost and chance.random() < 0.5
    if not lost or cut:
        writer.write(reply[2])
    passed = 0
    if method != "HEAD" and status not in (204, 304):
        async for piece in body(upstream, reply[1]):
            if cut:
                piece, cut = piece[: len(piece) // 2], False
                writer.write(piece)
            elif not lost:
                writer.write(piece)
            passed += len(piece)
            await writer.drain()
    if lost:
        counts["lost"] += 1
        return False
    await writer.drain()
    return "close" not in (headers.get("connection", "").lower(), reply[1].get("connection", "").lower())


async def serve(reader, writer):
    server = None
    try:
        while request := await head(reader):
            if server is None and not request[0].split(" ")[1].startswith("/-/"):
                server = await asyncio.open_connection("127.0.0.1", SERVER_PORT, limit=CHUNK)
            if not await exchange(request, reader, writer, server):
                break
    except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        counts["broken"] += 1
    finally:
        for end in [writer] + ([server[1]] if server else []):
            end.close()


def end_with_input():
    sys.stdin.buffer.read()
    os._exit(0)


async def main():
    go.set()
    threading.Thread(target=end_with_input, daemon=True).start()
    listener = await asyncio.start_server(serve, "127.0.0.1", 0, limit=CHUNK)
    print(listener.sockets[0].getsockname()[1], flush=True)
    await listener.serve_forever()


asyncio.run(main())
