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
from tests.care.worlds import ASKABLE, WORLDS, Given, World, expected, records, shown
from tests.make import Caller, Make
from vitalkeep.base import clock
from vitalkeep.base.db import bound_transaction
from vitalkeep.base.session import speak_for
from vitalkeep.datatypes.registry import BY_NAME, BY_NUMBER

HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Stage:
    """The staff, the person, the cases and the times of the records of every world."""

    staff: dict[str, Caller]
    organizations: dict[str, UUID]
    person: Caller
    cases: dict[str, UUID]
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
    organizations = {"ours": nurse.organization_id, "theirs": stranger.organization_id}
    staff = {"nurse": nurse, "colleague": colleague, "stranger": stranger}
    return Stage(staff, organizations, person, cases, now - 40 * HOUR)


async def build(app: FastAPI, world: World, stage: Stage) -> None:
    """Makes the database say what the world says, whatever it said before."""

    async def sql(statement: str, **values: object) -> None:
        await run_sql(app, statement, **values)

    person = stage.person.id
    await sql("DELETE FROM consents WHERE person_id = :id AND purpose <> 'storage'", id=person)
    bounds = {
        "": (None, None),
        "early": (None, stage.between),
        "late": (stage.between, None),
        "none": (stage.between, stage.between + HOUR),
    }
    for each in world.consents:
        since, until = bounds[each.window]
        await sql(
            "INSERT INTO consents (person_id, consent_id, recipient_id, given_at, valid_until, "
            "data_from, data_until, type, action, purpose, recipient_kind, state, sealed) VALUES "
            "(:person, gen_random_uuid(), :to, :now, :ends, :since, :until, :type, :action, "
            ":purpose, :kind, :state, '')",
            person=person,
            to=stage.organizations[each.to],
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
    await sql("DELETE FROM case_staff WHERE person_id = :id", id=person)
    for name, case_id in stage.cases.items():
        await sql(
            "UPDATE cases SET state = :state, purpose = :purpose WHERE case_id = :id",
            state="open" if name in world.open_cases else "closed",
            purpose=world.purpose,
            id=case_id,
        )
    on_case = "INSERT INTO case_staff (person_id, case_id, staff_id) VALUES (:person, :case, :id)"
    for case, reader in world.staffed:
        await sql(on_case, person=person, case=stage.cases[case], id=stage.staff[reader].id)
    for organization_id in stage.organizations.values():
        kind = "UPDATE organizations SET kind = :kind WHERE organization_id = :id"
        await sql(kind, kind=world.kind, id=organization_id)
    state = "UPDATE {} SET state = :state WHERE {} = :id"
    await sql(
        state.format("persons", "person_id"),
        state="active" if world.person_active else "erasing",
        id=person,
    )
    for name, staff in stage.staff.items():
        active = world.reader_active or name != world.reader
        await sql(
            state.format("staff", "staff_id"),
            state="active" if active else "suspended",
            id=staff.id,
        )


async def require_both_locks(app: FastAPI, stage: Stage, world: World) -> None:
    await build(app, world, stage)

    def told(kind: str, start: datetime) -> tuple[str, str]:
        return kind, "early" if start < stage.between else "late"

    query: dict[str, Any] = {"type": list(world.asked)} if world.asked else {}
    reader, case_id = stage.staff[world.reader], stage.cases[world.case]
    answer = await reader.get(f"/v1/cases/{case_id}/records", **query)
    read = {
        told(each["type"], datetime.fromisoformat(each.get("start") or each["time"]))
        for each in answer.json().get("records", [])
    }
    assert (answer.status_code, read) == expected(world)
    async with bound_transaction(app.state.engine) as connection:
        await speak_for(connection, staff_id=reader.id, case_id=case_id)
        rows = (await connection.execute(text("SELECT type, start_time FROM records"))).all()
        keys = (await connection.execute(text("SELECT person_id FROM person_keys"))).all()
    assert {told(BY_NUMBER[row[0]].name, row[1]) for row in rows} == records(shown(world))
    assert [row[0] for row in keys] == ([stage.person.id] if shown(world) else [])


PLAIN = World()
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
    (404, replace(PLAIN, person_active=False)),
    (404, replace(PLAIN, consents=())),
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
