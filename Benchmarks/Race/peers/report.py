"""What a peer says at its end."""

import json
import resource
import sys


def ready() -> None:
    print("ready", flush=True)


def write(path: str, times: dict[int, float]) -> None:
    with open(path, "w", encoding="utf-8") as file:
        for job, time in times.items():
            file.write(f"{job} {time}\n")


def report() -> None:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    print(
        json.dumps({"cpu_seconds": usage.ru_utime + usage.ru_stime, "peak_mib": usage.ru_maxrss / 1024}), flush=True
    )


def arguments() -> tuple[str, str, int, str, str]:
    """Database URL, provider URL, jobs, the file of the times of acceptance, the file of the ends."""
    database, provider, jobs, accepted, ended = sys.argv[1:]
    return database, provider, int(jobs), accepted, ended
