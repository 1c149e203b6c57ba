"""The route of a person's own export."""

import re
import zlib
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from vitalkeep.base.db import Connection
from vitalkeep.base.errors import Forbidden, InvalidRequest, Unauthenticated, problems
from vitalkeep.base.logs import fault, get_log
from vitalkeep.disclosure import export
from vitalkeep.disclosure.forms import CSV, FHIR, FORMS, NDJSON
from vitalkeep.persons.access import Bearer, SignedInPerson, require_claims
from vitalkeep.records.changes import changes_cursor

router = APIRouter(tags=["records"])

GZIP: Final = re.compile(r"\bgzip\b\s*(?:;\s*q=(?P<q>[0-9.]+))?", re.IGNORECASE)
COMPRESSION_LEVEL: Final = 5
ANSWER: Final[dict[int | str, dict[str, object]]] = {
    200: {
        "description": "`ndjson`: one `HealthRecord` a line, in the order of starts, and in the "
        'end `{"end": true, "records": …, "exported_at": …, "changes_cursor": …}`. '
        "`open-mhealth`: one data point a line, and the same end; `left_out` counts records that "
        "it has no schema for. `csv`: one row a value, and in the end a row of the type `end`. "
        "`fhir`: one Bundle of Observations. Without its end an export was cut off.",
        "content": {
            NDJSON.media_type: {"schema": {"type": "string"}},
            FHIR.media_type: {"schema": {"$ref": "#/components/schemas/Bundle"}},
            CSV.media_type.partition(";")[0]: {"schema": {"type": "string"}},
        },
    }
}


class ExportQuery(BaseModel):
    """Which form the export has."""

    model_config = ConfigDict(extra="forbid")

    format: str = Field(default="ndjson", json_schema_extra={"enum": list(FORMS)})


class ExportStream(StreamingResponse):
    """Sends an export; when it fails the connection is cut, so that nobody takes it for whole."""

    def __init__(
        self, engine: AsyncEngine, begun: export.Export, *, cursor: str, gzip: bool
    ) -> None:
        self.begun = begun
        self.parts = to_bytes(export.stream(engine, begun, cursor=cursor), gzip=gzip)
        name = f"vitalkeep-export-{begun.snapshot.at:%Y-%m-%d}.{begun.form.suffix}"
        headers = {
            "Content-Disposition": f'attachment; filename="{name}"',
            "Vary": "Accept-Encoding",
        }
        if gzip:
            headers["Content-Encoding"] = "gzip"
        super().__init__(self.parts, headers=headers, media_type=begun.form.media_type)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI application, called once."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self.begun.snapshot.close()

    async def stream_response(self, send: Send) -> None:
        """Sends the parts. Returning without the last message makes the server cut off."""
        try:
            async with aclosing(self.parts):
                await super().stream_response(send)
        except Exception as error:  # told by the cut; the status has long been sent
            get_log().warning("export_cut", **fault(error))


@router.get(
    "/v1/me/export",
    response_class=Response,
    responses={**ANSWER, **problems(Unauthenticated, Forbidden, InvalidRequest)},
)
async def export_records(
    request: Request,
    credentials: Bearer,
    person: SignedInPerson,
    connection: Connection,
    wanted: Annotated[ExportQuery, Query()],
) -> Response:
    """All of the person's records, streamed; those pushed or deleted meanwhile may be in it or not.

    `changes_cursor` of the last line is where `GET /v1/me/changes` goes on behind the export. Sent
    gzipped to who asks for it with `Accept-Encoding`.
    """
    if wanted.format not in FORMS:
        raise InvalidRequest(
            f"format has to be one of: {', '.join(FORMS)}.",
            errors=[{"pointer": "/format", "code": "invalid"}],
        )
    epoch = require_claims(request, credentials, "person").epoch
    owner = export.Owner(person.person_id, person.key, epoch)
    begun = await export.begin(connection, owner, FORMS[wanted.format])
    return ExportStream(
        request.app.state.engine,
        begun,
        cursor=changes_cursor(request.app.state.keyring, person.person_id, begun.snapshot.feed),
        gzip=accepts_gzip(request.headers.get("accept-encoding", "")),
    )


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether the header names gzip with a weight above zero (RFC 9110 section 12.5.3)."""
    named = GZIP.search(accept_encoding)
    return named is not None and (named["q"] is None or named["q"].strip("0.") != "")


async def to_bytes(lines: AsyncIterator[export.Lines], *, gzip: bool) -> AsyncGenerator[bytes]:
    """The lines as sent; gzipped ones can be read up to the end of each part as it comes."""
    squeeze = zlib.compressobj(COMPRESSION_LEVEL, wbits=31)
    async for each in lines:
        if gzip:
            yield squeeze.compress(each.text) + squeeze.flush(zlib.Z_SYNC_FLUSH)
        elif each.text:
            yield each.text
    if gzip:
        yield squeeze.flush()
