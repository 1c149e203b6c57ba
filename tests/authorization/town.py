"""Everybody who may knock at a route, and the ids that are theirs and somebody else's.

Sakura is the person whom most actors have to do with: a relative watches, nurses work on her cases.
Kenji has an account, a nurse and a relative of his own, and nothing to do with anybody of hers.
"""

from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID, uuid4

from tests.make import App, Caller, Make
from tests.records.stored import change

ACTORS: Final = (
    "anonymous", "app", "person", "other", "family", "nurse", "outsider", "caseless", "purpose",
    "expired", "withdrawn", "closed", "employer", "admin", "coordinator", "erased",
)  # fmt: skip
"""Without a token, an app's backend, Sakura, Kenji, who watches over Sakura; then staff: on her
case, of another organization with no case, on no case, on cases whose consent is for another
purpose, ran out, was withdrawn, whose case is closed; of her employer; an administrator and a
coordinator of her nurse's organization; and somebody who left.
"""
TARGETS: Final = ("own", "foreign", "missing")
SCOPES: Final = ["steps.read", "weight.read"]

Ids = dict[str, str]


@dataclass
class Town:
    """The callers by name, and for each what the parameters of a path stand for."""

    callers: dict[str, Caller]
    own: dict[str, Ids] = field(default_factory=dict)
    foreign: dict[str, Ids] = field(default_factory=dict)

    def ids(self, actor: str, target: str) -> Ids:
        """The parameters of a path for this actor; missing ones are nobody's."""
        if target == "missing":
            nobody = dict.fromkeys(self.own[actor], str(uuid4()))
            pair = to_fhir(str(uuid4()), str(uuid4()))
            return {**nobody, "observation_id": pair, "fhir_consent_id": pair}
        return (self.own if target == "own" else self.foreign)[actor]


@dataclass
class Household:
    """A person with data, the staff who work on their case, a relative, and all their ids."""

    person: Caller
    relative: Caller
    nurse: Caller
    admin: Caller
    coordinator: Caller
    of_person: Ids
    of_relative: Ids
    of_staff: Ids


async def move_in(make: Make, app: App) -> Household:
    """A household whose every id exists."""
    person, relative = await make.person(app), await make.person(app)
    pushed = await person.push(make.record("weight"), make.record("steps"))
    consents = (await person.get("/v1/me/consents")).json()["consents"]
    nurse = await make.staff()
    admin = await make.staff(nurse.organization_id, role="administrator")
    coordinator = await make.staff(nurse.organization_id, role="coordinator")
    opened = await make.case(nurse, person, SCOPES)
    case_id = opened["case"]["id"]
    watching = await make.watching(relative, person, SCOPES)
    asked = await relative.post(
        "/v1/me/invitations", {"purpose": "family_watch", "scopes": ["sleep.read"]}
    )
    mine = await person.post(
        "/v1/me/invitations", {"purpose": "family_watch", "scopes": ["sleep.read"]}
    )
    invited = await coordinator.post(
        "/v1/cases/invitations", {"purpose": "guidance", "scopes": ["sleep.read"]}
    )
    weight = next(each["id"] for each in consents if each["scope"] == "weight.collect")
    shared = {
        "record_id": pushed["results"][0]["id"],
        "consent_id": weight,
        "code": invited.json()["code"],
        "patient_id": case_id,
        "fhir_consent_id": to_fhir(case_id, opened["consents"][0]["id"]),
        "observation_id": to_fhir(case_id, pushed["results"][0]["id"]),
    }
    of_staff = {
        **shared,
        "case_id": case_id,
        "staff_id": str(nurse.id),
        "team_id": str(await make.team(nurse)),
        "invitation_id": invited.json()["id"],
    }
    of_relative = {
        **of_staff,
        "case_id": watching["case"]["id"],
        "invitation_id": asked.json()["id"],
    }
    of_person = {**of_relative, "case_id": case_id, "invitation_id": mine.json()["id"]}
    return Household(person, relative, nurse, admin, coordinator, of_person, of_relative, of_staff)


async def build(make: Make) -> Town:
    """The whole town."""
    app = await make.app()
    sakura, kenji = await move_in(make, app), await move_in(make, app)
    callers = {
        "anonymous": Caller(make.client, UUID(int=0), ""),
        "app": await make.backend(app),
        "person": sakura.person,
        "other": kenji.person,
        "family": sakura.relative,
        "nurse": sakura.nurse,
        "outsider": await make.staff(),
        "caseless": await make.staff(sakura.nurse.organization_id),
        "employer": await make.staff(await make.organization("employer")),
        "admin": sakura.admin,
        "coordinator": sakura.coordinator,
    }
    callers["erased"], erasure_id = await left(make, app)
    town = Town(callers)
    for actor in callers:
        town.own[actor], town.foreign[actor] = sakura.of_staff, kenji.of_staff
    town.own |= {"person": sakura.of_person, "family": sakura.of_relative}
    town.own["other"], town.foreign["other"] = kenji.of_person, sakura.of_person
    town.foreign |= {"person": kenji.of_person, "family": kenji.of_relative}
    for actor in ("purpose", "expired", "withdrawn", "closed"):
        nurse = await make.staff(await make.organization("medical_institution"))
        callers[actor] = nurse
        case = await make.case(nurse, sakura.person, SCOPES)
        await end(make, sakura.person, actor, case["case"]["id"], case["consents"])
        case_id = case["case"]["id"]
        theirs = {
            "case_id": case_id,
            "patient_id": case_id,
            "staff_id": str(nurse.id),
            "observation_id": to_fhir(case_id, sakura.of_staff["record_id"]),
            "fhir_consent_id": to_fhir(case_id, case["consents"][0]["id"]),
        }
        town.own[actor] = {**sakura.of_staff, **theirs}
        town.foreign[actor] = kenji.of_staff
    for ids in (*town.own.values(), *town.foreign.values()):
        ids["erasure_id"] = erasure_id
    return town


async def left(make: Make, app: App) -> tuple[Caller, str]:
    """Somebody whose account is gone and whose token is not, and the id of the erasure."""
    person = await make.person(app)
    preview = (await person.get("/v1/me/deactivation")).json()
    answer = await person.post("/v1/me/deactivation", {"confirm_token": preview["confirm_token"]})
    assert answer.status_code == 200, answer.text
    return person, answer.json()["erasure_id"]


async def end(
    make: Make, person: Caller, how: str, case_id: str, consents: list[dict[str, Any]]
) -> None:
    """Takes from a case what its nurse could read under."""
    if how == "closed":
        assert (await person.post(f"/v1/me/cases/{case_id}/closure")).status_code == 200
        return
    for consent in consents:
        if how == "expired":
            ended = "UPDATE consents SET state = 'expired' WHERE consent_id = :id"
            assert await change(make, ended, id=consent["id"]) == 1
            continue
        path = f"/v1/me/consents/{consent['id']}/withdrawal"
        assert (await person.post(path)).status_code == 200
        if how == "purpose":
            await make.consents(
                person,
                [consent["scope"]],
                recipient=consent["recipient"],
                purpose="teleconsultation",
            )


def to_fhir(case_id: str, own_id: str) -> str:
    """The id that FHIR gives what belongs to a case."""
    return (case_id + own_id).replace("-", "")
