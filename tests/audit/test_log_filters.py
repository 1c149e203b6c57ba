"""The access log narrowed down, and as a file."""

import csv
import io
from datetime import timedelta
from typing import Any

import orjson
import pytest
import pytest_asyncio
from fastapi import FastAPI

from tests.care.sql import refusal, run_sql
from tests.make import Caller, Make
from vitalkeep.audit import log_export, routes
from vitalkeep.base import clock


@pytest_asyncio.fixture(scope="module")
async def read(make: Make) -> tuple[Caller, dict[str, Any]]:
    """A person whose two cases were read, and the second also refused; and the second case."""
    nurse, physician, person = (
        await make.staff(),
        await make.staff(await make.organization("medical_institution")),
        await make.person(),
    )
    first = (await make.case(nurse, person, ["steps.read", "weight.read"]))["case"]
    await nurse.get(f"/v1/cases/{first['id']}/records")
    code = await make.invitation(physician, ["steps.read"], purpose="teleconsultation")
    accepted = await person.post(
        f"/v1/me/invitations/{code}/acceptance", {"scopes": ["steps.read"]}
    )
    second: dict[str, Any] = accepted.json()["case"]
    await physician.get(f"/v1/cases/{second['id']}/records")
    await physician.get(f"/v1/cases/{second['id']}/days", type="sleep")
    return person, second


async def entries(person: Caller, **query: object) -> list[dict[str, Any]]:
    answer = await person.get("/v1/me/access-log", **query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["entries"]
    return found


async def test_each_filter_keeps_exactly_what_it_names(read: tuple[Caller, dict[str, Any]]) -> None:
    person, second = read
    whole = await entries(person)
    assert len(whole) == 4
    organization = second["organization"]["id"]
    for query, keep in (
        ({"type": "steps"}, lambda each: each["type"] == "steps"),
        ({"type": ["sleep", "weight"]}, lambda each: each["type"] in {"sleep", "weight"}),
        ({"purpose": "teleconsultation"}, lambda each: each["purpose"] == "teleconsultation"),
        ({"organization": organization}, lambda each: each["organization"]["id"] == organization),
        ({"outcome": "denied"}, lambda each: each["outcome"] == "denied"),
        ({"outcome": "given"}, lambda each: each["outcome"] == "given"),
        ({"from": whole[1]["at"]}, lambda each: each["at"] >= whole[1]["at"]),
        ({"to": whole[1]["at"]}, lambda each: each["at"] < whole[1]["at"]),
    ):
        wanted = [each for each in whole if keep(each)]
        assert 0 < len(wanted) < len(whole)
        assert await entries(person, **query) == wanted
    later = (clock.now() + timedelta(hours=1)).isoformat()
    assert await entries(person, **{"from": later}) == []


async def test_a_filter_holds_across_pages(read: tuple[Caller, dict[str, Any]]) -> None:
    person, _ = read
    wanted = await entries(person, type="steps")
    first = (await person.get("/v1/me/access-log", type="steps", limit=1)).json()
    second = await person.get(
        "/v1/me/access-log", type="steps", limit=1, cursor=first["next_cursor"]
    )
    assert first["entries"] + second.json()["entries"] == wanted
    assert "next_cursor" not in second.json()


@pytest.mark.parametrize(
    "query", [{"type": "mood"}, {"outcome": "maybe"}, {"format": "xml"}, {"from": "yesterday"}]
)
async def test_what_no_filter_knows_is_refused(
    read: tuple[Caller, dict[str, Any]], query: dict[str, str]
) -> None:
    status, document = refusal(await read[0].get("/v1/me/access-log", **query))
    assert (status, document["code"]) == (422, "invalid_request")


async def test_the_files_hold_every_entry_that_the_pages_hold(
    read: tuple[Caller, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    person, _ = read
    monkeypatch.setattr(routes, "FILE_PAGE", 3)
    whole = await entries(person)
    lines = await person.get("/v1/me/access-log", format="ndjson")
    assert lines.headers["content-type"] == "application/x-ndjson"
    assert [orjson.loads(line) for line in lines.text.splitlines()] == whole
    table = await person.get("/v1/me/access-log", format="csv")
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    assert table.headers["content-disposition"].endswith('.csv"')
    rows = list(csv.DictReader(io.StringIO(table.text)))
    for row, entry in zip(rows, whole, strict=True):
        organization = entry.pop("organization")
        flat = {
            **entry,
            "organization_id": organization["id"],
            "organization_name": organization["name"],
        }
        assert {name: cell for name, cell in row.items() if cell} == {
            name: str(value) for name, value in flat.items()
        }
    denied = await person.get("/v1/me/access-log", format="ndjson", outcome="denied")
    assert len(denied.text.splitlines()) == 1


async def test_no_cell_is_a_formula(make: Make, app: FastAPI) -> None:
    nurse, person = await make.staff(), await make.person()
    name = '=HYPERLINK("http://x.example")'
    renamed = "UPDATE organizations SET name = :name WHERE organization_id = :id"
    await run_sql(app, renamed, name=name, id=nurse.organization_id)
    case_id = (await make.case(nurse, person, ["steps.read"]))["case"]["id"]
    await nurse.get(f"/v1/cases/{case_id}/records")
    table = await person.get("/v1/me/access-log", format="csv")
    (row,) = csv.DictReader(io.StringIO(table.text))
    assert row["organization_name"] == f"'{name}"


async def test_a_file_that_breaks_off_has_no_end() -> None:
    async def breaks(_after: object) -> tuple[list[dict[str, object]], None]:
        raise ConnectionResetError

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await log_export.LogStream(breaks, "csv").stream_response(send)
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert sent[-1]["more_body"] is True
