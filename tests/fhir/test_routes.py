"""The FHIR API as a whole: Patients, Consents, what it says of itself, and how it refuses."""

from uuid import uuid4

import pytest
from fastapi import FastAPI
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.capabilitystatement import CapabilityStatement
from fhir.resources.R4B.consent import Consent
from fhir.resources.R4B.operationoutcome import OperationOutcome
from fhir.resources.R4B.patient import Patient

from tests.fhir.reading import R4, Json, link, opened, outcome, resources
from tests.make import Caller, Make
from vitalkeep.app import create_app
from vitalkeep.base.errors import Problem, problem_classes
from vitalkeep.base.keys import DirectoryKeyring
from vitalkeep.base.outbound import inside_client
from vitalkeep.base.settings import Settings
from vitalkeep.datatypes.registry import BY_NAME
from vitalkeep.fhir.outcomes import to_outcome

JSON_FORMS = ["application/fhir+json", "text/html, application/json;q=0.9", "*/*", "application/*"]


async def test_everybody_may_know_what_can_be_read(make: Make) -> None:
    answer = await make.client.get(f"{R4}/metadata")
    assert answer.headers["content-type"] == "application/fhir+json"
    CapabilityStatement.model_validate_json(answer.content)
    statement = answer.json()
    assert (statement["fhirVersion"], statement["kind"]) == ("4.0.1", "instance")
    told = {each["type"]: each for each in statement["rest"][0]["resource"]}
    assert set(told) == {"Patient", "Observation", "Consent"}
    searches = [each["name"] for each in told["Observation"]["searchParam"]]
    assert searches == ["patient", "code", "category", "date", "_lastUpdated"]


async def test_links_lead_to_where_the_operator_says_the_server_is(
    make: Make, settings: Settings, keyring: DirectoryKeyring
) -> None:
    elsewhere = settings.model_copy(update={"public_url": "https://health.example/"})
    told = create_app(elsewhere, keyring)
    async with inside_client(told) as client:
        statement = (await client.get(f"{R4}/metadata")).json()
    assert statement["implementation"]["url"] == "https://health.example/fhir/R4"
    untold = (await make.client.get(f"{R4}/metadata")).json()
    assert untold["implementation"]["url"] == "http://vitalkeep.test/fhir/R4"


async def test_a_patient_is_a_case_with_the_name_the_person_chose(make: Make) -> None:
    nurse, _, case = await opened(make)
    answer = await nurse.get(f"{R4}/Patient/{case}")
    Patient.model_validate_json(answer.content)
    shown = (await nurse.get(f"/v1/cases/{case}")).json()
    assert answer.json() == {
        "resourceType": "Patient",
        "id": case,
        "active": True,
        "managingOrganization": {"display": shown["organization"]["name"]},
        "name": [{"text": "田中 さくら"}],
    }


async def test_a_nurse_finds_her_cases_page_by_page(make: Make) -> None:
    nurse = await make.staff()
    cases = [await make.case(nurse, await make.person(), ["steps.read"]) for _ in range(3)]
    ids = [each["case"]["id"] for each in reversed(cases)]
    first = await nurse.get(f"{R4}/Patient", _count=2)
    Bundle.model_validate_json(first.content)
    following = link(first, "next")
    assert following is not None
    second = await nurse.request("GET", following)
    assert [each["id"] for each in (*resources(first), *resources(second))] == ids
    assert link(second, "next") is None
    (one,) = resources(await nurse.get(f"{R4}/Patient", _id=ids[1]))
    assert one["id"] == ids[1]
    assert resources(await nurse.get(f"{R4}/Patient", _id="none")) == []
    assert resources(await (await make.staff()).get(f"{R4}/Patient")) == []
    assert outcome(await (await make.staff()).request("GET", following)) == (
        400,
        "invalid_cursor",
        "value",
    )


async def test_a_consent_says_what_was_agreed_for_whom_and_under_which_text(make: Make) -> None:
    nurse, person, case = await opened(make, ["sleep.read"])
    recipient = {"kind": "organization", "id": str(nurse.organization_id)}
    (given,) = await make.consents(person, ["weight.read"], recipient=recipient, purpose="guidance")
    page = await nurse.get(f"{R4}/Consent", patient=f"Patient/{case}")
    Bundle.model_validate_json(page.content)
    weight, sleep = resources(page)
    if weight["provision"]["code"][0]["text"] != "Weight":
        weight, sleep = sleep, weight
    Consent.model_validate(weight)
    assert weight["id"] == (case + given["id"]).replace("-", "")
    assert weight["dateTime"] == weight["provision"]["period"]["start"] == given["given_at"]
    assert weight["patient"] == {"reference": f"Patient/{case}"}
    assert weight["organization"][0]["identifier"]["value"] == str(nurse.organization_id)
    assert weight["provision"]["purpose"][0]["code"] == "guidance"
    assert weight["provision"]["code"][0]["coding"][0]["code"] == BY_NAME["weight"].fhir.loinc
    assert sleep["provision"]["code"][0]["coding"][0]["code"] == BY_NAME["sleep"].fhir.loinc
    assert "policyRule" in sleep  # nothing was shown with the invitation
    (policy,) = weight["policy"]
    text = await person.get(policy["uri"].partition("vitalkeep.test")[2])
    assert policy["extension"][0]["valueString"] == text.json()["sha256"]
    assert (await nurse.get(f"{R4}/Consent/{weight['id']}")).json() == weight


async def test_a_consent_with_bounds_says_them_and_a_withdrawn_one_is_gone(make: Make) -> None:
    nurse, person, case = await opened(make, ["steps.read"])
    bounds = {
        "valid_until": "2099-01-01T00:00:00Z",
        "data_from": "2026-01-01T00:00:00Z",
        "data_until": "2098-01-01T00:00:00Z",
    }
    recipient = {"kind": "organization", "id": str(nurse.organization_id)}
    (given,) = await make.consents(
        person, ["weight.read"], recipient=recipient, purpose="guidance", **bounds
    )
    elsewhere = {"kind": "organization", "id": str(await make.organization())}
    await make.consents(person, ["sleep.read"], recipient=elsewhere, purpose="guidance")
    path = f"{R4}/Consent/{(case + given['id']).replace('-', '')}"
    provision = (await nurse.get(path)).json()["provision"]
    assert provision["period"]["end"] == bounds["valid_until"]
    assert provision["dataPeriod"] == {"start": bounds["data_from"], "end": bounds["data_until"]}
    assert len(resources(await nurse.get(f"{R4}/Consent", patient=case))) == 2
    await person.post(f"/v1/me/consents/{given['id']}/withdrawal", {})
    assert outcome(await nurse.get(path)) == (404, "not_found", "not-found")
    assert len(resources(await nurse.get(f"{R4}/Consent", patient=case))) == 1


def paths(case: str) -> list[str]:
    """Everything that can be asked about a case."""
    half = case.replace("-", "")
    return [
        f"{R4}/Patient/{case}",
        f"{R4}/Observation?patient={case}",
        f"{R4}/Observation?patient=Patient/{case}&code=8867-4",
        f"{R4}/Observation?patient={case}&code=nothing",
        f"{R4}/Observation?patient={case}&category=activity",
        f"{R4}/Observation/{half}{uuid4().hex}",
        f"{R4}/Consent?patient={case}",
        f"{R4}/Consent/{half}{uuid4().hex}",
    ]


async def test_foreign_unknown_closed_and_misspelt_give_one_404(make: Make, app: FastAPI) -> None:
    nurse, person, case = await opened(make)
    (mine, *_) = resources(await nurse.get(f"{R4}/Observation", patient=case))
    stranger, colleague = await make.staff(), await make.staff(nurse.organization_id)
    answers = [
        await caller.request("GET", path)
        for caller in (stranger, colleague)
        for path in [*paths(case), f"{R4}/Observation/{mine['id']}"]
    ]
    for unknown in (str(uuid4()), case.upper(), "a%20b", "x" * 80):
        answers += [await nurse.request("GET", path) for path in paths(unknown)]
    token = (await person.get("/v1/me/deactivation")).json()["confirm_token"]
    await person.post("/v1/me/deactivation", {"confirm_token": token})
    left = [*paths(case), f"{R4}/Observation/{mine['id']}"]
    answers += [await nurse.request("GET", path) for path in left]
    assert {outcome(answer) for answer in answers} == {(404, "not_found", "not-found")}
    assert len({answer.text for answer in answers}) == 1
    assert app.state.settings.public_url not in answers[0].text


async def test_only_staff_read(make: Make) -> None:
    _, person, case = await opened(make)
    for path in [*paths(case), f"{R4}/Patient"]:
        assert outcome(await make.client.get(path)) == (401, "unauthenticated", "login")
        assert outcome(await person.request("GET", path)) == (403, "forbidden", "forbidden")
    nobody = Caller(make.client, person.id, "ey.no.token")
    assert outcome(await nobody.get(f"{R4}/Patient"))[0] == 401


@pytest.mark.parametrize("path", ["metadata", "Patient", "Observation"])
async def test_json_is_the_only_form(make: Make, path: str) -> None:
    nurse, _, case = await opened(make, ["steps.read"])
    asked = f"{R4}/{path}?patient={case}"
    for accept in ("application/fhir+xml", "text/html, application/xml;q=0.9"):
        refused = await nurse.request("GET", asked, headers={"Accept": accept})
        assert outcome(refused) == (406, "invalid_request", "not-supported")
    for accept in JSON_FORMS:
        taken = await nurse.request("GET", asked, headers={"Accept": accept})
        assert taken.status_code == 200
        named = {"Accept": accept}
        refused = await nurse.request("GET", f"{asked}&_format=xml", headers=named)
        assert outcome(refused) == (406, "invalid_request", "not-supported")
    for wanted in ("json", "application/fhir+json", "application/fhir%2Bjson"):
        named = {"Accept": "application/fhir+xml"}
        taken = await nurse.request("GET", f"{asked}&_format={wanted}", headers=named)
        assert taken.status_code == 200


async def test_nothing_can_be_written_and_unknown_resources_are_not_found(make: Make) -> None:
    nurse, _, _ = await opened(make, ["steps.read"])
    refused = await nurse.post(f"{R4}/Observation", {"resourceType": "Observation"})
    assert outcome(refused) == (405, "invalid_request", "not-supported")
    assert refused.headers["allow"] == "GET"
    assert outcome(await nurse.get(f"{R4}/Medication"))[:2] == (404, "not_found")
    assert outcome(await nurse.get("/fhir/R4"))[:2] == (404, "not_found")
    elsewhere = await nurse.get("/fhir/R4B")
    assert elsewhere.headers["content-type"] == "application/problem+json"


async def test_what_is_read_stays_in_no_cache(make: Make) -> None:
    nurse, _, case = await opened(make, ["steps.read"])
    answer = await nurse.get(f"{R4}/Patient/{case}")
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("problem", problem_classes(), ids=lambda each: each.__name__)
def test_every_problem_is_a_valid_outcome(problem: type[Problem]) -> None:
    made: Json = to_outcome(problem())
    OperationOutcome.model_validate(made)
    (issue,) = made["issue"]
    assert issue["details"]["coding"][0]["code"] == problem.code
    assert issue["diagnostics"]
    assert (issue["code"] == "exception") == (
        problem.code in ("internal_error", "confirm_token_invalid")
    )
