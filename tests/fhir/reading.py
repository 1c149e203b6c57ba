"""A nurse who reads a person's records as FHIR."""

from typing import Any

import httpx

from tests.make import Caller, Make
from vitalkeep.datatypes.registry import TYPES

R4 = "/fhir/R4"
Json = dict[str, Any]
ALL = [f"{kind.name}.read" for kind in TYPES]


async def opened(make: Make, scopes: list[str] | None = None) -> tuple[Caller, Caller, str]:
    """A nurse, a person with one record of every type, and the id of their open case."""
    nurse, person = await make.staff(), await make.person()
    await person.push(*(make.record(kind.name) for kind in TYPES))
    case = await make.case(nurse, person, ALL if scopes is None else scopes)
    return nurse, person, str(case["case"]["id"])


def resources(answer: httpx.Response) -> list[Json]:
    """The resources of a page."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/fhir+json"
    return [entry["resource"] for entry in answer.json().get("entry", [])]


def types_in(answer: httpx.Response) -> list[str]:
    """Our names of the types of a page's Observations, sorted."""
    codings = [each["code"]["coding"][-1] for each in resources(answer)]
    assert {each["system"] for each in codings} <= {"urn:vitalkeep:fhir:type"}
    return sorted(each["code"] for each in codings)


def link(answer: httpx.Response, relation: str) -> str | None:
    """A link of a page, without the deployment's address."""
    found = {each["relation"]: each["url"] for each in answer.json()["link"]}
    return found[relation].partition("vitalkeep.test")[2] if relation in found else None


def outcome(answer: httpx.Response) -> tuple[int, str, str]:
    """Status, problem code and issue type of a refusal."""
    assert answer.headers["content-type"] == "application/fhir+json", answer.text
    document = answer.json()
    assert document["resourceType"] == "OperationOutcome"
    (issue,) = document["issue"]
    return answer.status_code, issue["details"]["coding"][0]["code"], issue["code"]
