"""The preview, its confirm token, and the public page of an erasure."""

from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from tests.care.sql import refusal
from tests.erasure.traces import confirm_token, deactivate, left, live
from tests.make import Make
from vitalkeep.base import clock


async def test_the_preview_says_what_goes_who_could_read_and_what_stays(make: Make) -> None:
    life = await live(make)
    answer = await life.person.get("/v1/me/deactivation")
    assert answer.status_code == 200
    preview = answer.json()
    assert preview.keys() == {
        "records", "recipients", "relatives", "kept", "erasure_id", "confirm_token",
    }  # fmt: skip
    assert preview["records"] == {"steps": 1, "weight": 2, "sleep": 1}
    _closed, case = (await life.person.get("/v1/me/cases")).json()["cases"]
    assert preview["recipients"] == [case["organization"]]
    assert preview["kept"]
    assert all(preview["kept"])


async def test_the_preview_counts_no_deleted_records_and_changes_nothing(make: Make) -> None:
    life = await live(make)
    consents = (await life.person.get("/v1/me/consents")).json()["consents"]
    weight = next(each["id"] for each in consents if each["scope"] == "weight.collect")
    await life.person.post(f"/v1/me/consents/{weight}/withdrawal", {})
    previews = [(await life.person.get("/v1/me/deactivation")).json() for _ in range(2)]
    assert [preview["records"] for preview in previews] == [{"steps": 1, "sleep": 1}] * 2
    # On whatever device it is confirmed, every device can find the certificate.
    assert len({preview["erasure_id"] for preview in previews}) == 1
    for preview in previews:
        found = await make.client.get(f"/v1/erasures/{preview['erasure_id']}")
        assert found.status_code == 404


async def test_the_preview_names_a_relative_who_watches_as_the_person_calls_them(
    make: Make,
) -> None:
    person, relative, other = [await make.person() for _ in range(3)]
    assert (await person.get("/v1/me/deactivation")).json()["relatives"] == []
    watching = await make.watching(relative, person, ["sleep.read"], relative_label="母")
    await make.watching(other, person, ["steps.read"])
    answer = await person.get("/v1/me/deactivation")
    assert answer.json()["relatives"] == [{"kind": "person"}, {"kind": "person", "label": "母"}]
    theirs = (await person.get("/v1/me/cases")).json()["cases"]
    ids = [str(relative.id), str(other.id), *(case["relative"]["id"] for case in theirs)]
    assert len(ids) == 4
    assert not [each for each in ids if each in answer.text]
    await left(other)
    await person.post(f"/v1/me/cases/{watching['case']['id']}/closure")
    assert (await person.get("/v1/me/deactivation")).json()["relatives"] == []


async def test_a_person_without_anything_gets_an_empty_preview_and_can_leave(make: Make) -> None:
    person = await make.person(collects=False)
    preview = (await person.get("/v1/me/deactivation")).json()
    assert (preview["records"], preview["recipients"]) == ({}, [])
    assert (await deactivate(person)).status_code == 200


async def test_a_token_that_is_not_of_this_persons_preview_is_refused(make: Make) -> None:
    person, other = await make.person(), await make.person()
    good = await confirm_token(person)
    await person.push(make.record(), make.record())
    cursor = (await person.get("/v1/me/records", limit=1)).json()["next_cursor"]
    changes = (await person.get("/v1/me/changes", limit=1)).json()["next_cursor"]
    swapped = ("A" if good[-1] != "A" else "B") + good[1:]
    wrong = ["", "x", "é", good[:-1], good + "A", swapped, cursor, changes, person.token[:500]]
    wrong.append(await confirm_token(other))
    refusals = [
        refusal(await person.post("/v1/me/deactivation", {"confirm_token": w})) for w in wrong
    ]
    assert refusals[0][0] == 409
    assert refusals[0][1]["code"] == "confirm_token_invalid"
    assert all(each == refusals[0] for each in refusals)
    assert (await person.get("/v1/me")).status_code == 200
    assert (await deactivate(person, good)).status_code == 200


@pytest.mark.parametrize("body", [{}, {"confirm_token": 1}, {"confirm_token": "x" * 513}, None])
async def test_a_confirmation_of_the_wrong_shape_is_refused(make: Make, body: object) -> None:
    person = await make.person(collects=False)
    answer = await person.post("/v1/me/deactivation", body)
    assert refusal(answer)[0] == 422
    assert (await person.get("/v1/me")).status_code == 200


async def test_a_token_is_good_for_five_minutes(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompt, late = await make.person(), await make.person()
    tokens = {each.id: await confirm_token(each) for each in (prompt, late)}
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(minutes=5, seconds=1))
    answer = await deactivate(late, tokens[late.id])
    assert refusal(answer)[1]["code"] == "confirm_token_invalid"
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(minutes=4, seconds=55))
    assert (await deactivate(prompt, tokens[prompt.id])).status_code == 200


async def test_staff_and_apps_have_nothing_to_leave(make: Make) -> None:
    nurse = await make.staff()
    assert (await nurse.get("/v1/me/deactivation")).status_code == 403
    assert (await nurse.post("/v1/me/deactivation", {"confirm_token": "x"})).status_code == 403
    assert (await make.client.get("/v1/me/deactivation")).status_code == 401


async def test_an_erasure_is_found_by_the_previews_id_without_a_token(make: Make) -> None:
    life = await live(make)
    preview = (await life.person.get("/v1/me/deactivation")).json()
    begun = clock.now()
    done = (await deactivate(life.person, preview["confirm_token"])).json()
    assert done.keys() == {"erasure_id", "certificate"}
    assert done["erasure_id"] == preview["erasure_id"]
    found = await make.client.get(f"/v1/erasures/{preview['erasure_id']}")
    assert found.status_code == 200
    assert found.headers["cache-control"] == "no-store"
    body = found.json()
    assert body.keys() == {
        "erasure_id", "stage", "route", "requested_at", "erased_at", "recipients", "certificate",
    }  # fmt: skip
    assert body["route"] == done["certificate"]["statement"]["route"] == "app"
    assert (body["erasure_id"], body["stage"]) == (preview["erasure_id"], "erased")
    assert body["certificate"] == done["certificate"]
    times = [datetime.fromisoformat(body[name]) for name in ("requested_at", "erased_at")]
    assert begun <= times[0] <= times[1] <= clock.now()
    assert str(life.person.id) not in found.text


async def test_an_unknown_erasure_is_not_found(make: Make) -> None:
    assert refusal(await make.client.get(f"/v1/erasures/{uuid4()}"))[0] == 404
    assert refusal(await make.client.get("/v1/erasures/latest"))[0] == 422
