"""What everybody is answered, route by route: one column for each of `town.ACTORS`.

The rows of a route are for an id that is the caller's own, somebody else's, and nobody's; a route
that names nobody has one row. "Own" for staff is the case they have to do with, and ids of their
organization; for Sakura's relative it is the case in which they watch, and else what is Sakura's.
"""

from typing import Final

# anonymous app person other family, nurse outsider caseless, purpose expired withdrawn closed,
# employer admin coordinator erased
ANYBODY: Final = "200 200 200 200 200 200 200 200 200 200 200 200 200 200 200 200"  # for everybody
# whoever has an account, for themselves
A_PERSON: Final = "401 403 200 200 200 403 403 403 403 403 403 403 403 403 403 401"
# the same, making something
A_PERSON_MAKES: Final = "401 403 201 201 201 403 403 403 403 403 403 403 403 403 403 401"
# whose it is; not who watches over them
ITS_PERSON: Final = "401 403 200 200 404 403 403 403 403 403 403 403 403 403 403 401"
NO_PERSON: Final = "401 403 404 404 404 403 403 403 403 403 403 403 403 403 403 401"  # no person's
# who reads the case's records
ITS_READERS: Final = "401 403 404 404 200 200 404 404 404 404 404 404 403 403 403 401"
# nobody reads its records
NO_READER: Final = "401 403 404 404 404 404 404 404 404 404 404 404 403 403 403 401"
# who sees the case
WHO_SEES_IT: Final = "401 403 404 404 200 200 404 404 404 404 404 404 404 403 200 401"
# nobody sees it
NOBODY_SEES_IT: Final = "401 403 404 404 404 404 404 404 404 404 404 404 404 403 404 401"
# of staff, who reads its records
CLINICAL_READERS: Final = "401 403 403 403 403 200 404 404 404 404 404 404 403 403 403 403"
# of staff, nobody
NO_CLINICAL_READER: Final = "401 403 403 403 403 404 404 404 404 404 404 404 403 403 403 403"
# of staff, who sees the case
STAFF_WHO_SEE_IT: Final = "401 403 403 403 403 200 404 404 404 404 404 404 404 403 200 403"
# of staff, nobody
NO_STAFF: Final = "401 403 403 403 403 404 404 404 404 404 404 404 404 403 404 403"
# staff of cases, also those with none
STAFF_WITH_CASES: Final = "401 403 403 403 403 200 200 200 200 200 200 200 200 403 200 403"
# of the organization
ADMINISTRATOR: Final = "401 403 403 403 403 403 403 403 403 403 403 403 403 200 403 403"
# of the organization
ADMINISTRATOR_MAKES: Final = "401 403 403 403 403 403 403 403 403 403 403 403 403 201 403 403"
# of this one's organization
NO_ADMINISTRATOR: Final = "401 403 403 403 403 403 403 403 403 403 403 403 403 404 403 403"
# of the organization
COORDINATOR: Final = "401 403 403 403 403 403 403 403 403 403 403 403 403 403 200 403"
# of this one's organization
NO_COORDINATOR: Final = "401 403 403 403 403 403 403 403 403 403 403 403 403 403 404 403"
# administrators and coordinators
WHO_KNOWS_COLLEAGUES: Final = "401 403 403 403 403 403 403 403 403 403 403 403 403 200 200 403"
# clients, which none of them names
CLIENTS: Final = "401 401 401 401 401 401 401 401 401 401 401 401 401 401 401 401"

CELLS: Final[dict[str, tuple[str, ...]]] = {
    "DELETE /v1/cases/invitations/{invitation_id}": (
        "401 403 403 403 403 404 404 404 404 404 404 404 404 403 204 403",
        NO_STAFF,
        NO_STAFF,
    ),
    "DELETE /v1/me/connections/{provider}": (NO_PERSON,),  # none of them is connected
    "DELETE /v1/me/invitations/{invitation_id}": (
        "401 403 204 204 204 403 403 403 403 403 403 403 403 403 403 401",
        NO_PERSON,
        NO_PERSON,
    ),
    "DELETE /v1/me/records/{record_id}": (ITS_PERSON, NO_PERSON, NO_PERSON),
    "DELETE /v1/organization/notices": (
        "401 403 403 403 403 403 403 403 403 403 403 403 403 204 403 403",
    ),
    "DELETE /v1/organization/teams/{team_id}": (
        "401 403 403 403 403 403 403 403 403 403 403 403 403 204 403 403",
        NO_ADMINISTRATOR,
        NO_ADMINISTRATOR,
    ),
    "GET /.well-known/jwks.json": (ANYBODY,),
    "GET /.well-known/oauth-authorization-server": (ANYBODY,),
    "GET /fhir/R4/Consent": (STAFF_WHO_SEE_IT, NO_STAFF, NO_STAFF),
    "GET /fhir/R4/Consent/{consent_id}": (STAFF_WHO_SEE_IT, NO_STAFF, NO_STAFF),
    "GET /fhir/R4/Observation": (CLINICAL_READERS, NO_CLINICAL_READER, NO_CLINICAL_READER),
    "GET /fhir/R4/Observation/{observation_id}": (
        CLINICAL_READERS,
        NO_CLINICAL_READER,
        NO_CLINICAL_READER,
    ),
    "GET /fhir/R4/Patient": (STAFF_WITH_CASES,),
    "GET /fhir/R4/Patient/{patient_id}": (STAFF_WHO_SEE_IT, NO_STAFF, NO_STAFF),
    "GET /fhir/R4/metadata": (ANYBODY,),
    "GET /healthz": (ANYBODY,),
    "GET /metrics": (ANYBODY,),
    "GET /readyz": (ANYBODY,),
    "GET /v1/cases": ("401 403 200 200 200 200 200 200 200 200 200 200 200 403 200 401",),
    "GET /v1/cases/invitations": (STAFF_WITH_CASES,),
    "GET /v1/cases/{case_id}": (WHO_SEES_IT, NOBODY_SEES_IT, NOBODY_SEES_IT),
    "GET /v1/cases/{case_id}/days": (ITS_READERS, NO_READER, NO_READER),
    "GET /v1/cases/{case_id}/records": (ITS_READERS, NO_READER, NO_READER),
    # without a state, which nobody here was given
    "GET /v1/connections/callback": (
        "422 422 422 422 422 422 422 422 422 422 422 422 422 422 422 422",
    ),
    "GET /v1/erasures/{erasure_id}": (
        ANYBODY,
        ANYBODY,
        "404 404 404 404 404 404 404 404 404 404 404 404 404 404 404 404",
    ),
    "GET /v1/me": (A_PERSON,),
    "GET /v1/me/access-log": (A_PERSON,),
    "GET /v1/me/cases": (A_PERSON,),
    "GET /v1/me/changes": (A_PERSON,),
    "GET /v1/me/connections": (A_PERSON,),
    "GET /v1/me/consent-events": (A_PERSON,),
    "GET /v1/me/consents": (A_PERSON,),
    "GET /v1/me/consents/{consent_id}": (ITS_PERSON, NO_PERSON, NO_PERSON),
    "GET /v1/me/consents/{consent_id}/receipt": (ITS_PERSON, NO_PERSON, NO_PERSON),
    "GET /v1/me/days": (A_PERSON,),
    "GET /v1/me/deactivation": (A_PERSON,),
    "GET /v1/me/export": (A_PERSON,),
    "GET /v1/me/invitations": (A_PERSON,),
    "GET /v1/me/invitations/{code}": (A_PERSON, A_PERSON, NO_PERSON),
    "GET /v1/me/provision-records": (A_PERSON,),
    "GET /v1/me/records": (A_PERSON,),
    "GET /v1/me/records/{record_id}": (ITS_PERSON, NO_PERSON, NO_PERSON),
    "GET /v1/me/source-priority": (A_PERSON,),
    "GET /v1/organization": (WHO_KNOWS_COLLEAGUES,),
    "GET /v1/organization/notices": (NO_ADMINISTRATOR,),  # none of them has named a URL
    "GET /v1/organization/staff": (WHO_KNOWS_COLLEAGUES,),
    "GET /v1/organization/teams": (WHO_KNOWS_COLLEAGUES,),
    "GET /v1/policies": (ANYBODY,),
    "GET /v1/policies/{policy_id}/{version}/{locale}": (ANYBODY,),
    "PATCH /v1/me": (A_PERSON,),
    "PATCH /v1/organization": (ADMINISTRATOR,),
    "PATCH /v1/organization/staff/{staff_id}": (ADMINISTRATOR, NO_ADMINISTRATOR, NO_ADMINISTRATOR),
    "PATCH /v1/organization/teams/{team_id}": (ADMINISTRATOR, NO_ADMINISTRATOR, NO_ADMINISTRATOR),
    "POST /oauth/revoke": (CLIENTS,),
    "POST /oauth/token": (CLIENTS,),
    "POST /v1/cases/invitations": (
        "401 403 403 403 403 201 201 201 201 201 201 201 403 403 201 403",
    ),
    "POST /v1/cases/{case_id}/closure": (WHO_SEES_IT, NOBODY_SEES_IT, NOBODY_SEES_IT),
    "POST /v1/cases/{case_id}/handover": (COORDINATOR, NO_COORDINATOR, NO_COORDINATOR),
    "POST /v1/deactivation-links": (
        "401 201 403 403 403 403 403 403 403 403 403 403 403 403 403 403",
    ),
    # the town's server takes no notifications
    "POST /v1/google-health/notifications": (
        "404 404 404 404 404 404 404 404 404 404 404 404 404 404 404 404",
    ),
    "POST /v1/me/cases/{case_id}/closure": (ITS_PERSON, NO_PERSON, NO_PERSON),
    # the town's server has no Google project
    "POST /v1/me/connections/{provider}": (
        "401 403 409 409 409 403 403 403 403 403 403 403 403 403 403 401",
    ),
    "POST /v1/me/connections/{provider}/sync": (NO_PERSON,),
    "POST /v1/me/consents": (A_PERSON_MAKES,),
    "POST /v1/me/consents/{consent_id}/pause": (ITS_PERSON, NO_PERSON, NO_PERSON),
    "POST /v1/me/consents/{consent_id}/resume": (ITS_PERSON, NO_PERSON, NO_PERSON),
    "POST /v1/me/consents/{consent_id}/withdrawal": (ITS_PERSON, NO_PERSON, NO_PERSON),
    "POST /v1/me/deactivation": (
        "401 403 409 409 409 403 403 403 403 403 403 403 403 403 403 401",
    ),
    "POST /v1/me/invitations": (A_PERSON_MAKES,),
    "POST /v1/me/invitations/{code}/acceptance": (A_PERSON_MAKES, A_PERSON_MAKES, NO_PERSON),
    "POST /v1/me/records": (A_PERSON,),
    "POST /v1/me/records/delete": (A_PERSON,),
    "POST /v1/me/records/{dialect}": (A_PERSON,),
    "POST /v1/organization/staff": (ADMINISTRATOR_MAKES,),
    "POST /v1/organization/teams": (ADMINISTRATOR_MAKES,),
    "PUT /v1/cases/{case_id}/staff": (COORDINATOR, NO_COORDINATOR, NO_COORDINATOR),
    "PUT /v1/me/platform-grants": (A_PERSON,),
    "PUT /v1/me/source-priority": (A_PERSON,),
    "PUT /v1/organization/notices": (ADMINISTRATOR,),
}
