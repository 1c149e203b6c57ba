"""Pulling from Google Health: pages, deletions, nights that are not finished, echoes of phones."""

from datetime import timedelta

from tests.connectors.pulled import Pulled
from tests.make import Make
from vitalkeep.base import clock

HOUR = timedelta(hours=1)


async def test_all_pages_come_and_what_is_gone_there_goes_here(pulled: Pulled) -> None:
    person = await pulled.person("weight", "sleep", "heart_rate", provider="google-health")
    health, now = pulled.world.health, clock.now()
    for hour in range(1, 31):
        begun = now - hour * HOUR
        stages = [(begun, begun + HOUR / 2, "LIGHT")]
        health.add_sleep(begun, begun + HOUR / 2, stages)
    health.add_point("weight", 72_100, now - HOUR)
    for minutes in (5, 6, 7):
        health.add_point("heart-rate", 60 + minutes, now - timedelta(minutes=minutes))
    await pulled.pull(person, "google-health")
    assert len(await pulled.records(person, "sleep")) == 30
    assert len(pulled.world.calls_of("health.list")) == 4  # nights come by 25
    (weight,) = await pulled.records(person, "weight")
    assert (weight["kilograms"], weight["time"][-6:]) == (72.1, "+09:00")
    beats = [s for r in await pulled.records(person, "heart_rate") for s in r["samples"]]
    assert sorted(each["beats_per_minute"] for each in beats) == [65, 66, 67]
    health.delete_points("sleep", now - 10 * HOUR, now)
    health.delete_points("weight", now - 2 * HOUR, now)
    await pulled.pull(person, "google-health")
    assert len(await pulled.records(person, "sleep")) == 20
    assert await pulled.records(person, "weight") == []


async def test_a_night_that_google_works_on_is_fetched_until_it_is_done(pulled: Pulled) -> None:
    pulled.look_back(10)
    person = await pulled.person("sleep", provider="google-health")
    begun = clock.now() - timedelta(days=7)
    stages = [(begun, begun + HOUR, "DEEP")]
    night = pulled.world.health.add_sleep(begun, begun + HOUR, stages, processed=False)
    await pulled.pull(person, "google-health")
    (sleep,) = await pulled.records(person, "sleep")
    assert sleep["stages"] == []
    pulled.world.health.process_sleep(night.id)
    await pulled.pull(person, "google-health")
    (sleep,) = await pulled.records(person, "sleep")
    assert [each["stage"] for each in sleep["stages"]] == ["deep"]


async def test_an_account_without_a_profile_is_told_to_the_person(pulled: Pulled) -> None:
    person = await pulled.person("weight", "steps", provider="google-health")
    pulled.world.health.linked = False
    await pulled.pull(person, "google-health")
    seen = await pulled.seen(person)
    assert (seen["state"], seen["problem"]["code"]) == ("active", "account_not_linked")
    assert pulled.world.count("health.list") == 1
    pulled.world.health.linked = True
    pulled.world.health.add_point("weight", 72_100, clock.now() - HOUR)
    assert (await person.post("/v1/me/connections/google-health/sync")).status_code == 202
    await pulled.pull(person, "google-health")
    assert "problem" not in await pulled.seen(person)
    assert len(await pulled.records(person, "weight")) == 1


async def test_what_a_phone_pushed_and_google_echoes_is_one_record(
    pulled: Pulled, make: Make
) -> None:
    person = await pulled.person("weight", provider="google-health")
    moment = (clock.now() - HOUR).replace(microsecond=0)
    origin = {"app": "jp.example.scale", "device": {"type": "scale", "model": "S1"}}
    phone = make.record(
        "weight", time=f"{moment:%Y-%m-%dT%H:%M:%SZ}", kilograms=70.5, origin=origin, client_id=None
    )
    assert await person.statuses(phone) == ["created"]
    device = {"formFactor": "SCALE", "displayName": "S1"}
    point = pulled.world.health.add_point(
        "weight", 70_500, moment, platform="HEALTH_CONNECT", package="jp.example.scale",
        device=device,
    )  # fmt: skip
    point.source["device"] = device
    await pulled.pull(person, "google-health")
    assert len(await pulled.records(person, "weight")) == 1
