"""The CapabilityStatement: what can be read here, searched by what. Pure."""

from typing import Final

from vitalkeep import __version__
from vitalkeep.datatypes.descriptors import JsonObject
from vitalkeep.datatypes.registry import TYPES
from vitalkeep.fhir import vocabulary as words

CHANGED: Final = "2026-11-22"
"""When what is said here last changed."""
SECURITY: Final = (
    "Bearer tokens of POST /oauth/token with the role staff, 15 minutes each. A Patient is a case: "
    "what a person agreed to show to one organization for one purpose. Every read of Observations "
    "is written down and shown to the person."
)
SEARCHES: Final[dict[str, dict[str, tuple[str, str]]]] = {
    "Patient": {"_id": ("token", "The case.")},
    "Observation": {
        "patient": ("reference", "The case; required."),
        "code": ("token", "LOINC code, or our type's name; a list means any of them."),
        "category": ("token", "vital-signs, activity or laboratory."),
        "date": (
            "date",
            "Start of what was measured, with eq, ge, gt, le, lt, sa or eb; a date without an "
            "offset is in UTC.",
        ),
        "_lastUpdated": ("date", "When the server stored this state of the record."),
    },
    "Consent": {"patient": ("reference", "The case; required.")},
}
PAGING: Final = ("_count", "number", "Entries a page, 100 unless told, at most 1,000.")


def capability_statement(base: str) -> JsonObject:
    """The statement of the server whose FHIR API is at `base`."""
    profiles = sorted({each.fhir.profile for each in TYPES if each.fhir.profile is not None})
    resources = []
    for name, searches in SEARCHES.items():
        resource: JsonObject = {
            "type": name,
            "interaction": [{"code": "read"}, {"code": "search-type"}],
            "versioning": "no-version",
            "searchParam": [
                {"name": each, "type": kind, "documentation": said}
                for each, (kind, said) in searches.items()
            ],
        }
        if name == "Observation":
            resource["supportedProfile"] = profiles
        resources.append(resource)
    service = words.coding(
        "http://terminology.hl7.org/CodeSystem/restful-security-service", "OAuth"
    )
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": CHANGED,
        "kind": "instance",
        "software": {"name": "vitalkeep", "version": __version__},
        "implementation": {"description": "vitalkeep", "url": base},
        "fhirVersion": words.FHIR_VERSION,
        "format": ["application/fhir+json", "json"],
        "rest": [
            {
                "mode": "server",
                "security": {"service": [words.concept(service)], "description": SECURITY},
                "resource": resources,
                "searchParam": [{"name": PAGING[0], "type": PAGING[1], "documentation": PAGING[2]}],
            }
        ],
    }
