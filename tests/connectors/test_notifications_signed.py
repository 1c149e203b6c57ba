"""Who is let in: the handshake, the secret, and Google's signature over the bytes that came."""

import base64
from collections.abc import Callable
from datetime import timedelta

import httpx
import orjson
import pytest
import respx
from pydantic import SecretStr

from tests.connectors.notified import PATH, SECRET, Notified
from tests.google.webhooks import TYPE_URL, WebhookKeys, to_message, verify_endpoint
from vitalkeep.base import clock
from vitalkeep.connectors.keyset import NotificationKeys, read_keyset
from vitalkeep.connectors.notifications_routes import LIMIT

VERIFICATION = b'{"type":"verification"}'
BODY = b'[{"data":{"healthUserId":"1","operation":"UPSERT","dataType":"steps","intervals":[]}}]'
KEYSET = "https://www.gstatic.com/googlehealthapi/webhooks/webhooks_public_keyset.json"


async def test_google_s_handshake_ends_well(notified: Notified) -> None:
    keys, state = notified.world.webhook_keys, notified.pulled.google.app.state
    for secret in (SECRET, f"Bearer {SECRET}"):
        given = {"google_health_webhook_secret": SecretStr(secret)}
        state.settings = state.settings.model_copy(update=given)
        for sent in (SECRET, f"Bearer {SECRET}", f"bearer {SECRET}"):
            assert await verify_endpoint(notified.client, PATH, sent, keys)
            answer = await notified.send(VERIFICATION, Authorization=sent, signature="")
            assert (answer.status_code, answer.content) == (201, b"")


@pytest.mark.parametrize("given", ["", "Bearer", "Bearer ", SECRET[:-1], f"Basic {SECRET}", "ü"])
async def test_without_the_secret_nothing_is_taken_however_well_signed(
    notified: Notified, given: str
) -> None:
    for body in (VERIFICATION, BODY):
        signature = notified.world.webhook_keys.sign(body)
        sent = {b"GOOGLE-HEALTH-API-SIGNATURE": signature.encode()}
        sent |= {b"Authorization": given.encode()} if given else {}
        answer = await notified.client.post(PATH, content=body, headers=sent)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


@pytest.mark.parametrize("secret", [None, "", "Bearer "])
async def test_a_server_without_a_secret_lets_nobody_in(
    notified: Notified, secret: str | None
) -> None:
    state = notified.pulled.google.app.state
    given = {"google_health_webhook_secret": None if secret is None else SecretStr(secret)}
    state.settings = state.settings.model_copy(update=given)
    for sent in ("", "Bearer ", SECRET):
        answer = await notified.send(VERIFICATION, Authorization=sent)
        assert answer.status_code == (404 if secret is None else 401)


def flipped(place: int) -> Callable[[bytes], bytes]:
    """A signature with one bit changed."""
    return lambda raw: raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]


@pytest.mark.parametrize(
    "change",
    [
        flipped(0), flipped(1), flipped(4), flipped(5), flipped(6), flipped(8), flipped(20),
        flipped(-1), lambda raw: raw[5:], lambda raw: raw[:5], lambda raw: raw + b"\0",
        lambda raw: b"\x00" + raw[1:], lambda raw: raw * 4, lambda _: b"",
    ],
    ids=[
        "version", "key", "key-end", "der-tag", "der-length", "r-length", "r", "s", "no-prefix",
        "only-prefix", "longer", "legacy", "huge", "empty",
    ],
)  # fmt: skip
async def test_a_signature_that_is_not_whole_is_refused(
    notified: Notified, change: Callable[[bytes], bytes]
) -> None:
    good = base64.b64decode(notified.world.webhook_keys.sign(BODY))
    sent = base64.b64encode(change(good)).decode()
    answer = await notified.send(BODY, GOOGLE_HEALTH_API_SIGNATURE=sent)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


async def test_the_signature_has_to_be_google_s_and_of_these_bytes(notified: Notified) -> None:
    keys = notified.world.webhook_keys
    good = keys.sign(BODY)
    assert (await notified.send(BODY, GOOGLE_HEALTH_API_SIGNATURE=good)).status_code == 204
    assert (await notified.send(BODY, X_HEALTHAPI_SIGNATURE=good, signature="")).status_code == 204
    urlsafe = "_-" * 20
    for sent in (WebhookKeys().sign(BODY), keys.sign(BODY + b" "), f" {good}=", urlsafe, "%"):
        answer = await notified.send(BODY, GOOGLE_HEALTH_API_SIGNATURE=sent)
        assert answer.status_code == 401
    assert (await notified.send(BODY, signature="")).status_code == 401
    assert (await notified.send(orjson.loads(BODY))).status_code == 204


async def test_what_can_t_be_read_is_malformed_and_what_is_long_is_too_large(
    notified: Notified,
) -> None:
    for body in (b"", b"{", b"\xff", b"7", b'"verification"', b"null"):
        answer = await notified.send(body)
        assert (answer.status_code, answer.json()["code"]) == (400, "malformed_body")
    assert (await notified.send(b"{", GOOGLE_HEALTH_API_SIGNATURE="AQ==")).status_code == 401
    assert (await notified.send(b"[" + b" " * LIMIT + b"]")).status_code == 413
    assert (await notified.send({"type": "verification", "more": 1})).status_code == 204


async def test_keys_that_come_are_found_and_keys_that_go_are_refused(
    notified: Notified, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = notified.world
    first = world.webhook_keys.primary
    assert (await notified.send(BODY)).status_code == 204
    second = world.webhook_keys.rotate()
    assert (await notified.send(BODY)).status_code == 401  # looked for once a minute
    assert world.count("keyset") == 1
    later = clock.now() + timedelta(minutes=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    for key in (first, second):
        sent = world.webhook_keys.sign(BODY, key)
        assert (await notified.send(BODY, GOOGLE_HEALTH_API_SIGNATURE=sent)).status_code == 204
    assert world.count("keyset") == 2
    world.webhook_keys.disabled.add(first)
    monkeypatch.setattr(clock, "now", lambda: later + timedelta(hours=1))
    sent = world.webhook_keys.sign(BODY, first)
    assert (await notified.send(BODY, GOOGLE_HEALTH_API_SIGNATURE=sent)).status_code == 401
    assert (await notified.send(BODY)).status_code == 204


async def test_while_google_s_keys_can_t_be_had_google_is_asked_to_send_again(
    notified: Notified, monkeypatch: pytest.MonkeyPatch
) -> None:
    notified.world.fail_next("keyset")
    for _ in range(2):
        answer = await notified.send(BODY)
        assert (answer.status_code, answer.json()["code"]) == (503, "dependency_unavailable")
        assert "retry-after" in answer.headers
    assert notified.world.count("keyset") == 1
    later = clock.now() + timedelta(seconds=6)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert (await notified.send(BODY)).status_code == 204


async def test_keys_of_which_google_does_not_say_how_long_they_are_good_are_kept_a_while() -> None:
    keys = WebhookKeys()
    headers = {"GOOGLE-HEALTH-API-SIGNATURE".lower(): keys.sign(BODY)}
    with respx.mock as web:
        route = web.get(KEYSET).respond(200, json=keys.keyset())
        checked = NotificationKeys(KEYSET)
        for _ in range(3):
            await checked.check(headers, BODY)
        assert route.call_count == 1


@pytest.mark.parametrize(
    "change",
    [
        {"status": "DISABLED"}, {"outputPrefixType": "RAW"}, {"keyId": "5"}, {"keyData": None},
        {"keyData": {"typeUrl": "type.googleapis.com/google.crypto.tink.Ed25519PublicKey",
                     "value": ""}},
        {"keyData": {"typeUrl": TYPE_URL, "value": "%"}},
        {"keyData": {"typeUrl": TYPE_URL, "value": base64.b64encode(b"\x12\x7f").decode()}},
        {"keyData": {"typeUrl": TYPE_URL, "value": base64.b64encode(b"\x12").decode()}},
        {"keyData": {"typeUrl": TYPE_URL, "value": base64.b64encode(b"\x0d1234").decode()}},
        {"keyData": {"typeUrl": TYPE_URL, "value": base64.b64encode(b"\x80" * 11).decode()}},
        {"keyData": {"typeUrl": TYPE_URL,
                     "value": base64.b64encode(b"\x12\x06\x08\x03\x10\x02\x18\x02").decode()}},
    ],
    ids=[
        "disabled", "raw", "id", "none", "kind", "base64", "cut-off", "no-length", "fixed",
        "varint", "no-point",
    ],
)  # fmt: skip
def test_a_keyset_without_a_key_that_can_be_used_is_none(change: dict[str, object]) -> None:
    published = WebhookKeys().keyset()
    read_keyset(httpx.Response(200, json=published))
    wrong = {"key": [{**each, **change} for each in published["key"]]}
    with pytest.raises(ValueError, match=r"."):
        read_keyset(httpx.Response(200, json=wrong))


@pytest.mark.parametrize("place", [1, 3, 5, -1], ids=["hash", "curve", "encoding", "point"])
def test_another_hash_curve_encoding_or_no_point_of_the_curve_is_no_key(place: int) -> None:
    keys = WebhookKeys()
    message = bytearray(to_message(keys.keys[keys.primary].public_key()))
    message[place + 2 if place > 0 else place] ^= 1
    published = keys.keyset()
    published["key"][0]["keyData"]["value"] = base64.b64encode(message).decode()
    with pytest.raises(ValueError, match=r"."):
        read_keyset(httpx.Response(200, json=published))


@pytest.mark.parametrize("answer", [httpx.Response(404, json={}), httpx.Response(200, json=[])])
def test_an_answer_without_keys_is_no_keyset(answer: httpx.Response) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_keyset(answer)
