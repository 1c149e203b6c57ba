"""Reading against an oracle: in random worlds, what an answer gives is what a few lines say."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.care.sql import run_sql
from tests.make import Caller, Make
from vitalkeep.base import clock
from vitalkeep.datatypes.registry import BY_NAME

ASKABLE = ("steps", "weight", "sleep")
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Given:
    """One consent of a world, put there as it stands."""

    type: str
    action: str
    kind: str
    to_us: bool
    purpose: str
    state: str
    hours_left: int | None


@dataclass(frozen=True)
class World:
    """Everything the decision depends on."""

    on_case: bool
    case_purpose: str
    case_open: bool
    organization_kind: str
    person_active: bool
    consents: tuple[Given, ...]
    asked: tuple[str, ...]


def expected(world: World) -> tuple[int, set[str]]:
    """The oracle: status, and the types that are read."""
    allowed = {
        "guidance": {"medical_institution", "guidance_provider"},
        "teleconsultation": {"medical_institution"},
    }
    if world.organization_kind in {"employer", "insurer"}:
        return 403, set()
    readable = {
        consent.type
        for consent in world.consents
        if (consent.action, consent.kind, consent.state) == ("read", "organization", "active")
        and consent.to_us
        and consent.purpose == world.case_purpose
        and (consent.hours_left is None or consent.hours_left > 0)
    }
    known = world.on_case and world.case_open and world.person_active and readable
    if not known or world.organization_kind not in allowed[world.case_purpose]:
        return 404, set()
    if not set(world.asked) <= readable:
        return 403, set()
    return 200, set(world.asked) or readable


PURPOSES = st.sampled_from(["guidance", "guidance", "teleconsultation"])
# Each fact is mostly as it should be, so that a world often fails for one reason only.
LIKELY = st.sampled_from([True, True, True, True, False])
CONSENTS = st.builds(
    Given,
    type=st.sampled_from(ASKABLE),
    action=st.sampled_from(["read", "read", "read", "collect"]),
    kind=st.sampled_from(["organization", "organization", "organization", "app", "person"]),
    to_us=LIKELY,
    purpose=PURPOSES,
    state=st.sampled_from(["active", "active", "active", "withdrawn", "expired"]),
    hours_left=st.sampled_from([None, None, 1, 0, -1]),
)
WORLDS = st.builds(
    World,
    on_case=LIKELY,
    case_purpose=PURPOSES,
    case_open=LIKELY,
    organization_kind=st.sampled_from(
        ["medical_institution", "medical_institution", "guidance_provider", "employer", "insurer"]
    ),
    person_active=LIKELY,
    consents=st.lists(
        CONSENTS, max_size=5, unique_by=lambda c: (c.type, c.action, c.purpose, c.to_us)
    ).map(tuple),
    asked=st.lists(st.sampled_from(ASKABLE), max_size=2, unique=True).map(tuple),
)


@dataclass(frozen=True)
class Stage:
    """The nurse, the person and the case of every world, and an organization beside them."""

    nurse: Caller
    person: Caller
    case_id: str
    other: UUID


@pytest_asyncio.fixture(scope="module")
async def stage(make: Make) -> Stage:
    nurse, person = await make.staff(), await make.person()
    await person.push(*(make.record(name) for name in ASKABLE))
    case = await make.case(nurse, person, ["steps.read"])
    return Stage(nurse, person, case["case"]["id"], await make.organization())


async def build(app: FastAPI, world: World, stage: Stage) -> None:
    """Makes the database say what the world says, whatever it said before."""

    async def sql(statement: str, **values: object) -> None:
        await run_sql(app, statement, person=stage.person.id, **values)

    await sql("DELETE FROM consents WHERE person_id = :person AND purpose <> 'storage'")
    for each in world.consents:
        await sql(
            "INSERT INTO consents (person_id, consent_id, recipient_id, given_at, valid_until, "
            "type, action, purpose, recipient_kind, state, sealed) VALUES (:person, "
            "gen_random_uuid(), :to, :now, :ends, :type, :action, :purpose, :kind, :state, '')",
            to=stage.nurse.organization_id if each.to_us else stage.other,
            now=clock.now(),
            ends=None if each.hours_left is None else clock.now() + each.hours_left * HOUR,
            type=BY_NAME[each.type].number,
            action=each.action,
            purpose=each.purpose,
            kind=each.kind,
            state=each.state,
        )
    await sql(
        "UPDATE cases SET state = :state, purpose = :purpose WHERE person_id = :person",
        state="open" if world.case_open else "closed",
        purpose=world.case_purpose,
    )
    await sql("DELETE FROM case_staff WHERE person_id = :person")
    if world.on_case:
        on_case = "INSERT INTO case_staff (person_id, case_id, staff_id) VALUES (:person, :c, :s)"
        await sql(on_case, c=stage.case_id, s=stage.nurse.id)
    state = "active" if world.person_active else "erasing"
    await sql("UPDATE persons SET state = :state WHERE person_id = :person", state=state)
    kind = "UPDATE organizations SET kind = :kind WHERE organization_id = :id"
    await run_sql(app, kind, kind=world.organization_kind, id=stage.nurse.organization_id)


STEPS = Given("steps", "read", "organization", True, "guidance", "active", None)
PLAIN = World(True, "guidance", True, "guidance_provider", True, (STEPS,), ())


FLAWS = [
    PLAIN,
    replace(PLAIN, asked=("steps",)),
    replace(PLAIN, asked=("weight",)),
    replace(PLAIN, asked=("steps", "weight")),
    replace(PLAIN, on_case=False),
    replace(PLAIN, case_open=False),
    replace(PLAIN, case_purpose="teleconsultation"),
    replace(PLAIN, organization_kind="employer"),
    replace(PLAIN, person_active=False),
    replace(PLAIN, consents=()),
    *(
        replace(PLAIN, consents=(flaw, replace(STEPS, type="sleep")), asked=("steps",))
        for flaw in (
            replace(STEPS, action="collect"),
            replace(STEPS, kind="app"),
            replace(STEPS, to_us=False),
            replace(STEPS, purpose="teleconsultation"),
            replace(STEPS, state="withdrawn"),
            replace(STEPS, state="expired"),
            replace(STEPS, hours_left=0),
        )
    ),
]


async def require_answer_of_oracle(app: FastAPI, stage: Stage, world: World) -> None:
    await build(app, world, stage)
    query: dict[str, Any] = {"type": list(world.asked)} if world.asked else {}
    answer = await stage.nurse.get(f"/v1/cases/{stage.case_id}/records", **query)
    types = {record["type"] for record in answer.json().get("records", [])}
    assert (answer.status_code, types) == expected(world)


@pytest.mark.parametrize("world", FLAWS)
async def test_one_flaw_is_enough_to_be_refused(app: FastAPI, stage: Stage, world: World) -> None:
    await require_answer_of_oracle(app, stage, world)


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(world=WORLDS)
async def test_in_random_worlds_reading_answers_what_the_oracle_says(
    app: FastAPI, stage: Stage, world: World
) -> None:
    await require_answer_of_oracle(app, stage, world)


def test_the_oracle_itself_knows_every_answer() -> None:
    assert expected(PLAIN) == (200, {"steps"})
    statuses = [expected(world)[0] for world in FLAWS]
    assert [statuses.count(status) for status in (200, 403, 404)] == [2, 10, 5]
