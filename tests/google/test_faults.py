"""What the stand-in can be made to do wrong, and what it writes down."""

import json

import httpx
import pytest
import respx

from tests.google.connecting import NOON, Hands, Visitor
from tests.google.standin import HOSTS, addresses, answers, create_google
from tests.google.world import World
from vitalkeep.base.outbound import outbound_client

WEIGHT = "com.google.weight"


async def statuses(visitor: Visitor, *paths: str) -> list[int]:
    return [(await visitor.health(path)).status_code for path in paths]


async def test_a_fault_strikes_its_kind_and_type_as_often_as_it_should(
    visitor: Visitor, world: World
) -> None:
    await visitor.connect()
    steps, weight = "/dataTypes/steps/dataPoints", "/dataTypes/weight/dataPoints"
    world.fail_next("health.list", 2, status=500, data_type="weight", after=1)
    paths = (weight, steps, weight, weight, "/identity", weight)
    assert await statuses(visitor, *paths) == [200, 200, 500, 500, 200, 200]
    world.fail_next("health", status=503)
    assert await statuses(visitor, "/identity", "/identity") == [503, 200]
    assert [call.status for call in world.calls_of("health.identity")] == [200, 503, 200]


async def test_each_api_words_its_refusals(visitor: Visitor, world: World) -> None:
    await visitor.connect()
    world.fail_next("fit", status=403, reason="rateLimitExceeded")
    fit = (await visitor.fit("/dataSources")).json()["error"]
    first = fit["errors"][0]
    assert (first["domain"], first["reason"]) == ("usageLimits", "rateLimitExceeded")
    world.fail_next("health", status=429, retry_after=7)
    health = await visitor.health("/identity")
    assert health.headers["retry-after"] == "7"
    error = health.json()["error"]
    assert (error["status"], error["details"][0]["reason"]) == (
        "RESOURCE_EXHAUSTED",
        "RATE_LIMIT_EXCEEDED",
    )
    world.fail_next("oauth.token", status=400, reason="invalid_grant")
    assert (await visitor.refresh("any")).json()["error"] == "invalid_grant"


async def test_answers_can_be_cut_off_slow_or_lost(visitor: Visitor, world: World) -> None:
    await visitor.connect()
    world.fail_next("fit.sources", body="broken")
    cut = await visitor.fit("/dataSources")
    assert cut.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        cut.json()
    world.fail_next("fit.sources", body="slow", seconds=0)
    assert (await visitor.fit("/dataSources")).json() == {}
    world.fail_next("fit.sources", body="timeout")
    with pytest.raises(httpx.ReadTimeout):
        await visitor.fit("/dataSources")
    assert [call.status for call in world.calls_of("fit")] == [200, 200, 0]


async def test_a_quota_is_of_a_user_and_a_minute(
    visitor: Visitor, world: World, hands: Hands
) -> None:
    await visitor.connect()
    world.quota.fit = world.quota.health = 2
    hands.pass_by(seconds=1)
    assert await statuses(visitor, "/identity", "/identity") == [200, 200]
    hands.pass_by(seconds=20)
    refused = await visitor.health("/identity")
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "40")
    assert (await visitor.fit("/dataSources")).status_code == 200
    mine, world.signed_in = visitor.token, world.add_user("jiro@jp.example")
    await visitor.connect()
    assert await statuses(visitor, "/identity") == [200]
    visitor.token = mine
    hands.pass_by(seconds=40)
    assert await statuses(visitor, "/identity") == [200]


async def test_every_request_is_written_down(visitor: Visitor, world: World) -> None:
    tokens = await visitor.connect()
    world.fit.add_point(WEIGHT, [70], NOON)
    await visitor.fit("/dataSources", dataTypeName=WEIGHT)
    await visitor.dataset(f"derived:{WEIGHT}:com.google.android.gms:merge_weight", (0, 1), limit=9)
    await visitor.refresh(tokens["refresh_token"])
    seen = [(call.kind, call.data_type, call.status) for call in world.calls]
    assert seen == [
        ("oauth.authorize", None, 302),
        ("oauth.token", None, 200),
        ("fit.sources", WEIGHT, 200),
        ("fit.datasets", WEIGHT, 200),
        ("oauth.token", None, 200),
    ]
    assert world.calls[3].query == {"limit": "9"}
    assert world.calls[3].user == world.person.sub
    assert world.calls[4].form["grant_type"] == "refresh_token"
    assert (world.count("fit"), world.count()) == (2, 5)


async def test_respx_can_lead_calls_to_google_into_the_stand_in(hands: Hands) -> None:
    google = create_google(hands)
    with respx.mock(assert_all_called=False) as router:
        router.route(host__in=HOSTS).mock(side_effect=answers(google))
        async with outbound_client() as client:
            keyset = await client.get(
                addresses("https://www.gstatic.com")["google_health_keyset_url"]
            )
            certs = await client.get("https://www.googleapis.com/oauth2/v1/certs")
            fit = await client.get(
                addresses("https://www.googleapis.com")["google_fit_url"] + "/dataSources"
            )
    assert [each.status_code for each in (keyset, certs, fit)] == [200, 200, 401]
    assert google.state.world.count("fit.sources") == 1
