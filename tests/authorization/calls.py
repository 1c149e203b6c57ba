"""What each route is called with, so that nothing but who calls decides the answer."""

from collections.abc import Callable
from typing import Any, Final

from tests.authorization.town import SCOPES, Ids, Town
from tests.make import Make
from vitalkeep.demo.policies import sample_ref

Json = dict[str, Any]
Body = Callable[[Make, Town, Ids], Json]


def storage(_make: Make, town: Town, _ids: Ids) -> Json:
    """A consent to the town's one app."""
    return {
        "scopes": ["steps.collect"],
        "recipient": {"kind": "app", "id": str(town.callers["app"].id)},
        "purpose": "storage",
        "policy": sample_ref("ja").model_dump(),
        "source": {"kind": "in_app"},
    }


BODIES: Final[dict[str, Body]] = {
    "PATCH /v1/me": lambda _make, _town, _ids: {"time_zone": "Asia/Tokyo"},
    "POST /v1/deactivation-links": lambda _make, town, _ids: {
        "external_id": town.callers["person"].external_id,
    },
    "POST /v1/me/consents": storage,
    "POST /v1/me/records": lambda make, _town, _ids: {"records": [make.record("steps")]},
    "POST /v1/me/records/{dialect}": lambda _make, _town, _ids: {"records": [{}]},
    "POST /v1/me/records/delete": lambda _make, _town, ids: {"ids": [ids["record_id"]]},
    "POST /v1/me/deactivation": lambda _make, _town, _ids: {"confirm_token": "of-nobody"},
    "POST /v1/me/invitations": lambda _make, _town, _ids: {
        "purpose": "family_watch", "scopes": SCOPES,
    },
    "POST /v1/me/invitations/{code}/acceptance": lambda _make, _town, _ids: {
        "scopes": ["sleep.read"],
    },
    "POST /v1/cases/invitations": lambda _make, _town, _ids: {
        "purpose": "guidance", "scopes": SCOPES,
    },
    "PUT /v1/cases/{case_id}/staff": lambda _make, _town, ids: {"staff": [ids["staff_id"]]},
    "POST /v1/cases/{case_id}/handover": lambda _make, town, ids: {
        "from": ids["staff_id"], "to": str(town.callers["caseless"].id),
    },
    "PUT /v1/me/source-priority": lambda _make, _town, _ids: {
        "sources": [{"device_type": "phone"}],
    },
    "PUT /v1/me/platform-grants": lambda _make, _town, _ids: {
        "platform": "health_connect", "granted": [],
    },
    "POST /v1/me/connections/{provider}": lambda _make, _town, _ids: {
        "types": ["steps"], "redirect_uri": "https://app.kagami.jp.example/google",
    },
    "PATCH /v1/organization": lambda _make, _town, _ids: {"name": "Harbor Guidance"},
    "PUT /v1/organization/notices": lambda _make, _town, _ids: {
        "url": "https://notices.harbor.jp.example/vitalkeep",
    },
    "POST /v1/organization/staff": lambda _make, _town, _ids: {
        "email": "new.nurse@staff.example", "role": "nurse",
    },
    "PATCH /v1/organization/staff/{staff_id}": lambda _make, _town, _ids: {"role": "physician"},
    "POST /v1/organization/teams": lambda _make, _town, _ids: {"name": "Night shift", "staff": []},
    "PATCH /v1/organization/teams/{team_id}": lambda _make, _town, _ids: {"name": "Late shift"},
}  # fmt: skip
"""Bodies of the routes that need one."""

CONSTANTS: Final[Ids] = {
    "dialect": "health-connect",
    "provider": "google-fit",
    "policy_id": sample_ref("ja").id,
    "version": sample_ref("ja").version,
    "locale": "ja",
}
"""Parameters of paths that name nobody."""

BY_PATIENT: Final = frozenset({"GET /fhir/R4/Observation", "GET /fhir/R4/Consent"})
"""Searches that name a case in their query."""
