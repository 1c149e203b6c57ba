"""Who may be allowed what: purposes, actions and recipients that fit together."""

from itertools import product
from uuid import uuid4

import pytest

from tests.consents.asking import ask, assert_refused, everything
from tests.make import Make

PURPOSES = (
    "storage", "guidance", "teleconsultation", "family_watch", "program_support", "statistics",
    "marketing", "joint_use", "", "Storage",
)  # fmt: skip
GRANTABLE = {
    ("storage", "collect", "app"),
    ("guidance", "read", "organization"),
    ("teleconsultation", "read", "organization"),
}
ORGANIZATIONS = {
    "guidance": {"medical_institution", "guidance_provider"},
    "teleconsultation": {"medical_institution"},
    "program_support": set[str](),
    "statistics": set[str](),
    "marketing": set[str](),
}
KINDS = ("medical_institution", "guidance_provider", "employer", "insurer", "family")

SOMEBODY = "6f0c3f0e-9a44-4a53-8b1d-2a0e3c1f7b55"


@pytest.mark.parametrize("purpose", PURPOSES)
async def test_a_purpose_covers_one_action_by_one_kind_of_recipient(
    make: Make, purpose: str
) -> None:
    relative = await make.person(collects=False)
    for action, kind in product(("collect", "read"), ("app", "organization", "person")):
        person = await make.person(collects=False)
        assert person.app is not None
        recipients = {
            "app": person.app.id,
            "organization": await make.organization("medical_institution"),
            "person": relative.id,
        }
        recipient = {"kind": kind, "id": str(recipients[kind])}
        answer = await ask(person, f"steps.{action}", recipient=recipient, purpose=purpose)
        if (purpose, action, kind) in GRANTABLE:
            assert answer.status_code == 201, (purpose, action, kind)
            (consent,) = answer.json()["consents"]
            assert (consent["recipient"], consent["purpose"]) == (recipient, purpose)
        else:
            await assert_refused(person, answer)


@pytest.mark.parametrize("purpose", ["marketing", "joint_use", "program_support", "statistics"])
async def test_what_can_not_be_granted_is_refused_by_its_purpose(make: Make, purpose: str) -> None:
    person = await make.person(collects=False)
    answer = await ask(person, "steps.collect", purpose=purpose)
    await assert_refused(person, answer, ("/purpose", "purpose_not_allowed"))


@pytest.mark.parametrize("purpose", ORGANIZATIONS)
@pytest.mark.parametrize("kind", KINDS)
async def test_the_kind_of_an_organization_decides_what_it_may_read(
    make: Make, purpose: str, kind: str
) -> None:
    person = await make.person(collects=False)
    recipient = {"kind": "organization", "id": str(await make.organization(kind))}
    answer = await ask(person, "steps.read", recipient=recipient, purpose=purpose)
    if kind in ORGANIZATIONS[purpose]:
        assert answer.status_code == 201
        assert len(await everything(person)) == 1
    else:
        await assert_refused(person, answer)


async def test_an_employer_is_told_from_an_unknown_organization(make: Make) -> None:
    person = await make.person(collects=False)
    for recipient_id, code in (
        (await make.organization("employer"), "recipient_not_allowed"),
        (uuid4(), "unknown_recipient"),
    ):
        recipient = {"kind": "organization", "id": str(recipient_id)}
        answer = await ask(person, "steps.read", recipient=recipient, purpose="guidance")
        await assert_refused(person, answer, ("/recipient/id", code))


async def test_an_unknown_recipient_is_refused(make: Make) -> None:
    person = await make.person(collects=False)
    assert person.app is not None
    organization_id = await make.organization()
    unknown = ("/recipient/id", "unknown_recipient")
    for kind, recipient_id, purpose, scope in (
        ("app", uuid4(), "storage", "steps.collect"),
        ("app", organization_id, "storage", "steps.collect"),
        ("app", person.id, "storage", "steps.collect"),
        ("organization", uuid4(), "guidance", "steps.read"),
        ("organization", person.app.id, "guidance", "steps.read"),
    ):
        recipient = {"kind": kind, "id": str(recipient_id)}
        answer = await ask(person, scope, recipient=recipient, purpose=purpose)
        await assert_refused(person, answer, unknown)


async def test_whether_another_person_exists_can_not_be_asked(make: Make) -> None:
    person, other = await make.person(collects=False), await make.person(collects=False)
    documents = []
    for recipient_id in (other.id, person.id, uuid4()):
        recipient = {"kind": "person", "id": str(recipient_id)}
        answer = await ask(person, "steps.read", recipient=recipient, purpose="family_watch")
        problem = await assert_refused(person, answer, ("/recipient/id", "unknown_recipient"))
        documents.append({**problem, "instance": ""})
    assert documents[0] == documents[1] == documents[2]


@pytest.mark.parametrize(
    "recipient",
    [{}, {"kind": "app"}, {"kind": "nobody", "id": SOMEBODY}, {"kind": "app", "id": "x"}, "app",
     {"kind": "app", "id": SOMEBODY, "name": "x"}, {"kind": "app", "id": 7}, None],
    ids=str,
)  # fmt: skip
async def test_a_recipient_of_a_wrong_shape_is_refused(make: Make, recipient: object) -> None:
    person = await make.person(collects=False)
    problem = await assert_refused(person, await ask(person, "steps.collect", recipient=recipient))
    assert all(each["pointer"].startswith("/recipient") for each in problem["errors"])
