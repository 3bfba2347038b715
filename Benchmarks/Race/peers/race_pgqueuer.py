"""The race with PgQueuer: an entrypoint that enqueues itself for a second later until the result is there.

Settings that make it faster than its defaults: one batch of orders, batches of 100, a pool of 20 connections, uvloop, no
log of each job.
"""

import asyncio
import json
import logging
import time
from datetime import timedelta

import asyncpg
import uvloop
from pgqueuer import PgQueuer
from pgqueuer.db import AsyncpgPoolDriver
from pgqueuer.models import Job

from provider import LOOKS, WAIT_SECONDS, Provider
from report import arguments, ready, report, write

database, base, jobs, accepted_file, ended_file = arguments()


async def main() -> None:
    logging.disable(logging.INFO)
    provider = Provider(base)
    finished: dict[int, int] = {}
    all_finished = asyncio.Event()
    async with asyncpg.create_pool(database, min_size=20, max_size=20) as pool:
        race = PgQueuer(AsyncpgPoolDriver(pool))
        await race.qm.queries.install()

        @race.entrypoint("submit")
        async def submit(job: Job) -> None:
            number = json.loads(job.payload)["job"]
            prediction = await provider.submit(number)
            await look_later(number, prediction, 1)

        @race.entrypoint("look")
        async def look(job: Job) -> None:
            order = json.loads(job.payload)
            state = await provider.status(order["prediction"])
            if order["number"] < LOOKS:
                await look_later(order["job"], order["prediction"], order["number"] + 1)
                return
            await provider.finish(state)
            finished[job.id] = order["job"]
            if len(finished) == jobs:
                all_finished.set()

        async def look_later(job: int, prediction: str, number: int) -> None:
            payload = json.dumps({"job": job, "prediction": prediction, "number": number}).encode()
            await race.qm.queries.enqueue("look", payload, execute_after=timedelta(seconds=WAIT_SECONDS))

        ready()
        payloads: list[bytes | None] = [json.dumps({"job": job}).encode() for job in range(jobs)]
        await race.qm.queries.enqueue(["submit"] * jobs, payloads, [0] * jobs)
        now = time.time()
        accepted = {job: now for job in range(jobs)}
        worker = asyncio.create_task(race.run(batch_size=100))
        await all_finished.wait()
        ended: dict[int, float] = {}
        while len(ended) < jobs:
            await asyncio.sleep(0.2)
            rows = await pool.fetch(
                "SELECT job_id, extract(epoch FROM created) AS at FROM pgqueuer_log"
                " WHERE status = 'successful' AND job_id = ANY($1)",
                list(finished),
            )
            ended = {finished[row["job_id"]]: float(row["at"]) for row in rows}
        write(accepted_file, accepted)
        write(ended_file, ended)
        report()
        race.shutdown.set()
        await asyncio.gather(worker, return_exceptions=True)
    await provider.session.close()


uvloop.run(main())
