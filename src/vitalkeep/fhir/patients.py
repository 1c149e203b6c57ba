"""Cases as FHIR Patients: an id, the name that the person chose to show, and for whom. Pure.

A case has no other name of a person in it, no birthday and no address: none is stored anywhere.
"""

from vitalkeep.care.schemas import CaseView
from vitalkeep.datatypes.descriptors import JsonObject


def to_patient(case: CaseView) -> JsonObject:
    """The Patient of a case; its id is the case's, so it differs from organization to other."""
    patient: JsonObject = {
        "resourceType": "Patient",
        "id": str(case.id),
        "active": case.state == "open",
        "managingOrganization": named(case),
    }
    return patient | ({"name": [{"text": case.label}]} if case.label else {})


def named(case: CaseView) -> JsonObject:
    """The organization that works on the case, by name: it has no resource of its own."""
    return {} if case.organization is None else {"display": case.organization.name}


def reference(case_id: object) -> str:
    """How other resources name the Patient of a case."""
    return f"Patient/{case_id}"
