"""Family watching: a relative asks, the watched person agrees scope by scope, either side stops."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI

from tests.care.sql import refusal, run_sql
from tests.erasure.traces import traces
from tests.make import Caller, Make
from vitalkeep.base import clock
from vitalkeep.base.db import tables_of_a_person

ASKED = ["steps.read", "weight.read", "blood_pressure.read"]


def acceptance(code: str) -> str:
    return f"/v1/me/invitations/{code}/acceptance"


async def pair(make: Make) -> tuple[Caller, Caller]:
    """A daughter and her mother, who use different apps."""
    return await make.person(), await make.person()


async def watched(person: Caller) -> list[dict[str, Any]]:
    """The person's own cases."""
    cases: list[dict[str, Any]] = (await person.get("/v1/me/cases")).json()["cases"]
    return cases


async def watches(relative: Caller) -> list[dict[str, Any]]:
    """The cases in which the person watches over others."""
    cases: list[dict[str, Any]] = (await relative.get("/v1/cases")).json()["cases"]
    return cases


async def test_the_watched_person_previews_and_agrees_to_some_of_it(make: Make) -> None:
    daughter, mother = await pair(make)
    asked = {"purpose": "family_watch", "scopes": ASKED}
    invited = (await daughter.post("/v1/me/invitations", asked)).json()
    assert invited.keys() == {"id", "code", "expires_at"}
    seen = (await mother.get(f"/v1/me/invitations/{invited['code']}")).json()
    assert seen == {
        "kind": "person",
        "purpose": "family_watch",
        "scopes": ASKED,
        "expires_at": invited["expires_at"],
    }
    answer = await mother.post(
        acceptance(invited["code"]),
        {"scopes": ["steps.read"], "label": "母", "relative_label": "花子"},
    )
    assert answer.status_code == 201
    case, (consent,) = answer.json()["case"], answer.json()["consents"]
    assert case.keys() == {
        "id", "relative", "purpose", "label", "scopes", "roles", "state", "opened_at",
    }  # fmt: skip
    assert (case["purpose"], case["scopes"], case["label"]) == (
        "family_watch",
        ["steps.read"],
        "母",
    )
    assert case["relative"]["label"] == "花子"
    assert consent["recipient"] == {"kind": "person", "id": case["relative"]["id"]}
    assert (consent["scope"], consent["purpose"]) == ("steps.read", "family_watch")


async def test_the_relative_sees_the_case_without_what_they_are_called(make: Make) -> None:
    daughter, mother = await pair(make)
    names = {"label": "母", "relative_label": "お調子者"}
    case = (await make.watching(daughter, mother, ["steps.read"], **names))["case"]
    (seen,) = await watches(daughter)
    assert seen == {**case, "relative": {"id": case["relative"]["id"]}}
    answer = await daughter.get(f"/v1/cases/{case['id']}")
    assert answer.json() == seen
    assert str(mother.id) not in answer.text
    assert await watches(mother) == []
    assert await watched(daughter) == []


async def test_a_watching_is_unknown_to_everybody_else(make: Make) -> None:
    daughter, mother = await pair(make)
    case_id = (await make.watching(daughter, mother, ["steps.read"]))["case"]["id"]
    unknown = refusal(await daughter.get(f"/v1/cases/{uuid4()}"))
    assert (unknown[0], unknown[1]["code"]) == (404, "not_found")
    for caller in (await make.person(), mother, await make.staff()):
        assert refusal(await caller.get(f"/v1/cases/{case_id}")) == unknown
        assert refusal(await caller.post(f"/v1/cases/{case_id}/closure")) == unknown
    boss = await make.staff(role="coordinator")
    put = await boss.request("PUT", f"/v1/cases/{case_id}/staff", json={"staff": []})
    assert refusal(put) == unknown


@pytest.mark.parametrize(("side", "by"), [("mother", "self"), ("daughter", "relative")])
async def test_either_side_stops_it_with_one_call(make: Make, side: str, by: str) -> None:
    daughter, mother = await pair(make)
    case_id = (await make.watching(daughter, mother, ASKED))["case"]["id"]
    caller, path = (mother, "/v1/me/cases") if side == "mother" else (daughter, "/v1/cases")
    closed = (await caller.post(f"{path}/{case_id}/closure")).json()
    assert (closed["state"], closed["closed_by"]) == ("closed", by)
    assert (await caller.post(f"{path}/{case_id}/closure")).json() == closed
    assert await watches(daughter) == []
    assert (await daughter.get(f"/v1/cases/{case_id}")).status_code == 404
    (case,) = await watched(mother)
    assert (case["state"], case["closed_by"], case["scopes"]) == ("closed", by, [])
    consents = (await mother.get("/v1/me/consents")).json()["consents"]
    assert {each["purpose"] for each in consents} == {"storage"}
    events = (await mother.get("/v1/me/consent-events")).json()["events"]
    assert [each["actor"] for each in events if each["event"] == "withdrawn"] == [by] * 3


async def test_stopping_one_relative_leaves_the_others(make: Make) -> None:
    daughter, mother = await pair(make)
    son = await make.person()
    hers = (await make.watching(daughter, mother, ["steps.read"]))["case"]["id"]
    case = (await make.watching(son, mother, ["steps.read"]))["case"]
    assert (await mother.post(f"/v1/me/cases/{hers}/closure")).status_code == 200
    assert await watches(daughter) == []
    consents = (await mother.get("/v1/me/consents")).json()["consents"]
    reading = [each["recipient"]["id"] for each in consents if each["purpose"] == "family_watch"]
    assert reading == [case["relative"]["id"]]
    assert [(case["id"], case["scopes"]) for case in await watches(son)] == [
        (case["id"], ["steps.read"])
    ]


async def test_a_watching_can_end_by_itself(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    daughter, mother = await pair(make)
    end = clock.now() + timedelta(minutes=5)
    accepted = await make.watching(daughter, mother, ["steps.read"], valid_until=end.isoformat())
    assert datetime.fromisoformat(accepted["consents"][0]["valid_until"]) == end
    assert len(await watches(daughter)) == 1
    monkeypatch.setattr(clock, "now", lambda: end)
    assert await watches(daughter) == []
    (case,) = await watched(mother)
    assert case["scopes"] == []


async def test_withdrawing_one_scope_takes_it_from_the_case(make: Make) -> None:
    daughter, mother = await pair(make)
    accepted = await make.watching(daughter, mother, ["steps.read", "weight.read"])
    gone = next(each["id"] for each in accepted["consents"] if each["scope"] == "weight.read")
    assert (await mother.post(f"/v1/me/consents/{gone}/withdrawal", {})).status_code == 200
    assert [case["scopes"] for case in await watches(daughter)] == [["steps.read"]]


async def test_nobody_watches_themselves(make: Make) -> None:
    daughter, mother = await pair(make)
    code = await make.watch(daughter, ["steps.read"])
    status, document = refusal(await daughter.post(acceptance(code), {"scopes": ["steps.read"]}))
    assert (status, document["code"]) == (409, "conflict")
    assert await watched(daughter) == []
    # The code was not used up by that.
    assert (await mother.post(acceptance(code), {"scopes": ["steps.read"]})).status_code == 201


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"purpose": "guidance"}, "/purpose"),
        ({"purpose": "marketing"}, "/purpose"),
        ({"scopes": []}, "/scopes"),
        ({"scopes": ["steps.collect"]}, "/scopes"),
        ({"scopes": ["steps.read", "mood.read"]}, "/scopes/1"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "/expires_at"),
        ({"staff": []}, "/staff"),
    ],
)
async def test_a_wrong_request_to_a_relative_is_refused(
    make: Make, changes: dict[str, object], pointer: str
) -> None:
    daughter = await make.person()
    asked = {"purpose": "family_watch", "scopes": ["steps.read"], **changes}
    status, document = refusal(await daughter.post("/v1/me/invitations", asked))
    assert (status, [each["pointer"] for each in document["errors"]]) == (422, [pointer])
    assert (await daughter.get("/v1/me/invitations")).json() == {"invitations": []}


async def test_what_was_asked_is_listed_without_codes_and_can_be_taken_back(
    make: Make, app: FastAPI
) -> None:
    daughter, mother = await pair(make)
    code = await make.watch(daughter, ["steps.read"])
    later = await make.watch(daughter, ["weight.read"])
    listed = (await daughter.get("/v1/me/invitations")).json()["invitations"]
    assert [each["scopes"] for each in listed] == [["weight.read"], ["steps.read"]]
    assert listed[0].keys() == {"id", "purpose", "scopes", "created_at", "expires_at"}
    assert code not in str(listed)
    path = f"/v1/me/invitations/{listed[1]['id']}"
    for stranger in (mother, await make.person()):
        assert (await stranger.request("DELETE", path)).status_code == 404
    assert (await daughter.request("DELETE", path)).status_code == 204
    assert (await daughter.request("DELETE", path)).status_code == 404
    assert (await mother.get(f"/v1/me/invitations/{code}")).status_code == 404
    assert (await mother.post(acceptance(code), {"scopes": ["steps.read"]})).status_code == 404
    assert (await mother.post(acceptance(later), {"scopes": ["weight.read"]})).status_code == 201
    assert (await daughter.get("/v1/me/invitations")).json() == {"invitations": []}
    known = await run_sql(app, "SELECT 1 FROM relatives WHERE person_id = :id", id=daughter.id)
    assert len(known) == 1


async def test_only_so_many_invitations_wait_at_once(make: Make) -> None:
    daughter = await make.person()
    for _ in range(20):
        await make.watch(daughter, ["steps.read"])
    asked = {"purpose": "family_watch", "scopes": ["steps.read"]}
    full = refusal(await daughter.post("/v1/me/invitations", asked))
    assert (full[0], full[1]["code"]) == (409, "conflict")
    first = (await daughter.get("/v1/me/invitations")).json()["invitations"][0]["id"]
    await daughter.request("DELETE", f"/v1/me/invitations/{first}")
    assert (await daughter.post("/v1/me/invitations", asked)).status_code == 201


async def test_no_row_of_the_one_holds_the_others_id(make: Make, app: FastAPI) -> None:
    daughter, mother = await pair(make)
    case = (await make.watching(daughter, mother, ["steps.read"]))["case"]
    for one, other in ((daughter, mother), (mother, daughter)):
        for table, column in tables_of_a_person().items():
            rows = await run_sql(
                app,
                f"SELECT t::text FROM {table} t WHERE {column} = :id",  # noqa: S608
                id=one.id,
            )
            assert str(other.id) not in str(rows), table
    found = await traces(app, [UUID(case["relative"]["id"])])
    assert found == {
        ("relatives", "relative_id"),
        ("cases", "relative_id"),
        ("case_handles", "relative_id"),
        ("consents", "recipient_id"),
    }


async def test_what_the_person_calls_the_relative_is_sealed(make: Make, app: FastAPI) -> None:
    daughter, mother = await pair(make)
    names = {"label": "okaasan-desu", "relative_label": "ohana-chan"}
    await make.watching(daughter, mother, ["steps.read"], **names)
    assert await traces(app, [], *names.values()) == set()


async def test_an_organization_is_no_relative(make: Make) -> None:
    nurse, mother = await make.staff(), await make.person()
    code = await make.invitation(nurse, ["steps.read"])
    wanted = {"scopes": ["steps.read"], "relative_label": "花子"}
    status, document = refusal(await mother.post(acceptance(code), wanted))
    assert status == 422
    assert document["errors"] == [{"pointer": "/relative_label", "code": "no_relative"}]
