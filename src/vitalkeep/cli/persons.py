"""The operator's desk: requests to leave by persons who can't do it themselves.

Two operators are needed: one enters the request, another one approves it.
"""

import asyncio
import os
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from rich.markup import escape
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from vitalkeep.base.clock import rfc3339
from vitalkeep.base.db import transaction
from vitalkeep.cli.bulk import find_caller
from vitalkeep.cli.database import World, open_engine, open_world
from vitalkeep.cli.output import AsJson, Data, answer, clear_errors, console, fail
from vitalkeep.cli.parties import read_uuid, run
from vitalkeep.erasure import desk
from vitalkeep.erasure.certificate import Certificate, kept
from vitalkeep.erasure.deactivate import Preview, preview
from vitalkeep.erasure.journal import finish
from vitalkeep.erasure.papers import AGENTS, IDENTITY_CHECKS, REFUSALS, Paper

persons_app = typer.Typer(
    help="The operator's desk: erasing on request, by two operators.", no_args_is_help=True
)

Client = Annotated[
    str | None, typer.Option(help="The app's id; may be left out if there is only one.")
]
Request = Annotated[str, typer.Argument(help="The request's id.")]
Operator = Annotated[str, typer.Option(help="Your name.")]


@persons_app.command("erase")
def persons_erase(  # noqa: PLR0913 - one parameter an option
    person: Annotated[str, typer.Option(help="The app's own id of its user.")],
    operator: Operator,
    identity_check: Annotated[str, typer.Option(help=", ".join(IDENTITY_CHECKS))],
    client: Client = None,
    agent: Annotated[
        str | None, typer.Option(help="Who asks for the person: " + ", ".join(AGENTS))
    ] = None,
    note: Annotated[
        str | None, typer.Option(help="For the other operator; gone with the answer.")
    ] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Enter a request to erase a person, and show what it would delete; deletes nothing.

    Another operator approves it within 14 days: `vitalkeep persons approve-erasure`.
    """
    asked = desk.Asked(operator, identity_check, agent, note)

    async def work(world: World) -> tuple[UUID, datetime, Preview]:
        async with open_engine(world) as engine:
            caller = await find_caller(world, engine, client, person)
            async with transaction(engine) as connection:
                entered = await desk.enter_request(connection, world.keyring, caller, asked)
                return *entered, await preview(connection, world.keyring, caller)

    with clear_errors(), open_world(data) as world:
        request_id, until, found = asyncio.run(work(world))
        days = world.settings.backup_days
    told = {"request_id": request_id, "approve_until": rfc3339(until), "deleted": False}
    answer({**told, **describe(found, days)}, as_json=as_json)


def describe(found: Preview, backup_days: int) -> dict[str, object]:
    """What an erasure will delete, who could read it, and what stays."""
    return {
        "erasure_id": found.erasure_id,
        "records": found.records,
        "recipients": [name for _id, name in found.recipients],
        "relatives": len(found.relatives),
        "kept": kept(backup_days, paper=True),
    }


@persons_app.command("erasure-requests")
def persons_erasure_requests(data: Data = None, as_json: AsJson = False) -> None:
    """List the requests, newest first, also those answered within the last year."""

    async def work(world: World, connection: AsyncConnection) -> list[Paper]:
        return await desk.list_requests(connection, world.keyring)

    found = [show(each) for each in run(data, work)]
    if as_json:
        answer({"requests": found}, as_json=True)
    for each in [] if as_json else found:
        console.print("  ".join(escape(str(value)) for value in each.values()), soft_wrap=True)


def show(paper: Paper) -> dict[str, object]:
    """A request as the list has it: without members that say nothing."""
    told = {
        name: rfc3339(value) if isinstance(value, datetime) else value
        for name, value in asdict(paper).items()
        if value is not None
    }
    return {**told, "request_id": str(paper.request_id)}


@persons_app.command("approve-erasure")
def persons_approve_erasure(  # noqa: PLR0913 - one parameter an option
    request: Request,
    operator: Operator,
    person: Annotated[
        str | None, typer.Option(help="Approve only if it is about this user of the app.")
    ] = None,
    client: Client = None,
    out: Annotated[Path | None, typer.Option(help="Write the certificate to this file.")] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Erase the person of a request that another operator entered; prints the certificate.

    If it is cut off the worker finishes it; the same command then answers the certificate.
    """
    if out is not None and (out.exists() or not os.access(out.absolute().parent, os.W_OK)):
        raise fail(f"{out} exists already, or its directory can't be written to")

    async def work(world: World) -> Certificate:
        async with open_engine(world) as engine:
            person_id = None
            if person is not None:
                person_id = (await find_caller(world, engine, client, person)).person_id
            return await erase(world, engine, read_uuid(request, "REQUEST"), operator, person_id)

    with clear_errors(), open_world(data) as world:
        certificate = asyncio.run(work(world))
        if out is not None:
            out.write_text(certificate.model_dump_json(exclude_none=True), encoding="utf-8")
    told: dict[str, object] = {"erasure_id": certificate.statement.erasure_id}
    if out is not None:
        told["file"] = str(out)
    if as_json:
        told["certificate"] = certificate.model_dump(mode="json", exclude_none=True)
    elif out is None:
        told["certificate"] = certificate.model_dump_json(exclude_none=True)
    answer(told, as_json=as_json)


async def erase(
    world: World, engine: AsyncEngine, request_id: UUID, operator: str, person_id: UUID | None
) -> Certificate:
    """Approves, durably, then erases."""
    async with transaction(engine) as connection:
        erasure_id = await desk.approve(connection, world.keyring, request_id, operator, person_id)
    return await finish(engine, world.keyring, world.settings, erasure_id)


@persons_app.command("refuse-erasure")
def persons_refuse_erasure(
    request: Request,
    operator: Operator,
    reason: Annotated[str, typer.Option(help=", ".join(REFUSALS))],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """End a request without erasing anything; whose it was is forgotten."""

    async def work(world: World, connection: AsyncConnection) -> UUID:
        request_id = read_uuid(request, "REQUEST")
        await desk.refuse(connection, world.keyring, request_id, operator, reason)
        return request_id

    answer({"request_id": run(data, work), "state": "refused"}, as_json=as_json)
