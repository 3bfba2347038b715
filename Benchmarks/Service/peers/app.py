"""The two routes as one would write them with FastAPI and SQLAlchemy, on the tables of Zoetrope.

Sessions and the threads of FastAPI's pool, as its documentation has it for SQL databases. uvicorn starts it; the
environment names the SQLite file (BENCH_DATABASE) and the job of which animations are created (BENCH_JOB).
"""

import json
import os
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException
from pydantic import BaseModel
from sqlalchemy import MetaData, create_engine, event, insert, select, text
from sqlalchemy.orm import Session, sessionmaker

# In steps with FastAPI's threads, of which there are 40.
engine = create_engine(f"sqlite:///{os.environ['BENCH_DATABASE']}", pool_size=40, max_overflow=0)


@event.listens_for(engine, "connect")
def set_up(connection, _) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA busy_timeout = 30000")


metadata = MetaData()
metadata.reflect(engine, only=["jobs", "animation_attempts", "animation_runs"])
jobs, attempts, runs = (metadata.tables[name] for name in ("jobs", "animation_attempts", "animation_runs"))
make_session = sessionmaker(engine)

# The statement with which the service reads an animation.
RECORD = text("""
    SELECT a.*, j.user_id AS user_id, j.kind AS kind, r.state AS run_state, r.outcome AS run_outcome,
        r.version AS run_version, r.part AS run_part, r.part_count AS run_part_count,
        r.provider_done_at AS provider_done_at, r.playable_at AS playable_at,
        coalesce((SELECT sum(cost) FROM paid_intents i WHERE i.animation_id = a.id), 0) AS run_cost,
        (SELECT i.sent_at FROM paid_intents i WHERE i.animation_id = a.id
            AND i.state IN ('intended', 'sent', 'unknown', 'bound')) AS sent_at
    FROM animation_attempts a JOIN jobs j ON j.id = a.job_id AND j.deleted_at IS NULL
        LEFT JOIN animation_runs r ON r.id = a.id
    WHERE a.id = :id
""")


class Status(BaseModel):
    id: str
    job_id: str
    status: str


def session() -> Iterator[Session]:
    with make_session() as session:
        yield session


Database = Annotated[Session, Depends(session)]
app = FastAPI()


@app.get("/status/{id}")
def status(id: str, database: Database) -> Status:
    record = database.execute(RECORD, {"id": id}).one_or_none()
    if record is None:
        raise HTTPException(404, "There is no such animation")
    key = record.preview_s3_key
    status = "pending" if key in ("", "pending") else "failed" if key == "failed" else "ready"
    return Status(id=record.id, job_id=record.job_id, status=status)


@app.post("/create", status_code=202)
def create(database: Database) -> Status:
    job = database.execute(select(jobs).where(jobs.c.id == os.environ["BENCH_JOB"], jobs.c.deleted_at == None)).one()
    id = str(uuid.uuid4())
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    params = {"duration": 5, "prompt": None, "provider": "local", "resolution": "720p"}
    database.execute(
        insert(attempts).values(
            id=id, job_id=job.id, preview_s3_key="", model="local", params=json.dumps(params), created_at=now
        )
    )
    model = {
        "alias": "local",
        "durations": [5, 6],
        "paid_durations": [10],
        "price_usd": 0.0,
        "prompt_style": "composed",
        "provider": "local",
        "requires_prompt": False,
        "resolutions": ["480p", "720p", "1080p"],
    }
    request = {
        "audio": False,
        "camera": "mild-pan",
        "model": model,
        "motion": "walk-forward",
        "resolution": "720p",
        "seconds": 5,
    }
    source = {
        "byte_count": job.source_byte_count,
        "content_type": job.source_content_type,
        "height": job.source_height,
        "key": job.source_s3_key,
        "orientation": job.source_orientation,
        "sha256": job.source_sha256,
        "width": job.source_width,
    }
    database.execute(
        insert(runs).values(
            id=id,
            job_id=job.id,
            request=json.dumps(request),
            source=json.dumps(source),
            on_failure=job.on_failure,
            created_at=now,
            state="queued",
            part=0,
            regenerations=0,
            tries=0,
            polls=0,
            wake_at=now,
            version=0,
            lease_epoch=0,
            rung=0,
            parts="[]",
            user_id=job.user_id,
            part_count=1,
            seconds=5,
            price=0,
        )
    )
    database.commit()
    return Status(id=id, job_id=job.id, status="pending")
