"""Taking records in from an input, a batch a transaction, and remembering how far it came."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import orjson
from sqlalchemy.ext.asyncio import AsyncEngine

from vitalkeep.cli.inputs import (
    LONGEST,
    Entry,
    InputBroken,
    Source,
    is_document,
    read_documents,
    read_lines,
)
from vitalkeep.cli.output import errors
from vitalkeep.cli.resuming import Import, Reject, read_state, write_state
from vitalkeep.datatypes.wire import MAX_BATCH
from vitalkeep.persons.access import PersonCaller
from vitalkeep.records.loading import OWN, load
from vitalkeep.records.verdicts import Verdict

Advance = Callable[[float, float | None, int], None]

TOO_LONG: Final[Verdict] = {
    "status": "rejected",
    "code": "invalid",
    "pointer": "",
    "detail": "is longer than 8 MiB",
}


class NotTheInput(Exception):
    """The kept state is of other bytes than this input's."""


@dataclass
class Taking:
    """What is taken in: the input's name, its dialect, and where state and rejects are kept."""

    name: str
    dialect: str
    state: Path | None
    rejects: Path | None

    def begin_anew(self) -> None:
        """Forgets a state that is of another input."""
        if self.state is not None:
            self.state.unlink(missing_ok=True)


async def take_in(
    engine: AsyncEngine, caller: PersonCaller, taking: Taking, source: Source, advance: Advance
) -> tuple[Import, int]:
    """Takes in all that is left; the import at its end, and behind which line it went on.

    Raises InputBroken, with everything before stored; NotTheInput, with nothing done.
    """
    done = find_place(caller, taking, source)
    resumed_at, records_before = done.line, done.records
    read = read_documents if done.documents else read_lines
    end: dict[str, object] | None = None
    is_export = False
    with opened_rejects(taking.rejects, done.rejects_bytes) as rejects:
        for batch in batches(read(source, done.line)):
            records, found = without_end(batch, taking.dialect)
            end = end or found
            is_export = is_export or any(b'"modified_at":' in (each.text or b"") for each in batch)
            verdicts = await store(engine, caller, taking.dialect, records)
            refused = done.add([each.number for each in records], verdicts)
            done.rejects_bytes = write_rejects(rejects, refused)
            done.offset, done.sha256 = source.mark[0], source.mark[1].hexdigest()
            done.line = batch[-1].number
            remember(taking.state, done)
            advance(*source.progress(), done.records - records_before)
    if taking.state is not None:
        taking.state.unlink(missing_ok=True)
    if taking.dialect == OWN and (is_export or end):
        warn_of_cut(end, done.records)
    return done, resumed_at


def find_place(caller: PersonCaller, taking: Taking, source: Source) -> Import:
    """Where to begin: behind what was kept, else at the beginning. Raises NotTheInput."""
    new = Import(person_id=caller.person_id, client_id=caller.client_id, dialect=taking.dialect)
    kept = read_state(taking.state)
    if kept is None or not kept.is_of(new):
        new.documents = is_document(source)
        return new
    if not kept.reach(source):
        raise NotTheInput
    return kept


def batches(entries: Iterator[Entry]) -> Iterator[list[Entry]]:
    """The entries, up to 1,000 and some 8 MiB at a time; those before a break, then the break."""
    batch: list[Entry] = []
    size = 0
    try:
        for entry in entries:
            batch.append(entry)
            size += len(entry.text or b"")
            if len(batch) == MAX_BATCH or size > LONGEST:
                yield batch
                batch, size = [], 0
    except InputBroken:
        if batch:
            yield batch
        raise
    if batch:
        yield batch


async def store(
    engine: AsyncEngine, caller: PersonCaller, dialect: str, entries: list[Entry]
) -> list[Verdict]:
    """A verdict for each entry; those that are too long never come near the database."""
    texts = [each.text for each in entries if each.text is not None]
    verdicts = iter(await load(engine, caller, dialect, texts) if texts else [])
    return [TOO_LONG if each.text is None else next(verdicts) for each in entries]


def without_end(batch: list[Entry], dialect: str) -> tuple[list[Entry], dict[str, object] | None]:
    """The entries that are records, and the last line of an export of ours if it is among them."""
    end: dict[str, object] | None = None
    records: list[Entry] = []
    for entry in batch:
        text = (entry.text or b"").strip()
        if dialect == OWN and text.startswith(b'{"end":true,') and text.endswith(b"}"):
            end = orjson.loads(text)
        else:
            records.append(entry)
    return records, end


def warn_of_cut(end: dict[str, object] | None, records: int) -> None:
    """Says that an export was cut off, if it seems so."""
    if end is None or end["records"] != records:
        errors.print(
            "the file lacks the last line of a whole export: records may be missing in it"
            if end is None
            else f"the export's last line tells of {end['records']} records, and {records} came"
        )


@contextmanager
def opened_rejects(path: Path | None, kept: int) -> Iterator[BinaryIO | None]:
    """The file of rejects behind what was written before the last committed batch."""
    if path is None:
        yield None
        return
    path.touch(mode=0o600)
    with path.open("r+b") as file:
        file.truncate(kept)
        file.seek(kept)
        yield file


def write_rejects(file: BinaryIO | None, rejects: list[Reject]) -> int:
    """Writes rejects, a line each; how long the file is now."""
    if file is None:
        return 0
    for each in rejects:
        file.write(each.model_dump_json().encode() + b"\n")
    file.flush()
    return file.tell()


def remember(path: Path | None, done: Import) -> None:
    """Keeps how far it came. Where that can't be written, a crash means to begin anew, no more."""
    if path is not None:
        with suppress(OSError):
            write_state(path, done)
