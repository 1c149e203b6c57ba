"""The stand-in's authorization server."""

import base64
import json
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.google.catalog import FIT_SCOPES, FITNESS, HEALTH_SCOPES
from tests.google.connecting import Hands, Visitor, returned
from tests.google.world import World

STEPS, BODY = f"{FITNESS}activity.read", f"{FITNESS}body.read"


def decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def assert_dead(answer_status: int, body: dict[str, str]) -> None:
    assert (answer_status, body["error"]) == (400, "invalid_grant")


async def test_a_code_becomes_tokens_once(visitor: Visitor) -> None:
    went = returned(await visitor.authorize(STEPS, BODY))
    assert went["state"] == "somebody"
    first = await visitor.exchange(went["code"])
    body = first.json()
    assert body["scope"].split() == [STEPS, BODY]
    assert (body["expires_in"], body["token_type"]) == (3599, "Bearer")
    again = await visitor.exchange(went["code"])
    assert_dead(again.status_code, again.json())
    assert visitor.world.count("oauth.token") == 2


@pytest.mark.parametrize(
    "changed",
    [
        {"state": None},
        {"code_challenge": None},
        {"code_challenge_method": "plain"},
        {"access_type": "online"},
        {"prompt": None},
        {"include_granted_scopes": None},
        {"client_id": "another"},
        {"redirect_uri": "https://elsewhere.jp.example/callback"},
        {"scope": f"{FITNESS}activity"},
    ],
    ids=lambda changed: next(iter(changed)),
)
async def test_a_careless_request_never_reaches_the_consent_screen(
    visitor: Visitor, changed: dict[str, str | None]
) -> None:
    visitor.world.redirect_uris = frozenset({"https://keep.jp.example/v1/connections/callback"})
    answer = await visitor.authorize(**changed)
    assert answer.status_code in (400, 401)
    assert "location" not in answer.headers


async def test_who_agrees_to_some_grants_some_and_who_agrees_to_none_refuses(
    visitor: Visitor, world: World
) -> None:
    world.person.agrees = frozenset({BODY})
    assert (await visitor.connect(STEPS, BODY))["scope"] == BODY
    world.person.agrees = "none"
    went = returned(await visitor.authorize("openid", STEPS))
    assert went == {"error": "access_denied", "state": "somebody"}


async def test_scopes_that_were_granted_before_come_along(visitor: Visitor) -> None:
    await visitor.connect(STEPS)
    later = await visitor.connect(BODY)
    assert set(later["scope"].split()) == {STEPS, BODY}


async def test_a_code_needs_its_verifier_its_redirect_and_its_client(visitor: Visitor) -> None:
    wrong = await visitor.exchange(await visitor.code(), code_verifier="another")
    assert_dead(wrong.status_code, wrong.json())
    elsewhere = await visitor.exchange(await visitor.code(), redirect_uri="https://a.jp.example/")
    assert elsewhere.json()["error"] == "redirect_uri_mismatch"
    stranger = await visitor.exchange(await visitor.code(), client_secret="guessed")
    assert (stranger.status_code, stranger.json()["error"]) == (401, "invalid_client")


async def test_codes_and_access_tokens_end_by_the_clock(visitor: Visitor, hands: Hands) -> None:
    code = await visitor.code()
    hands.pass_by(minutes=10)
    late = await visitor.exchange(code)
    assert_dead(late.status_code, late.json())
    tokens = await visitor.connect()
    assert (await visitor.fit("/dataSources")).status_code == 200
    hands.pass_by(hours=1)
    assert (await visitor.fit("/dataSources")).status_code == 401
    visitor.token = (await visitor.refresh(tokens["refresh_token"])).json()["access_token"]
    assert (await visitor.fit("/dataSources")).status_code == 200
    assert visitor.world.expire_access_tokens() == 1
    assert (await visitor.fit("/dataSources")).status_code == 401


async def test_refresh_tokens_die_unused_in_testing_or_as_one_too_many(
    visitor: Visitor, world: World, hands: Hands
) -> None:
    world.tokens.most = 1
    first, second = [(await visitor.connect())["refresh_token"] for _ in range(2)]
    crowded = await visitor.refresh(first)
    assert_dead(crowded.status_code, crowded.json())
    hands.pass_by(days=181)
    assert (await visitor.refresh(second)).status_code == 200
    world.tokens.refresh_life = timedelta(days=7)
    testing = await visitor.refresh(second)
    assert_dead(testing.status_code, testing.json())
    third = await visitor.connect()
    assert third["refresh_token_expires_in"] == 7 * 86_400
    world.tokens.refresh_life = None
    hands.pass_by(days=183)
    unused = await visitor.refresh(third["refresh_token"])
    assert_dead(unused.status_code, unused.json())


async def test_revoking_one_token_drops_every_scope_of_the_user(
    visitor: Visitor, world: World
) -> None:
    fit = await visitor.connect(STEPS)
    health = await visitor.connect(*HEALTH_SCOPES)
    answer = await visitor.http.post("/revoke", data={"token": fit["refresh_token"]})
    assert answer.status_code == 200
    after = await visitor.refresh(health["refresh_token"])
    assert_dead(after.status_code, after.json())
    assert (await visitor.fit("/dataSources")).status_code == 401
    assert (world.person.granted, world.person.revocations) == (set(), 1)
    again = await visitor.http.post("/revoke", data={"token": fit["refresh_token"]})
    assert (again.status_code, again.json()["error"]) == (400, "invalid_token")


async def test_what_the_user_takes_back_at_google_ends(visitor: Visitor, world: World) -> None:
    tokens = await visitor.connect(STEPS, BODY)
    world.withdraw_scope(BODY)
    assert (await visitor.refresh(tokens["refresh_token"])).json()["scope"] == STEPS
    world.revoke()
    gone = await visitor.refresh(tokens["refresh_token"])
    assert_dead(gone.status_code, gone.json())


async def test_the_id_token_is_signed_by_both_published_keys(visitor: Visitor) -> None:
    code = await visitor.code("openid", "email", STEPS, nonce="once")
    token = (await visitor.exchange(code)).json()["id_token"]
    head, body, signature = token.split(".")
    claims = json.loads(decoded(body))
    assert (claims["nonce"], claims["sub"]) == ("once", visitor.world.person.sub)
    assert (claims["aud"], claims["email"]) == (visitor.world.client_id, "hanako@jp.example")
    key_id = json.loads(decoded(head))["kid"]
    certificates = (await visitor.http.get("/oauth2/v1/certs")).json()
    jwks = (await visitor.http.get("/oauth2/v3/certs")).json()["keys"]
    (jwk,) = [each for each in jwks if each["kid"] == key_id]
    n, e = (int.from_bytes(decoded(jwk[name]), "big") for name in ("n", "e"))
    signed = f"{head}.{body}".encode()
    published = x509.load_pem_x509_certificate(certificates[key_id].encode()).public_key()
    for key in (published, rsa.RSAPublicNumbers(e, n).public_key()):
        assert isinstance(key, rsa.RSAPublicKey)
        key.verify(decoded(signature), signed, padding.PKCS1v15(), hashes.SHA256())


async def test_only_who_is_asked_for_more_than_openid_can_grant_it_alone(
    visitor: Visitor, world: World
) -> None:
    world.person.agrees = frozenset()
    assert (await visitor.connect("openid", *FIT_SCOPES))["scope"] == "openid"
    assert returned(await visitor.authorize(*FIT_SCOPES))["error"] == "access_denied"


async def test_two_users_have_nothing_in_common(visitor: Visitor, world: World) -> None:
    tokens = await visitor.connect(STEPS)
    world.signed_in = world.add_user("jiro@jp.example")
    await visitor.connect(BODY)
    world.revoke(world.signed_in)
    assert (await visitor.refresh(tokens["refresh_token"])).json()["scope"] == STEPS
    hinted = await visitor.code(BODY, login_hint="hanako@jp.example")
    assert (await visitor.exchange(hinted)).json()["scope"].split() == [BODY, STEPS]
