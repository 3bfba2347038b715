"""The race with DBOS: a workflow of steps and durable sleeps, all started at once.

Settings that make it faster than its defaults: a larger pool of connections, no log of each step.
"""

import asyncio
import time

import psycopg
from dbos import DBOS, DBOSConfig, SetWorkflowID

from provider import LOOKS, WAIT_SECONDS, Provider
from report import arguments, ready, report, write

database, base, jobs, accepted_file, ended_file = arguments()
provider: Provider | None = None


def the_provider() -> Provider:
    global provider
    if provider is None:
        provider = Provider(base)
    return provider


@DBOS.step()
async def submit(job: int) -> str:
    return await the_provider().submit(job)


@DBOS.step()
async def look(prediction: str) -> dict:
    return await the_provider().status(prediction)


@DBOS.step()
async def finish(prediction: dict) -> int:
    return await the_provider().finish(prediction)


@DBOS.workflow()
async def animate(job: int) -> int:
    prediction = await submit(job)
    state: dict = {}
    for _ in range(LOOKS):
        await DBOS.sleep_async(WAIT_SECONDS)
        state = await look(prediction)
    return await finish(state)


async def main() -> None:
    config: DBOSConfig = {
        "name": "race",
        "system_database_url": database,
        "sys_db_pool_size": 50,
        "log_level": "WARNING",
        "application_version": "1",
    }
    DBOS(config=config)
    DBOS.launch()
    ready()
    accepted: dict[int, float] = {}

    async def accept(job: int) -> None:
        with SetWorkflowID(f"job-{job}"):
            await DBOS.start_workflow_async(animate, job)
        accepted[job] = time.time()

    await asyncio.gather(*(accept(job) for job in range(jobs)))
    ended: dict[int, float] = {}
    async with await psycopg.AsyncConnection.connect(database, autocommit=True) as connection:
        while len(ended) < jobs:
            await asyncio.sleep(0.5)
            rows = await connection.execute(
                "SELECT count(*) FROM dbos.workflow_status WHERE status = 'SUCCESS' AND name LIKE '%animate'"
            )
            count = (await rows.fetchone())[0]
            if count < jobs:
                continue
            rows = await connection.execute(
                "SELECT workflow_uuid, updated_at FROM dbos.workflow_status WHERE name LIKE '%animate'"
            )
            ended = {int(name.removeprefix("job-")): at / 1_000 for name, at in await rows.fetchall()}
    write(accepted_file, accepted)
    write(ended_file, ended)
    report()
    await the_provider().session.close()
    DBOS.destroy()


asyncio.run(main())
