"""What a person agreed to for a case, as FHIR Consents: one for each type that may be read.

Source: HL7 FHIR R4, Consent; its examples of value sets for scope, category, action and class.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base import clock
from vitalkeep.base.errors import NotFound
from vitalkeep.base.keys import Keyring
from vitalkeep.care import cases
from vitalkeep.care.readers import list_handles
from vitalkeep.care.schemas import CaseView
from vitalkeep.consents.models import Consent
from vitalkeep.consents.policies import PolicyRef, PolicySummary, get_policy
from vitalkeep.consents.stored import ConsentRow, open_shown
from vitalkeep.datatypes.descriptors import JsonObject
from vitalkeep.datatypes.registry import BY_NUMBER
from vitalkeep.fhir import vocabulary as words
from vitalkeep.fhir.identifiers import join_ids
from vitalkeep.fhir.patients import named, reference
from vitalkeep.persons.access import StaffCaller
from vitalkeep.persons.lookup import load_person

TERMS: Final = "http://terminology.hl7.org/CodeSystem/"


@dataclass(frozen=True, slots=True)
class Agreed:
    """A consent in force for a case, and the policy that was shown for it."""

    case: CaseView
    row: ConsentRow
    policy: PolicySummary | None


async def list_agreed(
    connection: AsyncConnection, keyring: Keyring, staff: StaffCaller, case_id: UUID
) -> list[Agreed]:
    """The consents in force for a case of the staff member's, by type. Raises NotFound."""
    case = await cases.get_case(connection, keyring, staff, case_id)
    person_id = (await list_handles(connection, staff, case_id))[case_id]
    person = await load_person(connection, keyring, person_id)
    query = (
        select(Consent)
        .where(
            Consent.person_id == person.person_id,
            Consent.action == "read",
            Consent.state == "active",
            Consent.purpose == case.purpose,
            Consent.recipient_kind == "organization",
            Consent.recipient_id == staff.organization_id,
            or_(Consent.valid_until.is_(None), Consent.valid_until > clock.now()),
        )
        .order_by(Consent.type)
    )
    found = []
    for row in (await connection.execute(query)).all():
        shown = open_shown(person, row)["policy"]
        policy = None if shown is None else await get_policy(connection, PolicyRef(**shown))
        found.append(Agreed(case, row, policy))
    return found


async def get_agreed(
    connection: AsyncConnection, keyring: Keyring, staff: StaffCaller, ids: tuple[UUID, UUID]
) -> Agreed:
    """One consent in force, by case and consent. Raises NotFound."""
    agreed = await list_agreed(connection, keyring, staff, ids[0])
    for each in agreed:
        if each.row.consent_id == ids[1]:
            return each
    raise NotFound


def to_consent(agreed: Agreed, public_url: str) -> JsonObject:
    """The Consent resource; `public_url` is where the policy's text can be read."""
    row, case = agreed.row, agreed.case
    organization: JsonObject = {
        "identifier": {"system": words.ORGANIZATION, "value": str(row.recipient_id)},
        **named(case),
    }
    kind = BY_NUMBER[row.type]
    codes = [words.coding(words.LOINC, kind.fhir.loinc), words.coding(words.TYPE, kind.name)]
    provision: JsonObject = {
        "type": "permit",
        "period": _period(row.given_at, row.valid_until),
        "actor": [
            {
                "role": words.concept(words.coding(f"{TERMS}v3-ParticipationType", "IRCP")),
                "reference": organization,
            }
        ],
        "action": [words.concept(words.coding(f"{TERMS}consentaction", "access"))],
        "purpose": [words.coding(words.PURPOSE, row.purpose)],
        "class": [words.coding("http://hl7.org/fhir/resource-types", "Observation")],
        "code": [words.concept(*codes, text=kind.title)],
    }
    if row.data_from is not None or row.data_until is not None:
        provision["dataPeriod"] = _period(row.data_from, row.data_until)
    return {
        "resourceType": "Consent",
        "id": join_ids(case.id, row.consent_id),
        "status": "active",
        "scope": words.concept(words.coding(f"{TERMS}consentscope", "patient-privacy")),
        "category": [words.concept(words.coding(words.LOINC, "59284-0"), text="Patient consent")],
        "patient": {"reference": reference(case.id)},
        "dateTime": clock.rfc3339(row.given_at),
        "organization": [organization],
        **_policy(agreed.policy, public_url),
        "provision": provision,
    }


def _policy(policy: PolicySummary | None, public_url: str) -> JsonObject:
    """What was shown; a Consent has to name a policy or a rule, so ours stands in for none."""
    if policy is None:
        rule = words.coding(f"{TERMS}v3-ActCode", "OPTIN")
        return {"policyRule": words.concept(rule)}
    uri = f"{public_url}/v1/policies/{policy.id}/{policy.version}/{policy.locale}"
    sha256 = words.extension(words.POLICY_SHA256, valueString=policy.sha256)
    return {"policy": [{"extension": [sha256], "uri": uri}]}


def _period(start: datetime | None, end: datetime | None) -> JsonObject:
    bounds = {"start": start, "end": end}
    return {name: clock.rfc3339(each) for name, each in bounds.items() if each is not None}
