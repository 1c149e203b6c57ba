"""Code systems and extensions, other people's and ours, and the small elements built of them.

Ours are URNs: nobody can look them up, so none stands where a published one would do.
Source: HL7 FHIR R4 (4.0.1), datatypes; terminology.hl7.org.
"""

from typing import Final

from vitalkeep.datatypes.descriptors import JsonObject
from vitalkeep.datatypes.times import offset_minutes, time_text, to_instant

FHIR_VERSION: Final = "4.0.1"
LOINC: Final = "http://loinc.org"
UCUM: Final = "http://unitsofmeasure.org"
CATEGORY: Final = "http://terminology.hl7.org/CodeSystem/observation-category"

OURS: Final = "urn:vitalkeep:fhir:"
TYPE: Final = f"{OURS}type"
FIELD: Final = f"{OURS}field"
STAGE: Final = f"{OURS}sleep-stage"
TIME_IN_STAGE: Final = f"{OURS}time-in-sleep-stage"
PURPOSE: Final = f"{OURS}purpose"
PROBLEM: Final = f"{OURS}problem"
ORGANIZATION: Final = f"{OURS}organization"
CLIENT_ID: Final = f"{OURS}client-id"
PLATFORM_ID: Final = f"{OURS}platform-id"

APP: Final = f"{OURS}app"
RECORDING_METHOD: Final = f"{OURS}recording-method"
ORIGINAL: Final = f"{OURS}original"
CLIENT_VERSION: Final = f"{OURS}client-version"
SAMPLE_TIME: Final = f"{OURS}time"
POLICY_SHA256: Final = f"{OURS}policy-sha256"

FARTHEST_OFFSET: Final = 14 * 60
"""Minutes; a FHIR dateTime takes no offset beyond it, ours reach 18 hours."""


def coding(system: str, code: str) -> JsonObject:
    """A Coding."""
    return {"system": system, "code": code}


def concept(*codings: JsonObject, text: str | None = None) -> JsonObject:
    """A CodeableConcept of these codings, and its words for people."""
    made: JsonObject = {"coding": list(codings)}
    return made if text is None else {**made, "text": text}


def quantity(value: object, ucum: str) -> JsonObject:
    """A Quantity; the unit for people is the UCUM code, which vital signs demand anyway."""
    return {"value": value, "unit": ucum, "system": UCUM, "code": ucum}


def extension(url: str, **value: object) -> JsonObject:
    """An Extension with its one value."""
    return {"url": url, **value}


def choices_system(name: str) -> str:
    """The system of a type's enumeration, as `urn:vitalkeep:fhir:BodyPosition`."""
    return OURS + name


def to_datetime(text: str) -> str:
    """A record's time as a dateTime: as it is, or in UTC where its offset is beyond 14 hours."""
    offset = offset_minutes(text)
    if offset is None or abs(offset) <= FARTHEST_OFFSET:
        return text
    return time_text(to_instant(text), None)
