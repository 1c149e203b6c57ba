"""From a notification to what it changes here: upserts, deletions, repeats, and whom it is for."""

from datetime import datetime, timedelta

import pytest
from fastapi import FastAPI

from tests.care.sql import run_sql
from tests.connectors.notified import HEALTH, Notified, counted
from tests.connectors.pulled import Pulled
from tests.erasure.traces import left
from tests.google.oauth import PROFILE
from vitalkeep.base import clock
from vitalkeep.connectors import calling, fetch_health
from vitalkeep.connectors.identities import digest_of
from vitalkeep.datatypes.registry import BY_NAME

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


async def test_what_google_tells_is_read_again_and_nothing_else(notified: Notified) -> None:
    health, now = notified.world.health, clock.now()
    old, recent = now - 20 * DAY, now - 3 * HOUR
    health.add_point("steps", 100, recent, recent + HOUR / 2)
    notified.pulled.look_back(30)
    health.add_point("weight", 70_000, old)
    health.add_point("weight", 71_000, old + 2 * HOUR)
    person = await notified.person("steps", "weight")
    assert len(await notified.pulled.records(person)) == 3
    regular = (await notified.connection(person.id)).due_at
    health.delete_points("weight", old, old + HOUR)
    health.delete_points("steps", recent, recent + HOUR)
    health.add_point("weight", 72_000, old + 3 * HOUR)
    asked = notified.world.count("health.list")
    answer = await notified.tell(
        notified.notice("weight", old, operation="DELETE"),
        notified.notice("weight", old + 3 * HOUR),
    )
    assert (answer.status_code, answer.content) == (204, b"")
    await notified.read_again(person)
    weights = await notified.pulled.records(person, "weight")
    assert [each["kilograms"] for each in weights] == [71, 72]
    assert len(await notified.pulled.records(person, "steps")) == 1  # of that nothing was told
    assert notified.world.count("health.list") - asked == 2
    assert await notified.waiting(person) == []
    stored = await notified.connection(person.id)
    assert (stored.due_at, stored.pull_at, stored.lease) == (regular, None, None)
    assert not await notified.pulled.pull_if_due(person, HEALTH)
    changes = (await person.get("/v1/me/changes")).json()["changes"]
    assert [each["op"] for each in changes].count("delete") == 1


async def test_repeats_and_floods_wait_as_few_stretches(notified: Notified) -> None:
    person = await notified.person("weight")
    notified.pulled.look_back(300)
    now = clock.now()
    notice = notified.notice("weight", now - 5 * HOUR, now - 4 * HOUR)
    before = counted("noted")
    for sent in (notice, notice, notified.notice("weight", now - 4 * HOUR)):
        assert (await notified.tell(sent, array=False)).status_code == 204
    (row,) = await notified.waiting(person)
    assert (row.start_time, row.end_time) == (floor(now - 5 * HOUR), floor(now - 3 * HOUR))
    assert counted("noted") - before == 3
    await notified.tell(*[notified.notice("weight", now - days * DAY) for days in range(2, 90)])
    assert len(await notified.waiting(person)) == 16
    await notified.read_again(person)
    assert await notified.waiting(person) == []


async def test_an_array_is_taken_up_to_its_last_good_entry(notified: Notified) -> None:
    person, now = await notified.person("steps"), clock.now()
    entry = notified.notice("steps", now - HOUR).to_json()
    others: dict[str, list[object]] = {
        "unreadable": [5, {}, {"data": {**entry["data"], "intervals": [{"physical": 1}]}}],
        "unknown_type": [{"data": {**entry["data"], "dataType": "daily-oxygen-saturation"}}],
        "unknown_version": [{"data": {**entry["data"], "version": "2"}}],
        "unknown_operation": [{"data": {**entry["data"], "operation": "MERGE"}}],
        "unknown_person": [{"data": {**entry["data"], "healthUserId": "1234567890"}}],
        "not_collected": [{"data": {**entry["data"], "dataType": "weight"}}],
        "out_of_reach": [notified.notice("steps", now - 900 * DAY).to_json()],
    }
    before = {name: counted(name) for name in others}
    sent = [each for listed in others.values() for each in listed]
    assert (await notified.send([*sent, entry])).status_code == 204
    assert {name: counted(name) - before[name] for name in others} == {
        name: len(listed) for name, listed in others.items()
    }
    assert len(await notified.waiting(person)) == 1


async def test_what_is_told_while_it_is_read_is_read_once_more(
    notified: Notified, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, begun = await notified.person("weight"), clock.now() - HOUR
    await notified.tell(notified.notice("weight", begun))
    get = calling.Account.get

    async def and_meanwhile(*given: object) -> object:
        page = await get(*given)  # type: ignore[arg-type]
        if not notified.world.health.points["weight"]:
            notified.world.health.add_point("weight", 70_000, begun)
            assert (await notified.tell(notified.notice("weight", begun))).status_code == 204
        return page

    monkeypatch.setattr(calling.Account, "get", and_meanwhile)
    await notified.read_again(person)
    assert await notified.pulled.records(person, "weight") == []
    await notified.read_again(person)
    assert len(await notified.pulled.records(person, "weight")) == 1
    assert await notified.waiting(person) == []


async def test_an_absurd_interval_is_cut_to_what_was_ever_pulled_and_is_consented_to(
    notified: Notified,
) -> None:
    person, now = await notified.person("weight", "steps"), clock.now()
    app = notified.pulled.google.app
    await run_sql(
        app,
        "UPDATE consents SET data_from = :day WHERE person_id = :id AND type ="
        " (SELECT min(type) FROM connection_types WHERE person_id = :id)",
        day=floor(now - DAY),
        id=person.id,
    )
    ends = {"startTime": "0001-01-01T00:00:00Z", "endTime": "9999-12-31T23:59:59.999999999Z"}
    entries = []
    for kind in ("weight", "steps"):
        entry = notified.notice(kind, now).to_json()
        entry["data"]["intervals"] = [{"physicalTimeInterval": ends}]
        entries.append(entry)
    assert (await notified.send(entries)).status_code == 204
    consented, pulled = await notified.waiting(person)
    assert (consented.start_time, consented.end_time) == (floor(now - DAY), floor(now) + HOUR)
    assert pulled.start_time == floor(now - 2 * DAY)  # how far the first pull went back


async def test_a_withdrawn_type_is_not_read_whenever_it_is_withdrawn(notified: Notified) -> None:
    person, begun = await notified.person("weight", "steps"), clock.now() - HOUR
    notified.world.health.add_point("weight", 70_000, begun)
    await notified.tell(notified.notice("weight", begun))
    given = (await person.get("/v1/me/consents")).json()["consents"]
    weight = next(each["id"] for each in given if each["scope"] == "weight.collect")
    assert (await person.post(f"/v1/me/consents/{weight}/withdrawal")).status_code == 200
    asked = notified.world.count("health.list")
    await notified.read_again(person)
    assert notified.world.count("health.list") == asked
    assert await notified.waiting(person) == []
    before = counted("not_collected")
    await notified.tell(notified.notice("weight", begun))
    assert counted("not_collected") - before == 1
    assert await notified.waiting(person) == []


async def test_who_has_left_or_disconnected_is_known_no_more(
    notified: Notified, app: FastAPI
) -> None:
    now = clock.now()
    person, other = await notified.person("weight"), await notified.person("weight")
    assert (await notified.tell(notified.notice("weight", now))).status_code == 204
    assert len(await notified.waiting(person)) == len(await notified.waiting(other)) == 1
    assert (await person.request("DELETE", f"/v1/me/connections/{HEALTH}")).status_code == 200
    assert await notified.waiting(person) == []
    certificate = (await left(other))["certificate"]["statement"]
    assert certificate["rows_deleted"]["google_identities"] == 1
    assert certificate["rows_deleted"]["refetches"] == 1
    ids = [person.id, other.id]
    query = "SELECT count(*) FROM google_identities WHERE person_id = ANY(:ids)"
    assert (await run_sql(app, query, ids=ids))[0][0] == 0
    before = counted("unknown_person")
    assert (await notified.tell(notified.notice("weight", now))).status_code == 204
    assert counted("unknown_person") - before == 1
    # As if the account had been looked up a moment before its person left.
    digest = digest_of(app.state.keyring, notified.world.health.user_id)
    late = "INSERT INTO google_identities VALUES (:digest, :id, :id)"
    await run_sql(app, late, digest=digest, id=other.id)
    assert (await notified.tell(notified.notice("weight", now))).status_code == 204
    assert counted("unknown_person") - before == 2
    await run_sql(app, "DELETE FROM google_identities WHERE person_id = :id", id=other.id)


async def test_google_that_does_not_say_whose_account_it_is_keeps_nothing_from_being_pulled(
    notified: Notified, monkeypatch: pytest.MonkeyPatch
) -> None:
    notified.world.identity_scope = PROFILE
    metrics = "https://www.googleapis.com/auth/googlehealth.health_metrics_and_measurements"
    notified.world.person.agrees = frozenset({f"{metrics}.readonly"})
    begun = clock.now() - HOUR
    notified.world.health.add_point("weight", 70_000, begun)
    person = await notified.person("weight")
    assert len(await notified.pulled.records(person, "weight")) == 1
    seen = await notified.pulled.seen(person)
    assert (seen["state"], "problem" in seen, "problem" in seen["types"]["weight"]) == (
        "active", False, False,
    )  # fmt: skip
    await notified.pulled.pull(person, HEALTH)
    assert notified.world.count("health.identity") == 1
    later = clock.now() + 25 * HOUR
    with monkeypatch.context() as patch:
        patch.setattr(clock, "now", lambda: later)
        await notified.pulled.pull(person, HEALTH)
    assert notified.world.count("health.identity") == 2
    notified.world.person.agrees = "all"
    await notified.pulled.connect(person, "weight", provider="google-health")
    await notified.pulled.pull(person, HEALTH)
    await notified.tell(notified.notice("weight", begun))
    assert len(await notified.waiting(person)) == 1


async def test_notifications_ask_for_one_scope_more_and_only_where_they_are_set_up(
    notified: Notified,
) -> None:
    google = notified.pulled.google
    person = await google.person()
    asked = await google.start(person, "weight", provider=HEALTH)
    assert asked["scope"].split()[1:] == [PROFILE]
    assert len((await google.start(person, "weight"))["scope"].split()) == 1
    none = {"google_health_webhook_secret": None}
    google.app.state.settings = google.settings.model_copy(update=none)
    asked = await google.start(person, "weight", provider=HEALTH)
    assert PROFILE not in asked["scope"]
    await notified.person("weight")
    assert notified.world.count("health.identity") == 0


async def test_a_sync_pulls_everything_also_while_something_told_waits(notified: Notified) -> None:
    person, now = await notified.person("weight", "steps"), clock.now()
    notified.world.health.add_point("steps", 100, now - HOUR, now - HOUR / 2)
    await notified.tell(notified.notice("weight", now - HOUR))
    assert (await person.post(f"/v1/me/connections/{HEALTH}/sync")).status_code == 202
    await notified.read_again(person)
    assert len(await notified.pulled.records(person, "steps")) == 1
    assert (await notified.connection(person.id)).due_at > now


async def test_a_type_that_fails_is_told_about_all_the_same_and_read_when_it_is_its_turn(
    notified: Notified,
) -> None:
    person, begun = await notified.person("weight", "steps"), clock.now() - HOUR
    notified.world.fail_next("health.list", data_type="weight")
    notices = [notified.notice(kind, begun) for kind in ("weight", "steps")]
    await notified.tell(*notices)
    await notified.read_again(person)
    assert [each.type for each in await notified.waiting(person)] == [BY_NAME["weight"].number]
    assert (await notified.connection(person.id)).due_at > clock.now()
    await run_sql(
        notified.pulled.google.app,
        "UPDATE connection_types SET retry_at = :now WHERE person_id = :id",
        now=clock.now(),
        id=person.id,
    )
    await notified.pulled.pull(person, HEALTH)
    assert await notified.waiting(person) == []


async def test_an_hour_with_too_much_in_it_does_not_keep_its_type_from_being_pulled(
    notified: Notified, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch_health, "PAGE", 1)
    person, begun = await notified.person("weight"), clock.now() - 2 * DAY + HOUR
    for minutes in range(3):
        begun_at = begun + timedelta(minutes=minutes)
        notified.world.health.add_point("weight", 70_000 + minutes, begun_at)
    monkeypatch.setattr(calling, "MAX_POINTS", 1)
    await notified.tell(notified.notice("weight", begun))
    await notified.read_again(person)
    assert await notified.waiting(person) == []
    assert "problem" not in (await notified.pulled.seen(person))["types"]["weight"]


async def test_a_google_that_asks_to_slow_down_is_not_hurried_by_its_own_notifications(
    notified: Notified, pulled: Pulled
) -> None:
    person = await notified.person("weight")
    notified.world.fail_next("oauth.token", status=429, retry_after=3600)
    notified.world.expire_access_tokens()
    await pulled.pull(person, HEALTH)
    put_off = (await notified.connection(person.id)).due_at
    assert put_off > clock.now() + HOUR / 2
    await notified.tell(notified.notice("weight", clock.now()))
    assert (await notified.connection(person.id)).due_at == put_off
    assert len(await notified.waiting(person)) == 1
    await pulled.pull(person, HEALTH)
    assert await notified.waiting(person) == []


def floor(moment: datetime) -> datetime:
    """The full hour."""
    return moment.replace(minute=0, second=0, microsecond=0)
