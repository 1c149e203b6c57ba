"""Somebody else's FHIR client reads a case over HTTP, page after page."""

import asyncio
from datetime import datetime

from fastapi import FastAPI
from fhirclient.client import FHIRClient
from fhirclient.models.consent import Consent
from fhirclient.models.observation import Observation
from fhirclient.models.patient import Patient

from tests.disclosure.reading import over_http
from tests.fhir.reading import opened
from tests.make import Make
from vitalkeep.datatypes.registry import TYPES


def connect(url: str, token: str) -> FHIRClient:
    """A client that knows our capabilities, with a staff member's token."""
    client = FHIRClient(settings={"app_id": "ward", "api_base": f"{url}/fhir/R4"})
    client.server.session.headers["Authorization"] = f"Bearer {token}"
    assert client.prepare()
    assert client.server.capabilityStatement.fhirVersion == "4.0.1"
    return client


def read(url: str, token: str, case: str) -> tuple[list[Observation], list[Observation]]:
    """All Observations of the case, and those of them that are blood pressure."""
    client = connect(url, token)
    with client.server.session:
        patient = Patient.read(case, client.server)
        assert patient.name[0].text == "田中 さくら"
        (only,) = Patient.where({}).perform_resources_iter(client.server)
        assert only.id == case
        everything = Observation.where({"patient": f"Patient/{case}", "_count": "3"})
        found = list(everything.perform_resources_iter(client.server))
        again = Observation.read(found[0].id, client.server)
        assert again.as_json() == found[0].as_json()
        pressure = {"patient": case, "code": "http://loinc.org|85354-9"}
        panels = list(Observation.where(pressure).perform_resources_iter(client.server))
        agreed = list(Consent.where({"patient": case}).perform_resources_iter(client.server))
        assert len(agreed) == len(TYPES)
    return found, panels


async def test_a_foreign_client_reads_patients_observations_and_consents(
    make: Make, app: FastAPI
) -> None:
    nurse, person, case = await opened(make)
    async with over_http(app) as http:
        url = str(http.base_url).rstrip("/")
        found, panels = await asyncio.to_thread(read, url, nurse.token, case)
    own = (await person.get("/v1/me/records")).json()["records"]
    assert [each.identifier[0].value[9:] for each in found] == [record["id"] for record in own]
    (panel,) = panels
    (record,) = [each for each in own if each["type"] == "blood_pressure"]
    values = [each.valueQuantity.value for each in panel.component if each.valueQuantity]
    assert values == [record["systolic_mmhg"], record["diastolic_mmhg"]]
    assert panel.effectiveDateTime.date == datetime.fromisoformat(record["time"])
