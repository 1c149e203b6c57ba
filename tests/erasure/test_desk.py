"""The operator's desk: two operators, one erasure, and a paper that names nobody."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st

from tests.care.sql import run_sql
from tests.erasure.traces import ask_at_the_desk, left, traces
from tests.make import Caller, Make
from vitalkeep.base import clock
from vitalkeep.base.errors import Conflict, Forbidden, InvalidRequest, NotFound, Problem
from vitalkeep.erasure import desk
from vitalkeep.erasure.desk import APPROVE_WITHIN, Asked
from vitalkeep.erasure.journal import finish
from vitalkeep.erasure.papers import PAPERS, Paper, fold, read_note, read_operator
from vitalkeep.persons.lookup import load_person
from vitalkeep.retention.rules import list_rules
from vitalkeep.retention.sweeping import sweep

FIRST, SECOND = "Sato Yuki", "鈴木 一郎"


async def enter(app: FastAPI, person: Caller, **more: Any) -> UUID:
    """The id of a request that the first operator entered."""
    return await ask_at_the_desk(app, person.id, Asked(FIRST, "drivers_license", **more))


async def approve(app: FastAPI, request_id: UUID, operator: str = SECOND) -> UUID:
    """The id of the erasure that was approved, whose gate is closed."""
    async with app.state.engine.begin() as connection:
        return await desk.approve(connection, app.state.keyring, request_id, operator)


async def refuse(app: FastAPI, request_id: UUID, reason: str = "identity_not_proven") -> None:
    async with app.state.engine.begin() as connection:
        await desk.refuse(connection, app.state.keyring, request_id, SECOND, reason)


async def paper(app: FastAPI, request_id: UUID) -> Paper:
    """The request as the list has it."""
    async with app.state.engine.begin() as connection:
        found = await desk.list_requests(connection, app.state.keyring)
    return next(each for each in found if each.request_id == request_id)


async def refused(app: FastAPI, request_id: UUID, problem: type[Problem]) -> str:
    """Why the second operator can't approve it."""
    with pytest.raises(problem) as caught:
        await approve(app, request_id)
    return caught.value.detail


async def test_nothing_goes_before_a_second_operator_approves_and_then_all_of_it(
    make: Make, app: FastAPI
) -> None:
    person, state = await make.person(), app.state
    await person.push(make.record())
    preview = (await person.get("/v1/me/deactivation")).json()
    request_id = await enter(app, person, agent="parent", note="窓口 12")
    with pytest.raises(Forbidden, match="ask another operator"):
        await approve(app, request_id, "ＳＡＴＯ　 yuki")
    pending = await paper(app, request_id)
    assert (pending.state, pending.operator, pending.note) == ("pending", FIRST, "窓口 12")
    assert len((await person.get("/v1/me/records")).json()["records"]) == 1

    erasure_id = await approve(app, request_id)
    assert str(erasure_id) == preview["erasure_id"]
    assert (await person.get("/v1/me")).status_code == 401
    assert await approve(app, request_id) == erasure_id, "cut off, it is found again"
    certificate = await finish(state.engine, state.keyring, state.settings, erasure_id)
    statement = certificate.statement
    assert (statement.route, statement.rows_deleted["pending_requests"]) == ("operator", 1)
    status = (await make.client.get(f"/v1/erasures/{erasure_id}")).json()
    assert (status["stage"], status["route"]) == ("erased", "operator")

    assert await traces(app, [person.id], person.external_id, "窓口") == set()
    kept = await paper(app, request_id)
    assert (kept.state, kept.identity_check, kept.agent) == (
        "approved",
        "drivers_license",
        "parent",
    )
    assert (kept.operator, kept.answered_by, kept.note) == (FIRST, SECOND, None)
    assert (kept.erasure_id, kept.requested_at) == (erasure_id, pending.requested_at)
    assert statement.retained is not None
    until = clock.rfc3339(clock.move_years(kept.ends_at, 1))
    assert [each.until for each in statement.retained][2:] == [until]
    assert "1年間" in statement.retained[2].basis
    assert len(statement.kept) == 3


async def test_of_a_leaving_without_a_request_no_paper_is_retained(make: Make) -> None:
    statement = (await left(await make.person()))["certificate"]["statement"]
    assert len(statement["retained"]) == len(statement["kept"]) == 2


async def test_a_refused_request_says_why_and_no_more_whose_it_was(
    make: Make, app: FastAPI
) -> None:
    person = await make.person()
    request_id = await enter(app, person)
    await refuse(app, request_id)
    kept = await paper(app, request_id)
    assert (kept.state, kept.refusal) == ("refused", "identity_not_proven")
    assert (kept.answered_by, kept.erasure_id) == (SECOND, None)
    rows = "SELECT 1 FROM pending_requests WHERE person_id = :id"
    assert await run_sql(app, rows, id=person.id) == []
    assert (await person.get("/v1/me")).status_code == 200
    assert await refused(app, request_id, Conflict) == "The request was refused already."
    with pytest.raises(Conflict, match="refused already"):
        await refuse(app, request_id)
    assert await enter(app, person) != request_id


async def test_a_request_expires_after_14_days_and_another_one_can_be_entered(
    make: Make, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, now = await make.person(), clock.now()
    request_id = await enter(app, person)
    with pytest.raises(Conflict, match="is pending"):
        await enter(app, person)
    monkeypatch.setattr(clock, "now", lambda: now + APPROVE_WITHIN + timedelta(minutes=1))
    assert (await paper(app, request_id)).state == "expired"
    assert "within 14 days" in await refused(app, request_id, Conflict)
    assert (await paper(app, await enter(app, person))).state == "pending"


async def test_who_left_meanwhile_is_no_more_to_be_erased(make: Make, app: FastAPI) -> None:
    person = await make.person()
    request_id = await enter(app, person)
    await left(person)
    assert (await paper(app, request_id)).state == "left"
    assert "left meanwhile" in await refused(app, request_id, Conflict)
    assert "no such request" in await refused(app, uuid4(), NotFound)


async def test_one_about_somebody_else_than_the_operator_thinks_is_not_approved(
    make: Make, app: FastAPI
) -> None:
    person, other = await make.person(), await make.person()
    request_id = await enter(app, person)
    async with app.state.engine.connect() as connection:
        with pytest.raises(Conflict, match="somebody else"):
            await desk.approve(connection, app.state.keyring, request_id, SECOND, other.id)
    assert (await paper(app, request_id)).state == "pending"


@pytest.mark.parametrize(
    "asked",
    [
        Asked("", "passport"),
        Asked(" \u200b ", "passport"),
        Asked("x" * 101, "passport"),
        Asked("Sato\x1b[2J", "passport"),
        Asked(FIRST, "a_look"),
        Asked(FIRST, "passport", agent="neighbour"),
        Asked(FIRST, "passport", note="x" * 501),
        Asked(FIRST, "passport", note="個人番号 １２３４ 5678 9012"),
    ],
    ids=["no name", "blank name", "long name", "escape", "check", "agent", "long", "my number"],
)
async def test_what_can_not_be_entered_leaves_nothing(
    make: Make, app: FastAPI, asked: Asked
) -> None:
    person = await make.person(collects=False)
    with pytest.raises(InvalidRequest):
        await ask_at_the_desk(app, person.id, asked)
    async with app.state.engine.begin() as connection:
        await load_person(connection, app.state.keyring, person.id)
        pending = PAPERS.where(PAPERS.selected_columns.person_id == person.id)
        assert (await connection.execute(pending)).all() == []


@given(
    name=st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn")), min_size=1),
    blanks=st.lists(st.sampled_from(" \u3000\u00a0\u200b\t"), max_size=4),
)
def test_a_name_is_the_same_however_it_is_spelled(name: str, blanks: list[str]) -> None:
    spread = "".join(f"{each}{''.join(blanks)}" for each in name)
    assert fold(spread) == fold(name)
    assert fold(fold(name)) == fold(name)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Yamada Taro", "ＹＡＭＡＤＡ ＴＡＲＯ", True),
        ("ヤマダ", "ﾔﾏﾀﾞ", True),
        ("山田 太郎", "山田　太郎", True),
        ("Straße", "STRASSE", True),
        ("山田 太郎", "山田 次郎", False),
    ],
)
def test_operators_are_told_apart_by_their_names(one: str, other: str, same: bool) -> None:
    assert (fold(read_operator(one)) == fold(read_operator(other))) is same


def test_a_note_may_hold_other_numbers() -> None:
    assert read_note("電話 03-1234-5678, No 1234567890123") is not None
    assert read_note("  ") is None


async def test_a_paper_is_kept_for_a_year_and_a_pending_request_for_14_days(
    make: Make, app: FastAPI
) -> None:
    request_id, entered_at = await enter(app, await make.person()), clock.now()
    rules = [
        rule for rule in list_rules(90) if rule.table in ("pending_requests", "request_papers")
    ]
    end = entered_at + APPROVE_WITHIN
    year = clock.move_years(end, 1)
    minute, found = timedelta(minutes=1), []
    for moment in (end - minute, end + minute, year - minute, year + minute):
        await sweep(app.state.engine, tuple(rules), moment)
        rows = [
            await run_sql(app, f"SELECT 1 FROM {rule.table} WHERE request_id = :id", id=request_id)  # noqa: S608
            for rule in rules
        ]
        found.append([len(each) for each in rows])
    assert found == [[1, 1], [0, 1], [0, 1], [0, 0]]
