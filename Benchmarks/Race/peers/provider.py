"""The peers' client of the stub: one order, looks at it, its result."""

import asyncio

import aiohttp

LOOKS = 8
WAIT_SECONDS = 1.0


class Provider:
    def __init__(self, base: str) -> None:
        self.base = base
        # No limit of connections: none of the peers shall wait for one.
        self.session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), headers={"authorization": "Bearer race"}
        )

    async def submit(self, job: int) -> str:
        body = {
            "input": {
                "first_frame_image": f"https://photos.example/photo.jpg?attempt={job}",
                "prompt": "The sea is calm.",
                "prompt_optimizer": False,
            }
        }
        async with self.session.post(f"{self.base}/v1/models/race/stub/predictions", json=body) as answer:
            answer.raise_for_status()
            return (await answer.json())["id"]

    async def status(self, prediction: str) -> dict:
        async with self.session.get(f"{self.base}/v1/predictions/{prediction}") as answer:
            answer.raise_for_status()
            return await answer.json()

    async def fetch(self, url: str) -> int:
        async with self.session.get(url) as answer:
            answer.raise_for_status()
            return len(await answer.read())

    async def finish(self, prediction: dict) -> int:
        """Fetches the result; looks again where a clock was a little early."""
        while prediction["status"] != "succeeded":
            await asyncio.sleep(0.01)
            prediction = await self.status(prediction["id"])
        return await self.fetch(prediction["output"])
