"""A socket between the application and PostgreSQL that breaks when COMMIT comes by."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final, Literal

from sqlalchemy import make_url

Break = Literal["before", "after", "silence"]
SOCKET: Final = ".s.PGSQL.5432"
COMMIT: Final = b"COMMIT;"


class Line:
    """Passes everything on, until it is told how the next COMMIT fares.

    `before`: PostgreSQL never gets it. `after`: it commits, and its answer is lost. `silence`: the
    connection stays, and nothing passes any more.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        self.next_commit: Break | None = None
        self.broken = 0
        self.talks: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection of the application."""
        task = asyncio.current_task()
        assert task is not None
        self.talks.add(task)
        there, thence = await asyncio.open_unix_connection(str(self.target))
        back = asyncio.create_task(pass_on(there, writer))
        try:
            while data := await reader.read(65536):
                if COMMIT in data and self.next_commit is not None:
                    await self.break_off(data, there, thence, back)
                    break
                thence.write(data)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            back.cancel()
            writer.close()
            thence.close()

    async def break_off(
        self,
        data: bytes,
        there: asyncio.StreamReader,
        thence: asyncio.StreamWriter,
        back: asyncio.Task[None],
    ) -> None:
        """What becomes of one COMMIT."""
        how, self.next_commit = self.next_commit, None
        self.broken += 1
        back.cancel()
        with suppress(asyncio.CancelledError):
            await back
        if how == "after":
            thence.write(data)
            assert await there.read(65536)
        if how == "silence":
            await asyncio.Event().wait()


async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Everything from one side to the other, and its end."""
    with suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
    writer.close()


@asynccontextmanager
async def open_line(url: str) -> AsyncIterator[tuple[Line, str]]:
    """A line to the database of `url`, and the URL that leads through it."""
    parsed = make_url(url)
    host = parsed.query["host"]
    assert isinstance(host, str)
    with tempfile.TemporaryDirectory(prefix="vitalkeep-line-") as folder:
        line = Line(Path(host) / SOCKET)
        server = await asyncio.start_unix_server(line.serve, str(Path(folder) / SOCKET))
        through = parsed.update_query_dict({"host": folder})
        try:
            yield line, through.render_as_string(hide_password=False)
        finally:
            server.close()
            for talk in line.talks:
                talk.cancel()
            await asyncio.gather(*line.talks, return_exceptions=True)
            await server.wait_closed()
