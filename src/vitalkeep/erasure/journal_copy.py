"""The journal of erasures outside the database, for a database that was restored from before them.

The worker keeps `erasures.json` in the keyring; `vitalkeep erasures list --export FILE` writes a
file of the same form. Ids of persons stand in it sealed under the deployment's system key.
"""

import os
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Final, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, ValidationError
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from vitalkeep.base import clock
from vitalkeep.base.db import transaction
from vitalkeep.base.keyfiles import (
    KeyringError,
    make_durable,
    read_private,
    sync_directory,
    unfinished_file,
)
from vitalkeep.erasure.certificate import Route
from vitalkeep.erasure.models import Erasure

NAME: Final = "erasures.json"
FORMAT: Final = "vitalkeep-erasures/1"
STAGES: Final = ("erasing", "erased", "shredded")


class Entry(BaseModel):
    """An erasure, as its row has it."""

    model_config = ConfigDict(
        extra="forbid", from_attributes=True, ser_json_bytes="base64", val_json_bytes="base64"
    )

    erasure_id: UUID
    stage: Literal["erasing", "erased", "shredded"]
    route: Route | None = None
    requested_at: datetime
    disconnected_at: datetime | None = None
    upstream: str | None = None
    erased_at: datetime | None = None
    certificate: str | None = None
    outcomes: str | None = None
    settled_at: datetime | None = None
    epoch: int | None = None
    shredded_at: datetime | None = None
    shredded_certificate: str | None = None
    sealed_person: bytes | None = None
    kept_until: datetime | None = None
    replayed_at: datetime | None = None

    @property
    def rank(self) -> int:
        """How far it has come."""
        return STAGES.index(self.stage)

    def is_kept(self) -> bool:
        """Whether a backup may still hold the person."""
        alive = self.kept_until is None or self.kept_until > clock.now()
        return self.sealed_person is not None and alive


class Journal(BaseModel):
    """A file of erasures."""

    model_config = ConfigDict(extra="forbid")

    format: Literal["vitalkeep-erasures/1"] = FORMAT
    erasures: list[Entry]


async def list_entries(connection: AsyncConnection) -> list[Entry]:
    """Every erasure in the database, oldest first."""
    query = select(Erasure.__table__).order_by(Erasure.requested_at, Erasure.erasure_id)
    return [Entry.model_validate(row) for row in (await connection.execute(query)).all()]


def read_journal(path: Path) -> list[Entry]:
    """The erasures in a file. Raises KeyringError if it is none, or others may read it."""
    try:
        return Journal.model_validate_json(read_private(path)).erasures
    except ValidationError:
        raise KeyringError(f"{path} does not hold a journal of erasures") from None


def write_journal(path: Path, entries: Iterable[Entry]) -> None:
    """Writes a file (0600) in place of a former one, durable on return. Raises OSError."""
    with unfinished_file(path) as (file, unfinished):
        file.write(Journal(erasures=list(entries)).model_dump_json(exclude_none=True).encode())
        make_durable(file)
        os.replace(unfinished, path)
    sync_directory(path.parent)


async def keep_copy(engine: AsyncEngine, directory: Path) -> int:
    """Brings the keyring's copy up to date, for the worker; of how many erasures, 0 if it was.

    What the copy has and the database has not stays: the database may have been restored, and not
    been replayed yet. Who is in no backup any more goes. Raises KeyringError, OSError.
    """
    path = directory / NAME
    before = read_journal(path) if path.exists() else []
    async with transaction(engine) as connection:
        present = await list_entries(connection)
    after = [each for each in further(before, present) if each.is_kept()]
    if after == before:
        return 0
    write_journal(path, after)
    return len(after)


def further(*journals: Iterable[Entry]) -> list[Entry]:
    """Each erasure of the journals as the one has it in which it has come furthest; the last of
    equals. In the order in which they were requested.
    """
    found: dict[UUID, Entry] = {}
    for journal in journals:
        for entry in journal:
            known = found.get(entry.erasure_id)
            if known is None or entry.rank >= known.rank:
                found[entry.erasure_id] = entry
    return sorted(found.values(), key=lambda each: (each.requested_at, each.erasure_id))
