"""A policy says what it covers; a version that covers more asks for consent again."""

import secrets
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tests.consents.asking import ask, assert_refused
from tests.make import Caller, Make
from vitalkeep.base.errors import Conflict, InvalidRequest
from vitalkeep.consents.policies import Coverage, PolicyRef, add_policy, declare_coverage
from vitalkeep.demo.policies import COVERS, NEXT_COVERS

APP = Coverage(purposes=["storage"], scopes=["steps.collect"], recipients=["app"])


def wider(**more: list[str]) -> Coverage:
    """What `APP` covers and more."""
    names = {name: [*value, *more.get(name, [])] for name, value in APP.model_dump().items()}
    return Coverage(**names)


async def publish(
    app: FastAPI, *versions: Coverage | None, locales: tuple[str, ...] = ("ja", "en")
) -> str:
    """A policy with these coverages as its versions 1, 2, …; its name."""
    name = f"policy-{secrets.token_hex(4)}"
    await publish_more(app, name, 1, *versions, locales=locales)
    return name


async def publish_more(
    app: FastAPI, name: str, first: int, *versions: Coverage | None, locales: tuple[str, ...]
) -> None:
    for number, covers in enumerate(versions, first):
        async with app.state.engine.begin() as connection:
            for locale in locales:
                ref = PolicyRef(id=name, version=str(number), locale=locale)
                await add_policy(connection, ref, "規約", f"第{number}版", covers)


async def agreed(make: Make, name: str, version: str = "1", locale: str = "ja") -> Caller:
    """A person who agreed to the collection of steps under this text."""
    person = await make.person(collects=False)
    policy = {"id": name, "version": version, "locale": locale}
    await make.consents(person, ["steps.collect"], policy=policy)
    return person


async def question(person: Caller) -> dict[str, Any] | None:
    """What the person's only consent is to be asked again about."""
    (consent,) = (await person.get("/v1/me/consents")).json()["consents"]
    one = (await person.get(f"/v1/me/consents/{consent['id']}")).json()
    assert one == consent
    asked: dict[str, Any] | None = consent.get("consent_again")
    return asked


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"purposes": ["guidance"]}, ["purpose:guidance"]),
        ({"scopes": ["sleep.collect"]}, ["scope:sleep.collect"]),
        ({"recipients": ["insurer"]}, ["recipient:insurer"]),
        (
            {"purposes": ["guidance"], "scopes": ["steps.read"], "recipients": ["family"]},
            ["purpose:guidance", "scope:steps.read", "recipient:family"],
        ),
    ],
    ids=["purpose", "scope", "recipient", "all"],
)
async def test_a_wider_version_asks_again_and_says_why(
    make: Make, app: FastAPI, more: dict[str, list[str]], why: list[str]
) -> None:
    name = await publish(app, APP, wider(**more))
    person = await agreed(make, name)
    policy = {"id": name, "version": "2", "locale": "ja"}
    assert await question(person) == {"policy": policy, "why": why}
    assert await person.statuses(make.record("steps")) == ["created"]
    await make.consents(person, ["steps.collect"], policy=policy)
    assert await question(person) is None


@pytest.mark.parametrize(
    ("versions", "asks"),
    [
        ([APP], None),
        ([APP, APP], None),
        ([wider(purposes=["guidance"]), APP], None),
        ([APP, wider(purposes=["guidance"]), APP], None),
        ([APP, wider(purposes=["guidance"]), wider(purposes=["guidance"])], "purpose:guidance"),
        ([APP, None], "coverage:undeclared"),
        ([None, APP], None),
        ([None, None], None),
    ],
    ids=["only", "reworded", "narrower", "back", "both", "undeclared", "declared", "never"],
)
async def test_what_the_newest_version_adds_to_the_agreed_one_counts(
    make: Make, app: FastAPI, versions: list[Coverage | None], asks: str | None
) -> None:
    name = await publish(app, *versions)
    asked = await question(await agreed(make, name))
    if asks is None:
        assert asked is None
    else:
        assert asked is not None
        assert (asked["why"], asked["policy"]["version"]) == ([asks], str(len(versions)))


async def test_the_question_is_in_the_language_agreed_to_if_there_is_one(
    make: Make, app: FastAPI
) -> None:
    name = await publish(app, APP)
    more = wider(purposes=["guidance"])
    await publish_more(app, name, 2, more, locales=("en",))
    for locale in ("ja", "en"):
        asked = await question(await agreed(make, name, locale=locale))
        assert asked is not None
        assert asked["policy"]["locale"] == "en"


async def test_a_consent_that_has_ended_is_asked_about_no_more(make: Make, app: FastAPI) -> None:
    name = await publish(app, APP, wider(purposes=["guidance"]))
    person = await agreed(make, name)
    (consent,) = (await person.get("/v1/me/consents")).json()["consents"]
    await person.post(f"/v1/me/consents/{consent['id']}/withdrawal")
    assert "consent_again" not in (await person.get(f"/v1/me/consents/{consent['id']}")).json()


async def test_a_policy_has_to_cover_what_is_given_under_it(make: Make, app: FastAPI) -> None:
    name = await publish(app, APP)
    policy = {"id": name, "version": "1", "locale": "ja"}
    person = await make.person(collects=False)
    answer = await ask(person, "sleep.collect", policy=policy)
    await assert_refused(person, answer, ("/policy", "not_covered_by_policy"))
    answer = await ask(person, "sleep.collect", "steps.collect", policy=policy)
    assert [each["scope"] for each in answer.json()["consents"]] == ["steps.collect"]
    refused = [(each["scope"], each["code"]) for each in answer.json()["refused"]]
    assert refused == [("sleep.collect", "not_covered_by_policy")]


@pytest.mark.parametrize(
    ("kind", "status"), [("guidance_provider", 201), ("medical_institution", 422)]
)
async def test_the_kind_of_the_recipient_has_to_be_covered_too(
    make: Make, app: FastAPI, kind: str, status: int
) -> None:
    covers = Coverage(
        purposes=["guidance"], scopes=["steps.read"], recipients=["guidance_provider"]
    )
    name = await publish(app, covers)
    person = await make.person(collects=False)
    recipient = {"kind": "organization", "id": str(await make.organization(kind))}
    policy = {"id": name, "version": "1", "locale": "en"}
    answer = await ask(person, "steps.read", recipient=recipient, purpose="guidance", policy=policy)
    assert answer.status_code == status


@pytest.mark.parametrize(("scope", "status"), [("steps.read", 201), ("sleep.read", 422)])
async def test_an_invitation_is_accepted_under_a_text_that_covers_it(
    make: Make, app: FastAPI, scope: str, status: int
) -> None:
    covers = Coverage(
        purposes=["guidance"], scopes=["steps.read"], recipients=["guidance_provider"]
    )
    policy = {"id": await publish(app, covers), "version": "1", "locale": "ja"}
    person = await make.person(collects=False)
    code = await make.invitation(await make.staff(), [scope])
    body = {"scopes": [scope], "policy": policy}
    answer = await person.post(f"/v1/me/invitations/{code}/acceptance", body)
    assert answer.status_code == status
    if status == 422:
        (error,) = answer.json()["errors"]
        assert (error["pointer"], error["code"]) == ("/policy", "not_covered_by_policy")
        undeclared = {"scopes": [scope]}
        again = await person.post(f"/v1/me/invitations/{code}/acceptance", undeclared)
        assert again.status_code == 201


async def test_the_list_says_what_a_text_covers(app: FastAPI, client: httpx.AsyncClient) -> None:
    name = await publish(app, wider(purposes=["guidance", "storage"]), None)
    listed = (await client.get("/v1/policies")).json()["policies"]
    found = {each["version"]: each.get("covers") for each in listed if each["id"] == name}
    assert found == {"1": {**APP.model_dump(), "purposes": ["guidance", "storage"]}, "2": None}
    one = (await client.get(f"/v1/policies/{name}/1/ja")).json()
    assert one["covers"] == found["1"]


async def test_every_language_of_a_version_covers_the_same(app: FastAPI) -> None:
    name = await publish(app, APP, locales=("ja",))
    for covers in (None, wider(purposes=["guidance"])):
        with pytest.raises(Conflict):
            await publish_more(app, name, 1, covers, locales=("en",))


@pytest.mark.parametrize(
    ("purposes", "scopes", "recipients"),
    [
        (["storage"], ["steps.collect"], None),
        (["storage"], None, ["app"]),
        (None, ["steps.collect"], ["app"]),
        (["marketing"], ["steps.collect"], ["app"]),
        (["storage"], ["mood.collect"], ["app"]),
        (["storage"], ["steps.collect"], ["everybody"]),
    ],
)
def test_half_a_declaration_or_an_unknown_name_is_refused(
    purposes: list[str] | None, scopes: list[str] | None, recipients: list[str] | None
) -> None:
    with pytest.raises(InvalidRequest):
        declare_coverage(purposes, scopes, recipients)


def test_a_declaration_takes_the_names_of_phones_too_and_may_be_left_out() -> None:
    declared = declare_coverage(["storage"], ["android.permission.health.READ_STEPS"], ["app"])
    assert declared == APP
    assert declare_coverage(None, None, None) is None
    assert declare_coverage([], [], []) is None


def test_the_sample_policys_second_version_is_wider() -> None:
    assert NEXT_COVERS.list_added(COVERS) == ["purpose:teleconsultation"]
    assert COVERS.list_added(NEXT_COVERS) == []
