"""The race with Procrastinate: a task that defers itself for a second later until the result is there.

Settings that make it faster than its defaults: one batch of deferrals, concurrency 100, a look for scheduled jobs every
50 ms, 20 connections, uvloop, no log of each job.
"""

import asyncio
import logging
import time

import procrastinate
import uvloop

from provider import LOOKS, WAIT_SECONDS, Provider
from report import arguments, ready, report, write

database, base, jobs, accepted_file, ended_file = arguments()
app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=database, min_size=20, max_size=20))
provider: Provider
finished = 0
all_finished: asyncio.Event


@app.task(queue="race")
async def submit(job: int) -> None:
    prediction = await provider.submit(job)
    await look.configure(schedule_in={"seconds": WAIT_SECONDS}).defer_async(job=job, prediction=prediction, number=1)


@app.task(queue="race")
async def look(job: int, prediction: str, number: int) -> None:
    state = await provider.status(prediction)
    if number < LOOKS:
        await look.configure(schedule_in={"seconds": WAIT_SECONDS}).defer_async(
            job=job, prediction=prediction, number=number + 1
        )
        return
    await provider.finish(state)
    global finished
    finished += 1
    if finished == jobs:
        all_finished.set()


async def main() -> None:
    global provider, all_finished
    logging.disable(logging.INFO)
    provider = Provider(base)
    all_finished = asyncio.Event()
    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        ready()
        await submit.batch_defer_async(*({"job": job} for job in range(jobs)))
        now = time.time()
        accepted = {job: now for job in range(jobs)}
        worker = asyncio.create_task(
            app.run_worker_async(
                queues=["race"],
                concurrency=100,
                fetch_job_polling_interval=0.05,
                install_signal_handlers=False,
            )
        )
        await all_finished.wait()
        ended: dict[int, float] = {}
        while len(ended) < jobs:
            await asyncio.sleep(0.2)
            rows = await app.connector.execute_query_all_async(
                """
                SELECT CAST(j.args->>'job' AS integer) AS job, extract(epoch FROM e.at) AS at
                FROM procrastinate_jobs j JOIN procrastinate_events e ON e.job_id = j.id
                WHERE e.type = 'succeeded' AND CAST(j.args->>'number' AS integer) = %(looks)s
                """,
                looks=LOOKS,
            )
            ended = {row["job"]: float(row["at"]) for row in rows}
        write(accepted_file, accepted)
        write(ended_file, ended)
        report()
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)
    await provider.session.close()


uvloop.run(main())
