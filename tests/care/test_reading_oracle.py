"""Both locks against an oracle: in random worlds the door answers, and the database shows without
the door's predicate, what a few lines say.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from sqlalchemy import text

from tests.care.sql import run_sql
from tests.care.worlds import (
    ASKABLE,
    SIDE_OF,
    WORLDS,
    Given,
    World,
    expected,
    listed,
    records,
    shown,
)
from tests.make import Caller, Make
from vitalkeep.base import clock
from vitalkeep.base.db import bound_transaction
from vitalkeep.base.session import speak_for
from vitalkeep.datatypes.registry import BY_NAME, BY_NUMBER

HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Stage:
    """The staff, the person, the cases and the times of the records of every world."""

    readers: dict[str, Caller]
    recipients: dict[str, UUID]
    person: Caller
    cases: dict[str, UUID]
    teams: dict[str, UUID]
    between: datetime


@pytest_asyncio.fixture(scope="module")
async def stage(make: Make) -> Stage:
    nurse, stranger, person = await make.staff(), await make.staff(), await make.person()
    colleague = await make.staff(nurse.organization_id)
    assert nurse.organization_id
    assert stranger.organization_id
    now = clock.now().replace(microsecond=0)
    for name in ASKABLE:
        for hours in (60, 20):
            at = (now - hours * HOUR).isoformat()
            until = (now - (hours - 1) * HOUR).isoformat()
            when = {"time": at} if name == "weight" else {"start": at, "end": until}
            more: dict[str, object] = {"stages": []} if name == "sleep" else {}
            assert await person.statuses(make.record(name, **when, **more)) == ["created"]
    cases = {}
    for name, opener in (("first", nurse), ("second", stranger)):
        cases[name] = UUID((await make.case(opener, person, ["steps.read"]))["case"]["id"])
    daughter = await make.person()
    watching = (await make.watching(daughter, person, ["steps.read"]))["case"]
    cases["third"] = UUID(watching["id"])
    recipients = {
        "ours": nurse.organization_id,
        "theirs": stranger.organization_id,
        "kin": UUID(watching["relative"]["id"]),
    }
    readers = {"nurse": nurse, "colleague": colleague, "stranger": stranger, "daughter": daughter}
    teams = {
        name: await make.team(reader) for name, reader in readers.items() if name != "daughter"
    }
    return Stage(readers, recipients, person, cases, teams, now - 40 * HOUR)


async def build(app: FastAPI, world: World, stage: Stage) -> None:
    """Makes the database say what the world says, whatever it said before."""
    await build_consents(app, world, stage)
    await build_cases(app, world, stage)
    await build_states(app, world, stage)


async def build_consents(app: FastAPI, world: World, stage: Stage) -> None:
    person = stage.person.id
    storage = "person_id = :id AND purpose {} 'storage'"
    await run_sql(app, f"DELETE FROM consents WHERE {storage.format('<>')}", id=person)  # noqa: S608
    bounds = {
        "": (None, None),
        "early": (None, stage.between),
        "late": (stage.between, None),
        "none": (stage.between, stage.between + HOUR),
    }
    for each in world.consents:
        since, until = bounds[each.window]
        await run_sql(
            app,
            "INSERT INTO consents (person_id, consent_id, recipient_id, given_at, valid_until, "
            "data_from, data_until, type, action, purpose, recipient_kind, state, sealed) VALUES "
            "(:person, gen_random_uuid(), :to, :now, :ends, :since, :until, :type, :action, "
            ":purpose, :kind, :state, '')",
            person=person,
            to=stage.recipients[each.to],
            now=clock.now(),
            ends=None if each.hours_left is None else clock.now() + each.hours_left * HOUR,
            since=since,
            until=until,
            type=BY_NAME[each.type].number,
            action=each.action,
            purpose=each.purpose,
            kind=each.kind,
            state=each.state,
        )
    await run_sql(
        app,
        "UPDATE consents SET frozen_until = "  # noqa: S608
        "CASE WHEN type = ANY(:types) THEN CAST(:until AS timestamptz) END "
        f"WHERE {storage.format('=')}",
        types=[BY_NAME[name].number for name in world.frozen],
        until=clock.now() + HOUR,
        id=person,
    )


async def build_cases(app: FastAPI, world: World, stage: Stage) -> None:
    person = stage.person.id
    for name, case_id in stage.cases.items():
        await run_sql(
            app,
            "UPDATE cases SET state = :state, purpose = :purpose WHERE case_id = :id",
            state="open" if name in world.open_cases else "closed",
            purpose=world.purpose,
            id=case_id,
        )
    at_work = {
        "case_staff": {(case, stage.readers[name].id) for case, name in world.staffed},
        "case_teams": {(case, stage.teams[name]) for case, name in world.in_team},
    }
    for table, pairs in at_work.items():
        await run_sql(app, f"DELETE FROM {table} WHERE person_id = :id", id=person)  # noqa: S608
        for case, worker_id in pairs:
            # The columns are person_id, case_id and who works on it.
            row = f"INSERT INTO {table} VALUES (:person, :case, :id)"  # noqa: S608
            await run_sql(app, row, person=person, case=stage.cases[case], id=worker_id)


async def build_states(app: FastAPI, world: World, stage: Stage) -> None:
    account = "UPDATE persons SET state = :state WHERE person_id = :id"
    member = "UPDATE staff SET state = :state, role = :role WHERE staff_id = :id"
    kind = "UPDATE organizations SET kind = :kind WHERE organization_id = :id"
    for recipient_id in stage.recipients.values():
        await run_sql(app, kind, kind=world.kind, id=recipient_id)
    state = "active" if world.person_active else "erasing"
    await run_sql(app, account, state=state, id=stage.person.id)
    for name, reader in stage.readers.items():
        active = world.reader_active or name != world.reader
        if SIDE_OF[name] == "kin":
            state = "active" if active else "erasing"
            await run_sql(app, account, state=state, id=reader.id)
        else:
            state = "active" if active else "suspended"
            await run_sql(app, member, state=state, role=world.role, id=reader.id)


async def require_both_locks(app: FastAPI, stage: Stage, world: World) -> None:
    await build(app, world, stage)

    def told(kind: str, start: datetime) -> tuple[str, str]:
        return kind, "early" if start < stage.between else "late"

    query: dict[str, Any] = {"type": list(world.asked)} if world.asked else {}
    reader, case_id = stage.readers[world.reader], stage.cases[world.case]
    answer = await reader.get(f"/v1/cases/{case_id}/records", **query)
    read = {
        told(each["type"], datetime.fromisoformat(each.get("start") or each["time"]))
        for each in answer.json().get("records", [])
    }
    assert (answer.status_code, read) == expected(world)
    async with bound_transaction(app.state.engine) as connection:
        who = "watcher_id" if SIDE_OF[world.reader] == "kin" else "staff_id"
        await speak_for(connection, case_id=case_id, **{who: reader.id})
        rows = (await connection.execute(text("SELECT type, start_time FROM records"))).all()
        keys = (await connection.execute(text("SELECT person_id FROM person_keys"))).all()
    assert {told(BY_NUMBER[row[0]].name, row[1]) for row in rows} == records(shown(world))
    assert [row[0] for row in keys] == ([stage.person.id] if listed(world) else [])


PLAIN = World()
WATCHED = World(
    reader="daughter",
    case="third",
    purpose="family_watch",
    consents=(Given("steps", kind="person", to="kin", purpose="family_watch"),),
)
TWO = (Given("steps"), Given("sleep"))
FLAWS = [
    (200, PLAIN),
    (200, replace(PLAIN, asked=("steps",))),
    (200, replace(PLAIN, consents=(Given("steps", window="late"),))),
    (200, replace(PLAIN, consents=(Given("steps", window="none"),))),
    (403, replace(PLAIN, asked=("weight",))),
    (403, replace(PLAIN, asked=("steps", "weight"))),
    (403, replace(PLAIN, kind="employer")),
    (401, replace(PLAIN, reader_active=False)),
    (404, replace(PLAIN, staffed=frozenset())),
    (404, replace(PLAIN, reader="colleague")),
    (404, replace(PLAIN, reader="stranger", staffed=frozenset({("first", "stranger")}))),
    (404, replace(PLAIN, case="second", staffed=frozenset({("second", "nurse")}))),
    (404, replace(PLAIN, open_cases=frozenset({"second"}))),
    (404, replace(PLAIN, purpose="teleconsultation")),
    (
        404,
        replace(PLAIN, purpose="family_watch", consents=(Given("steps", purpose="family_watch"),)),
    ),
    (404, replace(PLAIN, person_active=False)),
    (404, replace(PLAIN, consents=())),
    (200, replace(PLAIN, staffed=frozenset(), in_team=frozenset({("first", "nurse")}))),
    (403, replace(PLAIN, role="coordinator")),
    (403, replace(PLAIN, role="administrator")),
    (200, replace(PLAIN, frozen=frozenset({"steps"}))),
    (200, WATCHED),
    (404, replace(WATCHED, purpose="guidance")),
    (404, replace(WATCHED, case="first")),
    (404, replace(WATCHED, open_cases=frozenset({"first"}))),
    (404, replace(WATCHED, consents=(Given("steps", purpose="family_watch"),))),
    (401, replace(WATCHED, reader_active=False)),
    *(
        (403, replace(PLAIN, consents=(flaw, TWO[1]), asked=("steps",)))
        for flaw in (
            replace(TWO[0], action="collect"),
            replace(TWO[0], kind="app"),
            replace(TWO[0], to="theirs"),
            replace(TWO[0], purpose="teleconsultation"),
            replace(TWO[0], state="withdrawn"),
            replace(TWO[0], state="expired"),
            replace(TWO[0], hours_left=0),
        )
    ),
]


@pytest.mark.parametrize(("status", "world"), FLAWS, ids=map(str, range(len(FLAWS))))
async def test_one_flaw_is_enough_to_be_refused(
    app: FastAPI, stage: Stage, status: int, world: World
) -> None:
    assert expected(world)[0] == status
    await require_both_locks(app, stage, world)


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(world=WORLDS)
async def test_in_random_worlds_both_locks_say_what_the_oracle_says(
    app: FastAPI, stage: Stage, world: World
) -> None:
    await require_both_locks(app, stage, world)
