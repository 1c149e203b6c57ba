"""The stand-in's notifications, read by a subscriber that checks them as Google says."""

import base64
import json
from datetime import timedelta

import httpx
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fastapi import FastAPI, Request, Response

from tests.google.connecting import NOON, Visitor
from tests.google.standin import KEYSET
from tests.google.webhooks import SIGNATURE, Notice, notify, verify_endpoint
from tests.google.world import World
from vitalkeep.base.outbound import inside_client

SECRET = "Bearer of-the-subscriber"
URL = "http://vitalkeep.test/notifications"
STEPS = Notice("8512524441117254421", "steps", [(NOON, NOON + timedelta(minutes=5))])


class Subscriber:
    """An endpoint; `guarded` says whether it looks at the secret."""

    def __init__(self) -> None:
        self.guarded = True
        self.bodies: list[tuple[bytes, str | None]] = []
        app = FastAPI()

        @app.post("/notifications")
        async def take(request: Request) -> Response:
            if self.guarded and request.headers.get("authorization") != SECRET:
                return Response(status_code=401)
            self.bodies.append((await request.body(), request.headers.get(SIGNATURE)))
            verification = json.loads(self.bodies[-1][0]) == {"type": "verification"}
            return Response(status_code=201 if verification else 204)

        self.app = app

    def client(self) -> httpx.AsyncClient:
        return inside_client(self.app)


def published(keyset: dict[str, object], key_id: int) -> ec.EllipticCurvePublicKey:
    """The enabled key of that id, its numbers taken from the protobuf message."""
    keys = keyset["key"]
    assert isinstance(keys, list)
    (key,) = (each for each in keys if each["keyId"] == key_id and each["status"] == "ENABLED")
    message, numbers = base64.b64decode(key["keyData"]["value"]), {}
    while message:
        tag, length = message[0], message[1]
        numbers[tag >> 3] = int.from_bytes(message[2 : 2 + length], "big")
        message = message[2 + length :]
    return ec.EllipticCurvePublicNumbers(numbers[3], numbers[4], ec.SECP256R1()).public_key()


async def check(visitor: Visitor, body: bytes, signature: str | None) -> None:
    """Raises InvalidSignature."""
    raw = base64.b64decode(signature or "")
    assert raw[0] == 1
    keyset = (await visitor.http.get(KEYSET)).json()
    key = published(keyset, int.from_bytes(raw[1:5], "big"))
    key.verify(raw[5:], body, ec.ECDSA(hashes.SHA256()))


async def test_the_handshake_needs_an_endpoint_that_lets_only_the_secret_in(world: World) -> None:
    subscriber = Subscriber()
    async with subscriber.client() as client:
        assert await verify_endpoint(client, URL, SECRET, world.webhook_keys)
        assert not await verify_endpoint(client, URL, "Bearer another", world.webhook_keys)
        subscriber.guarded = False
        assert not await verify_endpoint(client, URL, SECRET, world.webhook_keys)


async def test_notices_are_signed_over_their_bytes(visitor: Visitor, world: World) -> None:
    subscriber = Subscriber()
    gone = Notice(STEPS.user_id, "weight", STEPS.intervals, "DELETE")
    async with subscriber.client() as client:
        await notify(client, URL, world.webhook_keys, STEPS, secret=SECRET)
        world.webhook_keys.rotate()
        answer = await notify(client, URL, world.webhook_keys, STEPS, gone, secret=SECRET)
        await notify(client, URL, world.webhook_keys, STEPS, secret=SECRET, array=True)
        await notify(client, URL, world.webhook_keys, STEPS, secret=SECRET, signature="")
    assert answer.status_code == 204
    bodies = [json.loads(body) for body, _ in subscriber.bodies]
    assert [type(body).__name__ for body in bodies] == ["dict", "list", "list", "dict"]
    assert [each["data"]["operation"] for each in bodies[1]] == ["UPSERT", "DELETE"]
    for body, signature in subscriber.bodies[:3]:
        await check(visitor, body, signature)
        with pytest.raises(InvalidSignature):
            await check(visitor, body + b" ", signature)
    assert subscriber.bodies[0][1] != subscriber.bodies[2][1]
    assert subscriber.bodies[3][1] is None
    world.webhook_keys.disabled.add(world.webhook_keys.primary)
    assert (await visitor.http.get(KEYSET)).json()["key"][1]["status"] == "DISABLED"


def test_a_notice_names_a_time_in_three_ways() -> None:
    data = STEPS.to_json()["data"]
    assert (data["healthUserId"], data["dataType"]) == (STEPS.user_id, "steps")
    (interval,) = data["intervals"]
    assert interval["physicalTimeInterval"] == {
        "startTime": "2026-11-20T12:00:00Z",
        "endTime": "2026-11-20T12:05:00Z",
    }
    assert interval["civilDateTimeInterval"]["startDateTime"] == {
        "date": {"year": 2026, "month": 11, "day": 20},
        "time": {"hours": 21},
    }
    assert interval["civilIso8601TimeInterval"]["endTime"] == "2026-11-20T21:05:00"


def test_a_type_without_webhook_has_no_notices() -> None:
    with pytest.raises(ValueError, match="no webhook"):
        Notice("1", "oxygen-saturation", STEPS.intervals).to_json()
