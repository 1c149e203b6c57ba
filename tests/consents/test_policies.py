"""Policy texts: published once, shown with their hash, named by every consent."""

import hashlib
import secrets

import httpx
import pytest
from fastapi import FastAPI

from tests.consents.asking import ask, assert_refused
from tests.make import Make
from vitalkeep.base.errors import Conflict
from vitalkeep.consents.policies import PolicyRef, add_policy
from vitalkeep.demo.policies import TEXTS, sample_ref


def path_of(ref: PolicyRef) -> str:
    return f"/v1/policies/{ref.id}/{ref.version}/{ref.locale}"


def new_ref(locale: str = "ja") -> PolicyRef:
    return PolicyRef(id=f"policy-{secrets.token_hex(4)}", version="1", locale=locale)


@pytest.mark.parametrize("locale", TEXTS)
async def test_a_text_is_shown_with_the_hash_of_its_bytes(
    client: httpx.AsyncClient, locale: str
) -> None:
    ref, (title, text) = sample_ref(locale), TEXTS[locale]
    answer = await client.get(path_of(ref))
    assert answer.status_code == 200
    document = answer.json()
    assert (document["title"], document["text"]) == (title, text)
    assert {name: document[name] for name in ("id", "version", "locale")} == ref.model_dump()
    assert document["sha256"] == hashlib.sha256(document["text"].encode()).hexdigest()


async def test_the_list_has_every_text_by_name_but_not_the_text(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    refs = [new_ref("ja"), new_ref("en")]
    async with app.state.engine.begin() as connection:
        summaries = [await add_policy(connection, ref, "題", "本文") for ref in refs]
    listed = (await client.get("/v1/policies")).json()["policies"]
    by_id = {each["id"]: each for each in listed}
    for ref, summary in zip(refs, summaries, strict=True):
        assert by_id[ref.id] == summary.model_dump(mode="json", exclude_none=True)
        assert "text" not in by_id[ref.id]
        assert by_id[ref.id]["sha256"] == hashlib.sha256("本文".encode()).hexdigest()


async def test_a_version_is_published_once_and_never_changed(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    ref = new_ref()
    async with app.state.engine.begin() as connection:
        await add_policy(connection, ref, "title", "first")
    with pytest.raises(Conflict):
        async with app.state.engine.begin() as connection:
            await add_policy(connection, ref, "title", "second")
    assert (await client.get(path_of(ref))).json()["text"] == "first"


@pytest.mark.parametrize(
    "path", ["wellness/2026-11-01/fr", "wellness/2020-01-01/ja", "x/2026-11-01/ja", "%00/1/ja",
             "wellness/2026-11-01/ja%00", "Wellness/2026-11-01/ja"]
)  # fmt: skip
async def test_an_unknown_text_is_not_found(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(f"/v1/policies/{path}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    "change",
    [{"id": "x"}, {"version": "2020-01-01"}, {"locale": "fr"}, {"locale": "JA"}, {"id": "a\x00b"},
     {"version": ""}],
)  # fmt: skip
async def test_a_consent_under_an_unknown_text_is_refused(
    make: Make, change: dict[str, str]
) -> None:
    person = await make.person(collects=False)
    policy = {**sample_ref("ja").model_dump(), **change}
    answer = await ask(person, "steps.collect", policy=policy)
    await assert_refused(person, answer, ("/policy", "unknown_policy"))


@pytest.mark.parametrize(
    "policy", [None, {}, "wellness", {"id": "wellness"}, {**sample_ref("ja").model_dump(), "x": 1}]
)
async def test_a_policy_of_a_wrong_shape_is_refused(make: Make, policy: object) -> None:
    person = await make.person(collects=False)
    problem = await assert_refused(person, await ask(person, "steps.collect", policy=policy))
    assert all(each["pointer"].startswith("/policy") for each in problem["errors"])
