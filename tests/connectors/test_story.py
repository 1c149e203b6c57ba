"""One person with a Google account, from the first connection to the day they leave."""

from datetime import datetime, timedelta
from typing import Any

from tests.connectors.accounts import fit_scope
from tests.connectors.pulled import Pulled
from tests.erasure.traces import left
from tests.google.catalog import HEALTH_SCOPES
from tests.google.health_store import Origin
from tests.make import Caller
from vitalkeep.base import clock

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
STEPS, WEIGHT, PRESSURE = (
    "com.google.step_count.delta", "com.google.weight", "com.google.blood_pressure",
)  # fmt: skip
FIT, HEALTH = "/v1/me/connections/google-fit", "/v1/me/connections/google-health"
WALK: Origin = {"platform": "FIT", "package": "jp.example.walk", "device": {}}
BEATS = 1_500


def live_ninety_days(pulled: Pulled, now: datetime) -> None:
    """What the person's phone and watch handed to Google, as both services tell it."""
    fit, health = pulled.world.fit, pulled.world.health
    for day in range(90):
        at = now - day * DAY - 2 * HOUR
        fit.add_point(WEIGHT, [72.1], at)
        health.add_point("weight", 72_100, at, **WALK)
        fit.add_point(STEPS, [5_000 + day], at, at + HOUR)
        health.add_point("steps", 5_000 + day, at, at + HOUR)
        fit.add_point(PRESSURE, [128.0, 82.0], at)
    fit.generate_heart_rate(now - 90 * DAY, samples=BEATS)
    health.generate_heart_rate(now - 90 * DAY, samples=BEATS)


async def counted(person: Caller) -> dict[str, int]:
    """Records by type, heart beats one by one; all pages."""
    found: dict[str, int] = {}
    page: dict[str, Any] = {"next_cursor": None}
    while "next_cursor" in page:
        at = {"cursor": page["next_cursor"]} if page["next_cursor"] else {}
        page = (await person.get("/v1/me/records", limit=1000, **at)).json()
        for each in page["records"]:
            name = each["type"]
            found[name] = found.get(name, 0) + len(each.get("samples", [each]))
    return found


async def test_a_person_connects_moves_and_leaves(pulled: Pulled) -> None:
    pulled.look_back(91)
    now = clock.now().replace(minute=30, second=0, microsecond=0)
    live_ninety_days(pulled, now)
    account = pulled.world.person
    person = await pulled.google.person()

    # They agree to less than they are asked for: blood pressure has to wait.
    types = ("steps", "weight", "heart_rate", "blood_pressure")
    account.agrees = frozenset(fit_scope("steps", "weight", "heart_rate").split())
    assert await pulled.connect(person, *types, provider="google-fit") == "partial"
    await pulled.pull(person)
    days = {"steps": 90, "weight": 90, "heart_rate": BEATS}
    assert await counted(person) == days
    account.agrees = "all"
    assert await pulled.connect(person, *types, provider="google-fit") == "connected"
    await pulled.pull(person)
    days |= {"blood_pressure": 90}
    assert await counted(person) == days

    # The token ends and is renewed; a weight is deleted at Google, and so here.
    renewals = pulled.world.count("oauth.token")
    pulled.world.expire_access_tokens()
    pulled.world.fit.delete_points(WEIGHT, now - 3 * HOUR, now)
    pulled.world.health.delete_points("weight", now - 3 * HOUR, now)
    await pulled.pull(person)
    days |= {"weight": 89}
    assert (await counted(person), pulled.world.count("oauth.token")) == (
        days, renewals + 1,
    )  # fmt: skip

    # They move to Google Health, which has no blood pressure: that alone stays with Google Fit.
    moved = ("steps", "weight", "heart_rate")
    assert await pulled.connect(person, *moved, provider="google-health") == "connected"
    await pulled.pull(person, "google-fit")
    await pulled.pull(person, "google-health")
    assert await counted(person) == days
    standing = {each["provider"]: each for each in await pulled.google.connections(person)}
    assert [sorted(each["types"]) for each in standing.values()] == [
        ["blood_pressure"], sorted(moved),
    ]  # fmt: skip
    told = standing["google-fit"]["types"]["blood_pressure"]["problem"]["code"]
    assert (told, account.revocations) == ("not_in_google_health", 0)

    # They disconnect one type, then all; only the last one takes the grant back at Google.
    await person.request("DELETE", HEALTH, params={"type": "weight"})
    del days["weight"]
    assert await counted(person) == days
    await person.request("DELETE", FIT)
    assert (await pulled.seen(person))["state"] == "active"
    await person.request("DELETE", HEALTH)
    await pulled.pull(person, "google-health")
    assert (await counted(person), account.revocations) == ({}, 1)
    assert await pulled.google.connections(person) == []

    # They come back, and leave for good.
    metrics = HEALTH_SCOPES[1]
    account.agrees = frozenset({metrics})
    assert await pulled.connect(person, "weight", provider="google-health") == "connected"
    await pulled.pull(person, "google-health")
    assert await counted(person) == {"weight": 89}
    statement = (await left(person))["certificate"]["statement"]
    assert statement["upstream"] == [
        {"provider": "google_fit", "outcome": "not_connected"},
        {"provider": "google_health", "outcome": "revoked"},
    ]
    assert (account.revocations, account.granted) == (2, set())
    assert pulled.world.calls_of("oauth.revoke")[-1].status == 200
