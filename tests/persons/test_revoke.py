"""Signing out (RFC 7009)."""

from uuid import UUID

import httpx
import pytest

from tests.make import App, Caller, Make


async def revoke(make: Make, app: App, token: str, **more: str) -> httpx.Response:
    return await make.client.post("/oauth/revoke", auth=app.auth, data={"token": token, **more})


async def renew(make: Make, app: App, refresh_token: str) -> int:
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    return (await make.client.post("/oauth/token", auth=app.auth, data=form)).status_code


async def status_of(make: Make, token: str) -> int:
    return (await Caller(make.client, UUID(int=0), token).get("/v1/me")).status_code


async def test_a_revoked_refresh_token_and_its_access_token_are_refused(make: Make) -> None:
    app = await make.app()
    tokens, neighbour = await make.sign_in(app, "user-1"), await make.sign_in(app, "user-2")
    answer = await revoke(make, app, tokens["refresh_token"], token_type_hint="access_token")
    assert (answer.status_code, answer.content) == (200, b"")
    assert await renew(make, app, tokens["refresh_token"]) == 401
    assert await status_of(make, tokens["access_token"]) == 401
    assert await status_of(make, neighbour["access_token"]) == 200
    assert await renew(make, app, neighbour["refresh_token"]) == 200


async def test_a_revoked_access_token_is_refused_on_its_next_use(make: Make) -> None:
    app = await make.app()
    tokens, neighbour = await make.sign_in(app, "user-1"), await make.sign_in(app, "user-2")
    assert (await revoke(make, app, tokens["access_token"])).status_code == 200
    assert await status_of(make, tokens["access_token"]) == 401
    assert await status_of(make, neighbour["access_token"]) == 200


async def test_a_person_signs_in_again_after_a_revocation(make: Make) -> None:
    app = await make.app()
    tokens = await make.sign_in(app, "user-1")
    await revoke(make, app, tokens["refresh_token"])
    again = await make.sign_in(app, "user-1")
    claims = [make.claims(each["access_token"])["sub"] for each in (tokens, again)]
    assert claims[0] == claims[1]
    assert await status_of(make, again["access_token"]) == 200


@pytest.mark.parametrize("token", ["x", "é", "A" * 86, "a.b.c", "A" * 9000, "\x00"])
async def test_an_unknown_token_is_answered_the_same(make: Make, token: str) -> None:
    answer = await revoke(make, await make.app(), token)
    assert (answer.status_code, answer.content) == (200, b"")


async def test_a_token_revoked_twice_is_answered_the_same(make: Make) -> None:
    app = await make.app()
    tokens = await make.sign_in(app, "user-1")
    for token in (tokens["refresh_token"], tokens["refresh_token"], tokens["access_token"]):
        answer = await revoke(make, app, token)
        assert (answer.status_code, answer.content) == (200, b"")


async def test_another_app_revokes_nothing(make: Make) -> None:
    app, other = await make.app(), await make.app()
    tokens = await make.sign_in(app, "user-1")
    for token in (tokens["refresh_token"], tokens["access_token"]):
        assert (await revoke(make, other, token)).status_code == 200
        assert await status_of(make, tokens["access_token"]) == 200
    assert await renew(make, app, tokens["refresh_token"]) == 200


async def test_a_staff_member_is_signed_out_only_by_the_app_they_came_with(make: Make) -> None:
    nurse, other = await make.staff(), await make.app()
    assert (await revoke(make, other, nurse.token)).status_code == 200
    assert (await nurse.get("/v1/cases")).status_code == 200


@pytest.mark.parametrize("form", [{}, {"token": ""}, {"token": ["a", "b"]}])
async def test_a_revocation_without_one_token_is_refused(
    make: Make, form: dict[str, str | list[str]]
) -> None:
    app = await make.app()
    answer = await make.client.post("/oauth/revoke", auth=app.auth, data=form)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_a_wrong_secret_revokes_nothing(make: Make) -> None:
    app = await make.app()
    tokens = await make.sign_in(app, "user-1")
    wrong = (str(app.id), "wrong")
    answer = await make.client.post(
        "/oauth/revoke", auth=wrong, data={"token": tokens["refresh_token"]}
    )
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert await renew(make, app, tokens["refresh_token"]) == 200
