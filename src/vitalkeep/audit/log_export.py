"""The access log as a file: NDJSON or CSV, streamed whole, newest first.

No database connection is held between two pages. A file that broke off is cut in the middle of its
transfer, so that nobody takes it for whole.
"""

import csv
import io
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from contextlib import aclosing
from typing import Final, Literal, TypeAlias

import orjson
from starlette.responses import StreamingResponse
from starlette.types import Send

from vitalkeep.base import clock
from vitalkeep.base.logs import fault, get_log
from vitalkeep.base.paging import Place

Format: TypeAlias = Literal["json", "csv", "ndjson"]
MEDIA_TYPES: Final = {"csv": "text/csv; charset=utf-8", "ndjson": "application/x-ndjson"}
COLUMNS: Final = (
    "at", "organization_id", "organization_name", "role", "data", "type", "purpose", "outcome",
    "reason", "count", "from", "to", "case_id", "consent_id", "relative_id",
)  # fmt: skip
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula. Source: OWASP, CSV Injection."""

Entry: TypeAlias = dict[str, object]
ReadPage: TypeAlias = Callable[[Place | None], Awaitable[tuple[list[Entry], Place | None]]]
"""A page behind a position, and where the next one starts."""


class LogStream(StreamingResponse):
    """Sends the log; when reading fails the connection is cut, since the status has been sent."""

    def __init__(self, read_page: ReadPage, form: str) -> None:
        self.parts = to_file(read_page, form)
        name = f"vitalkeep-access-log-{clock.now():%Y-%m-%d}.{form}"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        super().__init__(self.parts, headers=headers, media_type=MEDIA_TYPES[form])

    async def stream_response(self, send: Send) -> None:
        """Sends the parts. Returning without the last message makes the server cut off."""
        try:
            async with aclosing(self.parts):
                await super().stream_response(send)
        except Exception as error:  # told by the cut
            get_log().warning("export_cut", **fault(error))


async def to_file(read_page: ReadPage, form: str) -> AsyncGenerator[bytes]:
    """The file, page by page."""
    if form == "csv":
        yield to_csv([COLUMNS])
    after: Place | None = None
    while True:
        entries, after = await read_page(after)
        if form == "csv":
            yield to_csv(map(to_row, entries))
        else:
            yield b"".join(to_line(entry) + b"\n" for entry in entries)
        if after is None:
            return


def to_line(entry: Entry) -> bytes:
    """The entry as a JSON object, its times as they are told everywhere."""
    return orjson.dumps(entry, default=str, option=orjson.OPT_UTC_Z)  # the driver's ids


def to_row(entry: Entry) -> list[str]:
    """The entry's cells; what it lacks is empty, and nothing is a formula."""
    told = orjson.loads(to_line(entry))
    told |= {f"organization_{name}": value for name, value in told.get("organization", {}).items()}
    told["relative_id"] = told.get("relative", {}).get("id", "")
    cells = (str(told.get(name, "")) for name in COLUMNS)
    return [f"'{cell}" if cell.startswith(FORMULA) else cell for cell in cells]


def to_csv(rows: Iterable[Sequence[str]]) -> bytes:
    """The rows as RFC 4180 has them."""
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()
