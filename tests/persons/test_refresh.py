"""Refresh tokens: each is good once, for its own app, and for ninety days at most."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.make import App, Caller, Make
from vitalkeep.base import clock
from vitalkeep.base.settings import Settings

Tokens = dict[str, Any]


async def renew(make: Make, app: App, refresh_token: str, *, secret: bool = True) -> httpx.Response:
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    if secret:
        return await make.client.post("/oauth/token", auth=app.auth, data=form)
    return await make.client.post("/oauth/token", data={**form, "client_id": str(app.id)})


async def status_of(make: Make, tokens: Tokens) -> int:
    """What the access token of a token answer gets."""
    caller = Caller(make.client, UUID(int=0), tokens["access_token"])
    return (await caller.get("/v1/me")).status_code


def assert_refused(answer: httpx.Response) -> None:
    assert answer.status_code == 401, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.json()["error"], answer.json()["code"]) == ("invalid_grant", "unauthenticated")


async def test_a_refresh_token_gives_the_next_one_and_an_access_token(make: Make) -> None:
    app = await make.app()
    tokens = [await make.sign_in(app, "user-1")]
    for _ in range(3):
        answer = await renew(make, app, tokens[-1]["refresh_token"])
        assert answer.status_code == 200
        assert answer.json().keys() == {
            "access_token", "token_type", "expires_in", "scope", "refresh_token",
        }  # fmt: skip
        tokens.append(answer.json())
    assert len({each["refresh_token"] for each in tokens}) == 4
    assert len({make.claims(each["access_token"])["sub"] for each in tokens}) == 1
    assert [await status_of(make, each) for each in tokens] == [200] * 4


@pytest.mark.parametrize("used_again", [0, 1])
async def test_using_an_old_one_ends_the_family_and_signs_the_subject_out(
    make: Make, used_again: int
) -> None:
    app = await make.app()
    tokens = [await make.sign_in(app, "user-1")]
    for _ in range(2):
        tokens.append((await renew(make, app, tokens[-1]["refresh_token"])).json())
    other_device = await make.sign_in(app, "user-1")
    assert_refused(await renew(make, app, tokens[used_again]["refresh_token"]))
    for each in tokens:
        assert_refused(await renew(make, app, each["refresh_token"]))
    assert [await status_of(make, each) for each in (*tokens, other_device)] == [401] * 4
    # Another device's family goes on, and its next access token is good.
    renewed = await renew(make, app, other_device["refresh_token"])
    assert renewed.status_code == 200
    assert await status_of(make, renewed.json()) == 200


async def test_one_persons_theft_signs_nobody_else_out(make: Make) -> None:
    app = await make.app()
    victim, neighbour = await make.sign_in(app, "user-1"), await make.sign_in(app, "user-2")
    await renew(make, app, victim["refresh_token"])
    assert_refused(await renew(make, app, victim["refresh_token"]))
    assert await status_of(make, neighbour) == 200
    assert (await renew(make, app, neighbour["refresh_token"])).status_code == 200


async def test_of_two_uses_at_once_one_is_refused_and_the_family_ends(make: Make) -> None:
    app = await make.app()
    for _ in range(5):
        first = await make.sign_in(app, "user-1")
        answers = await asyncio.gather(
            *(renew(make, app, first["refresh_token"]) for _ in range(2))
        )
        assert sorted(answer.status_code for answer in answers) == [200, 401]
        winner = next(answer.json() for answer in answers if answer.status_code == 200)
        assert_refused(await renew(make, app, winner["refresh_token"]))
        assert await status_of(make, winner) == 401


async def test_another_app_can_neither_use_it_nor_end_it(make: Make) -> None:
    app, other = await make.app(), await make.app()
    first = await make.sign_in(app, "user-1")
    assert_refused(await renew(make, other, first["refresh_token"]))
    assert_refused(await renew(make, other, first["refresh_token"], secret=False))
    assert await status_of(make, first) == 200
    assert (await renew(make, app, first["refresh_token"])).status_code == 200


async def test_without_the_secret_it_was_made_with_it_is_refused(make: Make) -> None:
    app = await make.app()
    first = await make.sign_in(app, "user-1")
    assert_refused(await renew(make, app, first["refresh_token"], secret=False))
    assert (await renew(make, app, first["refresh_token"])).status_code == 200


async def test_an_unused_family_ends_and_a_used_one_lives_on(
    make: Make, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = await make.app()
    used, unused = await make.sign_in(app, "user-1"), await make.sign_in(app, "user-2")
    begun, days = clock.now(), settings.refresh_days
    monkeypatch.setattr(clock, "now", lambda: begun + timedelta(days=days, minutes=-1))
    answer = await renew(make, app, used["refresh_token"])
    assert answer.status_code == 200
    monkeypatch.setattr(clock, "now", lambda: begun + timedelta(days=days, minutes=1))
    assert_refused(await renew(make, app, unused["refresh_token"]))
    assert (await renew(make, app, answer.json()["refresh_token"])).status_code == 200


@pytest.mark.parametrize("garbage", ["x", "é", "A" * 86, "A" * 5000, "a.b.c", "\x00"])
async def test_garbage_is_refused(make: Make, garbage: str) -> None:
    assert_refused(await renew(make, await make.app(), garbage))


async def test_an_access_token_is_no_refresh_token(make: Make) -> None:
    app = await make.app()
    tokens = await make.sign_in(app, "user-1")
    assert_refused(await renew(make, app, tokens["access_token"]))
    caller = Caller(make.client, UUID(int=0), tokens["refresh_token"])
    assert (await caller.get("/v1/me")).status_code == 401
