"""Cases as FHIR Patients: an id, the name that the person chose to show, and for whom. Pure.

A case has no other name of a person in it, no birthday and no address: none is stored anywhere.
"""

from vitalkeep.care.cases import CaseSummary
from vitalkeep.datatypes.descriptors import JsonObject


def to_patient(case: CaseSummary) -> JsonObject:
    """The Patient of a case; its id is the case's, so it differs from organization to other."""
    patient: JsonObject = {
        "resourceType": "Patient",
        "id": str(case.id),
        "active": case.state == "open",
        "managingOrganization": {"display": case.organization_name},
    }
    return patient | ({"name": [{"text": case.label}]} if case.label else {})


def reference(case_id: object) -> str:
    """How other resources name the Patient of a case."""
    return f"Patient/{case_id}"
