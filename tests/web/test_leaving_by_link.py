"""Leaving from a browser by a one-time link, and everything that has to stop on the way."""

import asyncio
import json
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from fastapi import FastAPI

from tests.care.sql import run_sql
from tests.erasure.traces import left, traces
from tests.make import Make
from tests.web.browsing import arrive, ask_for_link, browser, link_for, other_settings, read_page
from vitalkeep.base import clock
from vitalkeep.base.keys import DirectoryKeyring
from vitalkeep.cli.erasures import read_certificate
from vitalkeep.erasure import journal
from vitalkeep.erasure.certificate import verify
from vitalkeep.web.texts import Language, text


@pytest.mark.parametrize("language", ["ja", "en"])
async def test_a_link_leads_through_preview_and_confirmation_to_the_certificate(
    app: FastAPI, make: Make, keyring: DirectoryKeyring, tmp_path: Path, language: Language
) -> None:
    person, nurse = await make.person(), await make.staff()
    await person.push(make.record("weight"), make.record("weight"), make.record("sleep"))
    case = (await make.case(nurse, person, ["weight.read"]))["case"]
    relative = await make.person(person.app, collects=False)
    await make.watching(relative, person, ["steps.read"], relative_label="Aunt Yuki")
    async with browser(app) as visitor:
        entry = await visitor.open(await link_for(make, person, locale=f"{language}-JP"))
        assert entry.language == language
        assert "Test app" in entry.text
        account = await visitor.send(entry.forms[0])
        for told in ("Aunt Yuki", "Test app", case["organization"]["name"]):
            assert told in account.text
        for key in ("type_weight", "type_sleep", "kept_id", "connections_none"):
            assert text(key, language) in account.text
        assert visitor.cookies.keys() == {"vitalkeep_session"}
        for each in (person.id, person.external_id):
            assert str(each) not in str(visitor.cookies)
        leave, _ = account.forms
        assert leave.button == text("confirm_button", language)
        assert leave.boxes == ["agreed"]
        assert account.labels == {"agreed"}
        done = await visitor.send(leave, agreed="yes")
        assert done.title == text("erased_title", language)
        assert visitor.cookies == {}
        link = done.links[text("certificate_button", language)]
        answer = await visitor.get(link)
    name = answer.headers["content-disposition"].partition('filename="')[2].strip('"')
    assert answer.headers["content-disposition"].startswith("attachment")
    (tmp_path / name).write_bytes(answer.content)
    statement = verify(
        read_certificate(tmp_path / name),
        {each.kid: each.public_jwk() for each in keyring.certificate_keys},
    )
    assert statement.route == "web"
    assert str(statement.erasure_id) in done.text
    assert await traces(app, [person.id]) == set()


async def test_the_address_of_the_end_works_without_any_cookie(app: FastAPI, make: Make) -> None:
    done = await left(await make.person(collects=False))
    address = f"/client/erasures/{done['erasure_id']}"
    async with browser(app) as visitor:
        page = await visitor.open(f"{address}?lang=en")
        assert page.title == "You have left"
        assert "cookie" not in page.text
        assert (await visitor.open(page.links["日本語"])).title == "退会しました"
        assert (await visitor.get(f"{address}/shredded-certificate")).status_code == 404
        for wrong in (uuid4(), "latest"):
            assert (await visitor.open(f"/client/erasures/{wrong}", 404)).language == "ja"


async def test_looking_at_a_link_spends_nothing_and_opening_it_once_does(
    app: FastAPI, make: Make
) -> None:
    person = await make.person(collects=False)
    url = await link_for(make, person)
    async with browser(app) as scanner, browser(app) as visitor, browser(app) as thief:
        await scanner.open(url)
        assert (await person.get("/v1/me")).status_code == 200
        stolen = (await thief.open(url)).forms[0]
        assert (await visitor.send((await visitor.open(url)).forms[0])).forms
        assert (await thief.post(stolen)).status_code == 404
        refused = await thief.open(f"{url}&lang=en", 404)
        assert refused.title == text("problem_link_unusable_title", refused.language)
        assert thief.cookies.keys() == {"vitalkeep_visit"}
    # The app signs its user in again as ever; the token from before is refused.
    assert (await person.get("/v1/me")).status_code == 401
    assert person.app is not None
    assert (await make.sign_in(person.app, person.external_id))["access_token"]


async def test_of_two_at_once_one_opens_the_link(app: FastAPI, make: Make) -> None:
    person = await make.person(collects=False)
    url = await link_for(make, person)
    async with browser(app) as one, browser(app) as other:
        forms = [(await each.open(url)).forms[0] for each in (one, other)]
        answers = await asyncio.gather(one.post(forms[0]), other.post(forms[1]))
    assert sorted(each.status_code for each in answers) == [303, 404]


async def test_a_link_ends_after_half_an_hour_and_a_session_after_a_quarter(
    app: FastAPI, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await make.person(collects=False)
    now = clock.now()
    answer = await ask_for_link(make, person)
    until = datetime.fromisoformat(answer.json()["expires_at"])
    assert timedelta(0) <= until - now - timedelta(minutes=30) < timedelta(seconds=30)
    async with browser(app) as visitor:
        entry = await visitor.open(answer.json()["url"])
        monkeypatch.setattr(clock, "now", lambda: now + timedelta(minutes=31))
        assert (await visitor.post(entry.forms[0])).status_code in (403, 404)
        await visitor.open(answer.json()["url"], 404)
        monkeypatch.undo()
        account = await visitor.send((await visitor.open(answer.json()["url"])).forms[0])
        monkeypatch.setattr(clock, "now", lambda: now + timedelta(minutes=14))
        account = await visitor.open(account.links[text("account_extend", "ja")])
        monkeypatch.setattr(clock, "now", lambda: now + timedelta(minutes=28))
        again = await visitor.send(account.forms[0], agreed="yes")
        assert text("notice_again", "ja") in again.text, "the confirmation is older than 5 minutes"
        monkeypatch.setattr(clock, "now", lambda: now + timedelta(hours=4))
        ended = await visitor.open("/client/deactivate/account", 401)
        assert text("problem_session_ended_title", "ja") == ended.title
        assert (await visitor.post(again.forms[0], agreed="yes")).status_code == 401


async def test_a_session_lasts_three_hours_however_often_it_is_made_longer(
    app: FastAPI, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await make.person(collects=False)
    now = clock.now()
    async with browser(app) as visitor:
        await arrive(make, person, visitor)
        for minutes in range(12, 180, 12):
            monkeypatch.setattr(clock, "now", lambda m=minutes: now + timedelta(minutes=m))
            await visitor.open("/client/deactivate/account")
        monkeypatch.setattr(clock, "now", lambda: now + timedelta(minutes=181))
        await visitor.open("/client/deactivate/account", 401)


async def test_only_the_apps_own_users_get_links(app: FastAPI, make: Make) -> None:
    person, stranger = await make.person(collects=False), await make.person(collects=False)
    assert stranger.app is not None
    backend = await make.backend(stranger.app)
    body = {"external_id": person.external_id}
    assert (await backend.post("/v1/deactivation-links", body)).status_code == 404
    await left(person)
    assert (await ask_for_link(make, person)).status_code == 404
    token = (await link_for(make, stranger)).rpartition("=")[2]
    async with browser(app) as visitor:
        for wrong in ("", "x", "é", token[:-2], token + "A", token.swapcase()):
            await visitor.open(f"/client/deactivate/link?token={wrong}", 404)


async def test_a_form_counts_only_in_the_browser_that_was_shown_it(
    app: FastAPI, make: Make
) -> None:
    person, other = await make.person(collects=False), await make.person(collects=False)
    async with browser(app) as visitor, browser(app) as elsewhere:
        entry = (await visitor.open(await link_for(make, person))).forms[0]
        for wrong in (None, "", "x" * 32):
            assert (await visitor.post(entry, form=wrong)).status_code == 403
        assert (await elsewhere.post(entry)).status_code == 403
        account = await visitor.send(entry)
        foreign = await arrive(make, other, elsewhere)
        for form, theirs in zip(account.forms, foreign.forms, strict=True):
            for wrong in (None, "", entry.fields["form"], theirs.fields["form"]):
                refused = await visitor.post(form, form=wrong, agreed="yes")
                assert refused.status_code == 403
                assert read_page(refused).title == text("problem_form_not_ours_title", "ja")
            assert (await visitor.client.post(form.action)).status_code == 403
        token = foreign.forms[0].fields["confirm_token"]
        again = await visitor.send(account.forms[0], agreed="yes", confirm_token=token)
        assert text("notice_title", "ja") in again.text
    async with browser(app) as nobody:
        assert (await nobody.post(account.forms[0], agreed="yes")).status_code == 401
    for each in (person, other):
        assert each.app is not None
        assert (await make.sign_in(each.app, each.external_id))["access_token"]
        assert await count(app, each.id) == 1


async def count(app: FastAPI, person_id: object) -> int:
    rows = await run_sql(app, "SELECT 1 FROM persons WHERE person_id = :id", id=person_id)
    return len(rows)


async def test_without_the_tick_nothing_is_deleted_and_the_page_says_so(
    app: FastAPI, make: Make
) -> None:
    person = await make.person(collects=False)
    async with browser(app) as visitor:
        account = await arrive(make, person, visitor)
        again = await visitor.send(account.forms[0])
        assert again.title.startswith("Error: ")
        assert again.links[text("notice_agree", "en")] == "#agreed"
        assert await count(app, person.id) == 1
        assert (await visitor.send(again.forms[0], agreed="yes")).title == "You have left"
    assert await count(app, person.id) == 0


async def test_who_signs_out_has_not_left_and_their_old_cookie_opens_nothing(
    app: FastAPI, make: Make
) -> None:
    person = await make.person(collects=False)
    async with browser(app) as visitor:
        account = await arrive(make, person, visitor)
        before = dict(visitor.cookies)
        page = await visitor.send(account.forms[1])
        assert text("public_signed_out", "en") in page.text
        assert visitor.cookies == {}
        visitor.client.cookies.update(before)
        await visitor.open("/client/deactivate/account", 401)
        assert (await visitor.post(account.forms[0], agreed="yes")).status_code == 401
    assert await count(app, person.id) == 1


async def test_who_left_elsewhere_meanwhile_is_led_to_the_end(app: FastAPI, make: Make) -> None:
    person = await make.person(collects=False)
    async with browser(app) as visitor, browser(app) as other:
        account = await arrive(make, person, visitor)
        assert person.app is not None
        person.token = (await make.sign_in(person.app, person.external_id))["access_token"]
        url = await link_for(make, person)
        done = await left(person)
        await other.open(url, 404)
        page = await visitor.send(account.forms[0], agreed="yes")
    assert page.title == "You have left"
    assert done["erasure_id"] in page.text
    assert visitor.cookies == {}


async def test_an_erasure_that_stops_midway_shows_its_stage_and_ends_later(
    app: FastAPI, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await make.person(collects=False)

    async def fail(*_: object) -> None:
        raise RuntimeError("the disk is full")

    async with browser(app) as visitor:
        account = await arrive(make, person, visitor)
        cookie = dict(visitor.cookies)
        with monkeypatch.context() as broken:
            broken.setattr(journal, "delete_rows", fail)
            page = await visitor.send(account.forms[0], agreed="yes")
        assert page.title == text("erasing_title", "en")
        assert visitor.cookies == {}
        visitor.client.cookies.update(cookie)
        # Whoever looks at the account again is led to the same page, and signed out.
        assert (await visitor.open("/client/deactivate/account?lang=en")).title == page.title
        state = app.state
        assert await journal.finish_begun(state.engine, state.keyring, state.settings) == 1
        again = await visitor.open(page.links[text("erasing_reload", "en")])
        assert again.title == text("erased_title", "en")


async def test_the_export_is_the_persons_own_and_ends_with_the_session(
    app: FastAPI, make: Make
) -> None:
    person = await make.person()
    await person.push(make.record("weight"), make.record("steps"))
    async with browser(app) as visitor:
        account = await arrive(make, person, visitor)
        link = account.links[text("export_button", "en")]
        answer = await visitor.get(link)
        lines = [json.loads(line) for line in answer.text.splitlines()]
        assert {each.get("type") for each in lines} == {"weight", "steps", None}
        assert answer.headers["content-disposition"].startswith("attachment")
        await visitor.send(account.forms[1])
        await visitor.open(link, 401)


async def test_over_https_cookies_go_over_https_only(app: FastAPI, make: Make) -> None:
    url = await link_for(make, await make.person(collects=False))
    assert url.startswith(f"{app.state.settings.public_url}/client/deactivate/link?lang=ja&token=")
    with other_settings(app, public_url="https://health.jp.example"):
        async with browser(app) as visitor:
            (cookie,) = (await visitor.get(url)).headers.get_list("set-cookie")
    assert "; Secure" in cookie
