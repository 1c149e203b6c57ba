"""The commands `export` and `import`: all of a person's records to a file, or from one."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO

import typer
from sqlalchemy.ext.asyncio import AsyncEngine

from vitalkeep.cli.database import World, open_engine, open_world
from vitalkeep.cli.inputs import InputBroken, open_input
from vitalkeep.cli.output import AsJson, Data, answer, clear_errors, errors, fail
from vitalkeep.cli.parties import read_uuid
from vitalkeep.cli.progress import show_progress
from vitalkeep.cli.resuming import Import, Reject, state_path
from vitalkeep.cli.taking import NotTheInput, Taking, take_in
from vitalkeep.disclosure import export
from vitalkeep.persons.access import PersonCaller
from vitalkeep.persons.lookup import get_client_id, get_person
from vitalkeep.records.changes import changes_cursor
from vitalkeep.records.loading import FILE_DIALECTS

COULD_NOT_RUN = 2

Person = Annotated[str, typer.Option("--person", help="The app's own id of its user.")]
ClientId = Annotated[
    str | None, typer.Option("--client", help="The app's id; may be left out if there is one app.")
]


def export_command(
    person: Person,
    client: ClientId = None,
    output: Annotated[
        Path | None, typer.Option(help="Where to write; default: standard output.")
    ] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Write all records of a person as NDJSON; the last line says that the file is whole."""
    if as_json and output is None:
        raise fail("--json answers on standard output: say with --output where the records go")

    async def work(world: World) -> dict[str, object]:
        async with open_engine(world) as engine:
            caller = await find_caller(world, engine, client, person)
            return await write_export(world, engine, caller, output)

    with clear_errors(), open_world(data) as world:
        done = asyncio.run(work(world))
    if output is not None:
        answer(done, as_json=as_json)


async def find_caller(
    world: World, engine: AsyncEngine, client: str | None, person: str
) -> PersonCaller:
    """The person whom the app calls so. Raises InvalidRequest, NotFound, Conflict."""
    named = None if client is None else read_uuid(client, "--client")
    async with engine.connect() as connection:
        client_id = await get_client_id(connection, named)
        return await get_person(connection, world.keyring, client_id, person)


async def write_export(
    world: World, engine: AsyncEngine, caller: PersonCaller, output: Path | None
) -> dict[str, object]:
    """Writes the export; what to tell of it."""
    async with engine.connect() as connection:
        begun = await export.begin(connection, export.Owner(caller.person_id, caller.key))
    snapshot = begun.snapshot
    cursor = changes_cursor(world.keyring, caller.person_id, snapshot.feed)
    lines: AsyncIterator[export.Lines] = export.stream(engine, begun, cursor=cursor)
    written = 0
    with closing(snapshot), open_output(output) as file, show_progress("export") as advance:
        async for each in lines:
            file.write(each.text)
            written += each.records
            advance(written, snapshot.count, written)
    return {"records": written, "output": output, "changes_cursor": cursor}


@contextmanager
def open_output(path: Path | None) -> Iterator[BinaryIO]:
    """Standard output, or a file for its owner only that appears whole or not at all."""
    if path is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    unfinished = path.with_name(path.name + ".new")
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=0o600)
    try:
        with unfinished.open("wb") as file:
            yield file
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def import_command(  # noqa: PLR0913 - one parameter an option
    file: Annotated[str, typer.Argument(help="NDJSON, or documents; `-` for standard input.")],
    dialect: Annotated[str, typer.Option(help=", ".join(FILE_DIALECTS))],
    person: Person,
    client: ClientId = None,
    state: Annotated[
        Path | None, typer.Option(help="How far it came; default: FILE.vitalkeep-import.")
    ] = None,
    rejects: Annotated[
        Path | None, typer.Option(help="Where to write what was rejected, a line each.")
    ] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Take in records from a file: exit 0 if all are stored, 1 if some were rejected, else 2.

    The file holds a record a line, or documents {"records": […]} of any size; it may be compressed
    with gzip or zstd. Consents are checked as in a push. Give the same command again after a crash
    and it goes on behind the last stored batch.
    """
    with could_not_run(), clear_errors():
        if dialect not in FILE_DIALECTS:
            raise fail(f"--dialect has to be one of: {', '.join(FILE_DIALECTS)}")
        done, resumed_at = run_import(
            data, client, person, Taking(file, dialect, state_path(file, state), rejects)
        )
    counts = {"resumed_at": resumed_at} if resumed_at else {}
    told = {"records": done.records, **counts, "counts": done.counts}
    if as_json:
        answer({**told, "rejects": [each.model_dump() for each in done.rejects]}, as_json=True)
    else:
        stored = {name: number for name, number in done.counts.items() if number}
        answer({**told, "counts": ", ".join(f"{n} {k}" for k, n in stored.items())}, as_json=False)
        print_rejects(done.rejects, done.counts["rejected"])
    if done.counts["rejected"]:
        raise typer.Exit(1)


def run_import(
    data: Path | None, client: str | None, person: str, taking: Taking
) -> tuple[Import, int]:
    """The import at its end, and behind which line it went on. Exits when it can't run."""

    async def work(world: World, stack: ExitStack) -> tuple[Import, int]:
        source = stack.enter_context(open_input(taking.name))
        advance = stack.enter_context(show_progress("import"))
        async with open_engine(world) as engine:
            caller = await find_caller(world, engine, client, person)
            return await take_in(engine, caller, taking, source, advance)

    with open_world(data) as world:
        while True:
            try:
                with ExitStack() as stack:
                    return asyncio.run(work(world, stack))
            except InputBroken as broken:
                raise fail(f"{taking.name} {broken}") from None
            except NotTheInput:
                if taking.name == "-":
                    raise fail(
                        f"{taking.state} is of another input: remove it to begin anew"
                    ) from None
                taking.begin_anew()


@contextmanager
def could_not_run() -> Iterator[None]:
    """Exits with 2 instead of 1, which says that some records were rejected."""
    try:
        yield
    except typer.Exit:
        raise typer.Exit(COULD_NOT_RUN) from None


def print_rejects(shown: list[Reject], rejected: int) -> None:
    """The first rejects, on standard error."""
    for each in shown:
        where = f"{each.line}{each.pointer and ' at ' + each.pointer}"
        errors.print(f"rejected {where}: {each.code}, {each.detail}", markup=False, soft_wrap=True)
    if rejected > len(shown):
        errors.print(f"… and {rejected - len(shown)} more; see --rejects")
