"""Reading an export slowly, or over a real connection."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI

from tests.cli.serving import free_port
from tests.make import Caller, Make

EXPORT = "/v1/me/export"
PLAIN = {"accept-encoding": "identity"}
Json = dict[str, Any]


class Reader:
    """Reads an answer part by part: the application waits in `send` until it is told to go on."""

    def __init__(self, app: FastAPI, person: Caller) -> None:
        headers = {"authorization": f"Bearer {person.token}", "host": "a", **PLAIN}
        scope = {
            "type": "http",
            "method": "GET",
            "path": EXPORT,
            "query_string": b"",
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }
        self.parts: asyncio.Queue[Json | None] = asyncio.Queue()
        self.going = asyncio.Semaphore(0)
        self.running = asyncio.create_task(app(scope, self.receive, self.send))
        self.running.add_done_callback(lambda _: self.parts.put_nowait(None))

    async def send(self, message: Any) -> None:
        self.parts.put_nowait(message)
        await self.going.acquire()

    async def receive(self) -> Json:
        await asyncio.Event().wait()
        return {}

    async def next(self) -> Json | None:
        """The next message that is sent, None when the application has returned."""
        self.going.release()
        return await asyncio.wait_for(self.parts.get(), 20)


@asynccontextmanager
async def slow_reader(make: Make, person: Caller) -> AsyncIterator[tuple[Reader, bytes]]:
    """A reader that has the first part of an export and leaves the application waiting."""
    reader = Reader(make.fastapi, person)
    start = await asyncio.wait_for(reader.parts.get(), 20)
    assert start is not None
    assert start["status"] == 200
    first = await reader.next()
    assert first is not None
    yield reader, first["body"]
    while not reader.running.done():
        await reader.next()


async def the_rest(reader: Reader) -> tuple[bytes, bool]:
    """What comes after the first part, and whether the answer was ended in order."""
    text, complete = b"", False
    while message := await reader.next():
        text += message["body"]
        complete = not message["more_body"]
    return text, complete


@asynccontextmanager
async def over_http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client that comes through a real server."""
    port = free_port()
    config = uvicorn.Config(app, port=port, lifespan="off", log_level="critical")
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - it has no event to wait for
        await asyncio.sleep(0.01)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        yield client
    server.should_exit = True
    await running


async def read_all(client: httpx.AsyncClient, headers: dict[str, str]) -> tuple[int, bytes, str]:
    """Status and body of the export, and how the connection broke if it did."""
    text = b""
    async with client.stream("GET", EXPORT, headers=headers) as answer:
        try:
            async for part in answer.aiter_bytes():
                text += part
        except httpx.RemoteProtocolError as cut:
            return answer.status_code, text, str(cut)
    return answer.status_code, text, ""
