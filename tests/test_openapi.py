"""The published document: fresh, true of the running application, and fit for typed clients."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, get_args

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.protocols import Validator

from tests.make import Caller, Make
from vitalkeep.app import ROUTERS
from vitalkeep.datatypes.registry import TYPES
from vitalkeep.records.dialects import DIALECTS, DialectName
from vitalkeep.records.published_dialects import PUBLISHED

COMMITTED: Final = Path(__file__).resolve().parent.parent / "openapi" / "v1.json"
NAMES: Final = [kind.name for kind in TYPES]
PUSHES: Final = ("/v1/me/records", "/v1/me/records/{dialect}")


@pytest.fixture(scope="module")
def document(app: FastAPI) -> dict[str, Any]:
    return app.openapi()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield f"{method.upper()} {path}", operation


def validator(document: dict[str, Any], schema: dict[str, Any]) -> Validator:
    """Judges by a schema that refers to the document's components; formats count."""
    whole = {**schema, "components": document["components"]}
    return Draft202012Validator(whole, format_checker=FormatChecker())


def require_valid(document: dict[str, Any], schema: dict[str, Any], value: Any) -> None:
    found = [
        f"{each.json_path}: {each.message}"
        for each in validator(document, schema).iter_errors(value)
    ]
    assert found == []


def require_answer(document: dict[str, Any], where: str, status: int, body: object) -> None:
    """The body fits what the document says of this answer, and holds no null."""
    method, path = where.split(" ")
    answers = document["paths"][path][method.lower()]["responses"]
    require_valid(document, answers[str(status)]["content"]["application/json"]["schema"], body)
    assert None not in everything_in(body)


def everything_in(value: object) -> Iterator[object]:
    """The value and all values below it."""
    yield value
    below = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for each in below:
        yield from everything_in(each)


def push_examples(document: dict[str, Any], path: str) -> dict[str, Any]:
    body = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]
    return {name: example["value"] for name, example in body["examples"].items()}


def test_the_committed_document_is_the_one_the_code_makes() -> None:
    made = subprocess.run(
        [sys.executable, "-m", "vitalkeep.cli.main", "openapi"], capture_output=True, check=True
    )
    assert made.stdout == COMMITTED.read_bytes(), "openapi/v1.json is stale: run `make openapi`"


def test_every_operation_is_called_as_its_function_and_by_no_other(
    document: dict[str, Any],
) -> None:
    functions = [
        route.endpoint.__name__
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, APIRoute) and route.include_in_schema
    ]
    named = [operation["operationId"] for _, operation in operations(document)]
    assert sorted(named) == sorted(functions)
    assert len(set(named)) == len(named)
    assert {"push_records", "push_dialect_records", "list_records"} <= set(named)


def test_the_record_union_is_named_and_tells_its_branches_apart(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    union = schemas["HealthRecord"]
    assert union["discriminator"]["propertyName"] == "type"
    assert union["discriminator"]["mapping"].keys() == set(NAMES)
    assert sorted(union["discriminator"]["mapping"].values()) == sorted(
        branch["$ref"] for branch in union["oneOf"]
    )
    for name, target in union["discriminator"]["mapping"].items():
        tag = schemas[target.rpartition("/")[2]]["properties"]["type"]
        assert (tag["const"], tag["enum"]) == (name, [name])


def test_every_refusal_is_a_problem_and_nothing_else(document: dict[str, Any]) -> None:
    problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
    outcome = {"schema": {"$ref": "#/components/schemas/OperationOutcome"}}
    for where, operation in operations(document):
        announced = {"application/problem+json": problem}
        if where.startswith("GET /fhir/R4/"):
            announced = {"application/fhir+json": outcome}
        refusals = {s: r for s, r in operation["responses"].items() if s[0] in "45"}
        assert refusals.keys() >= {"500", "503"}, where
        for status, refusal in refusals.items():
            assert refusal["content"] == announced, (where, status)


def test_every_push_has_an_example_of_each_type(document: dict[str, Any]) -> None:
    assert push_examples(document, PUSHES[0]).keys() == set(NAMES)
    spoken = {
        f"{dialect}.{kind.name}"
        for dialect in DIALECTS
        for kind in TYPES
        if dialect != "open-mhealth" or kind.open_mhealth is not None
    }
    assert push_examples(document, PUSHES[1]).keys() == {
        *spoken,
        "health-connect.changes",
        "healthkit.changes",
    }


def test_every_dialect_is_published_and_its_bodies_are_told_apart(
    document: dict[str, Any],
) -> None:
    (parameter,) = document["paths"][PUSHES[1]]["post"]["parameters"]
    assert parameter["schema"]["enum"] == list(DIALECTS) == list(get_args(DialectName))
    assert list(PUBLISHED) == list(DIALECTS)
    for name, body in push_examples(document, PUSHES[1]).items():
        fitting = [
            schema
            for schema in (each for p in PUBLISHED.values() for each in p.bodies)
            if validator(document, {"$ref": f"#/components/schemas/{schema}"}).is_valid(body)
        ]
        assert len(fitting) == 1, name


@pytest.mark.parametrize("path", PUSHES)
async def test_an_example_of_a_push_is_valid_and_accepted_as_printed(
    document: dict[str, Any], make: Make, path: str
) -> None:
    content = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]
    person = await make.person()
    for name, body in push_examples(document, path).items():
        require_valid(document, content["schema"], body)
        answer = await person.post(path.replace("{dialect}", name.partition(".")[0]), body)
        assert answer.status_code == 200, answer.text
        (verdict,) = answer.json()["results"]
        # One record stands in two examples of a dialect.
        expected = "unchanged" if name.endswith(".changes") else "created"
        assert verdict["status"] == expected, name
        require_answer(document, f"POST {path}", 200, answer.json())
    require_answer(document, f"POST {path}", 200, answer.json())


@pytest.mark.parametrize("name", NAMES)
async def test_a_schema_s_own_example_is_valid_and_accepted(
    document: dict[str, Any], make: Make, name: str
) -> None:
    schemas = document["components"]["schemas"]
    target = schemas["HealthRecord"]["discriminator"]["mapping"][name]
    example = schemas[target.rpartition("/")[2]]["example"]
    require_valid(document, {"$ref": target}, example)
    person = await make.person()
    assert await person.statuses(example) == ["created"]


@pytest.fixture(scope="module")
async def party(make: Make) -> tuple[Caller, Caller, str]:
    """A person with a record of every type and one consent withdrawn, and a nurse who read them."""
    person, nurse = await make.person(), await make.staff()
    await person.push(*(make.record(name) for name in NAMES))
    case = await make.case(nurse, person, [f"{name}.read" for name in NAMES])
    case_id = str(case["case"]["id"])
    assert (await nurse.get(f"/v1/cases/{case_id}/records")).status_code == 200
    given = (await person.get("/v1/me/consents")).json()["consents"]
    gone = next(each["id"] for each in given if each["scope"] == "sleep.collect")
    await person.post(f"/v1/me/consents/{gone}/withdrawal", {})
    return person, nurse, case_id


@pytest.mark.parametrize(
    ("path", "key", "at_least"),
    [
        ("/v1/me/records", "records", 9),
        ("/v1/me/days", "days", 9),
        ("/v1/me/changes", "changes", 10),
        ("/v1/me/consents", "consents", 19),
        ("/v1/me/consent-events", "events", 21),
        ("/v1/me/access-log", "entries", 10),
        ("/v1/me/cases", "cases", 1),
        ("/v1/policies", "policies", 2),
    ],
)
async def test_a_person_s_lists_are_as_described(
    document: dict[str, Any],
    party: tuple[Caller, Caller, str],
    path: str,
    key: str,
    at_least: int,
) -> None:
    answer = (await party[0].get(path)).json()
    assert len(answer[key]) >= at_least
    require_answer(document, f"GET {path}", 200, answer)


async def test_pages_deletions_and_single_things_are_as_described(
    document: dict[str, Any], party: tuple[Caller, Caller, str]
) -> None:
    person, _, _ = party
    page = (await person.get("/v1/me/records", limit=2)).json()
    assert page["next_cursor"]
    require_answer(document, "GET /v1/me/records", 200, page)
    record_id = page["records"][0]["id"]
    record = (await person.get(f"/v1/me/records/{record_id}")).json()
    require_answer(document, "GET /v1/me/records/{record_id}", 200, record)
    changes = (await person.get("/v1/me/changes")).json()["changes"]
    assert {change["op"] for change in changes} == {"upsert", "delete"}
    everything = (await person.get("/v1/me/consents", state="all")).json()
    assert {each["state"] for each in everything["consents"]} == {"active", "withdrawn"}
    require_answer(document, "GET /v1/me/consents", 200, everything)
    require_answer(document, "GET /v1/me", 200, (await person.get("/v1/me")).json())


async def test_what_a_nurse_is_answered_is_as_described(
    document: dict[str, Any], party: tuple[Caller, Caller, str]
) -> None:
    _, nurse, case_id = party
    require_answer(document, "GET /v1/cases", 200, (await nurse.get("/v1/cases")).json())
    case = (await nurse.get(f"/v1/cases/{case_id}")).json()
    require_answer(document, "GET /v1/cases/{case_id}", 200, case)
    records = (await nurse.get(f"/v1/cases/{case_id}/records", limit=3)).json()
    require_answer(document, "GET /v1/cases/{case_id}/records", 200, records)
    asked = {"purpose": "guidance", "scopes": ["steps.read"]}
    invited = await nurse.post("/v1/cases/invitations", asked)
    require_answer(document, "POST /v1/cases/invitations", 201, invited.json())


async def test_verdicts_of_every_kind_are_as_described(
    document: dict[str, Any], make: Make
) -> None:
    person = await make.person()
    old = make.record(client_version=2)
    await person.push(old)
    bad = make.record(count=-1)
    result = await person.push(old, {**old, "client_version": 1}, bad, make.record("weight"))
    assert {each["status"] for each in result["results"]} >= {"unchanged", "rejected", "created"}
    require_answer(document, "POST /v1/me/records", 200, result)


async def test_leaving_is_answered_as_described(document: dict[str, Any], make: Make) -> None:
    nurse, person = await make.staff(), await make.person()
    accepted = await make.case(nurse, person, ["steps.read"])
    require_answer(document, "POST /v1/me/invitations/{code}/acceptance", 201, accepted)
    preview = (await person.get("/v1/me/deactivation")).json()
    assert preview["recipients"]
    require_answer(document, "GET /v1/me/deactivation", 200, preview)
    confirmed = {"confirm_token": preview["confirm_token"]}
    done = await person.post("/v1/me/deactivation", confirmed)
    require_answer(document, "POST /v1/me/deactivation", done.status_code, done.json())
    erasure = await make.client.get(f"/v1/erasures/{preview['erasure_id']}")
    require_answer(document, "GET /v1/erasures/{erasure_id}", 200, erasure.json())
    refused = await person.get("/v1/me")
    assert refused.status_code == 401
    require_valid(document, {"$ref": "#/components/schemas/Problem"}, refused.json())
