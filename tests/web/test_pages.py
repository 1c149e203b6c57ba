"""The pages' rules: both languages whole, every problem a page, nothing that a CSP would block."""

import re
from pathlib import Path
from string import Formatter

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncConnection

from tests.make import Make
from tests.web.browsing import Page, arrive, browser, check_headers, other_settings, read_page
from vitalkeep.base.db import request_connection
from vitalkeep.base.errors import Overloaded, Problem, problem_classes
from vitalkeep.datatypes.registry import TYPES
from vitalkeep.erasure.deactivate import ALL_MODELS
from vitalkeep.erasure.settling import CALLED
from vitalkeep.erasure.upstream import PROVIDERS
from vitalkeep.web import pages
from vitalkeep.web.leaving import list_kept_in_general
from vitalkeep.web.texts import LANGUAGES, catalogue

WEB = Path(pages.__file__).parent
MADE_UP = {
    "type_": [kind.name for kind in TYPES],
    "provider_": [each.name for each in PROVIDERS],
    "upstream_": ["revoked", "already_revoked", "failed"],
    "told_": list(CALLED.values()),
    "recipient_": ["app", "organization", "person"],
    "notice_": ["agree", "again"],
}
"""Keys that the pages put together, from what the other rooms can say."""


def used_keys() -> set[str]:
    """Every key that a template or the code names."""
    sources = [file.read_text() for file in WEB.rglob("*") if file.suffix in (".html", ".py")]
    found = {
        key for each in sources for key in re.findall(r"""["']([a-z]+(?:_[a-z]+)*)["']""", each)
    }
    found |= {f"{prefix}{name}" for prefix, names in MADE_UP.items() for name in names}
    found |= {f"{key}_basis" for key in found if key.startswith("kept_")}
    kinds = {getattr(each, "page", each.code) for each in problem_classes()} | {"other"}
    for part in ("title", "what", "safe", "do"):
        found |= {f"problem_{kind}_{part}" for kind in kinds}
    return found


def test_every_text_is_there_in_both_languages_with_the_same_values() -> None:
    for key, texts in catalogue().items():
        assert texts.keys() == set(LANGUAGES), key
        assert all(each.strip() == each and each for each in texts.values()), key
        parts = [Formatter().parse(each) for each in texts.values()]
        named = [{name for _, name, _, _ in each if name} for each in parts]
        assert named[0] == named[1], key


def test_every_text_is_used_and_every_key_has_one() -> None:
    assert catalogue().keys() - used_keys() == set()
    asked = set()
    for file in WEB.rglob("*.html"):
        asked |= set(re.findall(r"""\bt\(["']([a-z_]+)["'][,)]""", file.read_text()))
    asked |= {f"{prefix}{name}" for prefix, names in MADE_UP.items() for name in names}
    assert asked - catalogue().keys() == set()


def test_whatever_a_certificate_keeps_has_words_in_both_languages() -> None:
    assert ALL_MODELS
    kept = list_kept_in_general(35)
    assert [each.key for each in kept] == ["kept_certificate", "kept_id"]
    assert [each.days for each in kept] == [None, 35]
    assert all(f"{each.key}_basis" in catalogue() for each in kept)


@pytest.mark.parametrize("kind", problem_classes(), ids=lambda kind: kind.__name__)
async def test_each_problem_is_a_page_in_both_languages(
    app: FastAPI, client: httpx.AsyncClient, kind: type[Problem]
) -> None:
    async def refuse() -> AsyncConnection:
        raise kind

    app.dependency_overrides[request_connection] = refuse
    try:
        answers = [await client.get(f"/client/deactivate?lang={each}") for each in LANGUAGES]
    finally:
        del app.dependency_overrides[request_connection]
    for answer, language in zip(answers, LANGUAGES, strict=True):
        check_headers(answer)
        assert answer.status_code == kind.status
        page = read_page(answer)
        assert page.language == language
        assert answer.headers["x-request-id"] in page.text
    assert "retry-after" in answers[0].headers or not issubclass(kind, Overloaded)


async def test_what_the_framework_refuses_is_a_page_too(client: httpx.AsyncClient) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    answers = {
        404: await client.get("/client/nowhere?lang=en"),
        405: await client.put("/client/deactivate?lang=en"),
        400: await client.post("/client/deactivate/link?lang=en", content=b"\xff=1", headers=form),
        413: await client.post(
            "/client/deactivate/link?lang=en", content=b"a" * 70_000, headers=form
        ),
    }
    for status, answer in answers.items():
        assert answer.status_code == status
        check_headers(answer)
        assert read_page(answer).language == "en"
    assert "Allow" in answers[405].headers
    assert (await client.get("/v1/nowhere")).headers["content-type"] == "application/problem+json"


async def test_a_fault_of_the_server_is_a_page_that_tells_nothing_of_it(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    async def fail() -> AsyncConnection:
        raise RuntimeError("a secret of the server's")

    app.dependency_overrides[request_connection] = fail
    try:
        answer = await client.get("/client/deactivate?lang=en")
    finally:
        del app.dependency_overrides[request_connection]
    assert answer.status_code == 500
    check_headers(answer)
    assert "secret" not in read_page(answer).text


async def test_the_public_page_names_app_and_company_and_what_is_typed_is_text(
    app: FastAPI, make: Make
) -> None:
    app_ = await make.app()
    said = {"controller_name": "<b>Walk & Co</b>", "controller_contact": "help@walk.jp.example"}
    with other_settings(app, **said):
        async with browser(app) as visitor:
            page = await visitor.open(f"/client/deactivate?client={app_.id}&lang=en")
            assert page.title == "Delete your Test app account and your data"
            assert "<b>Walk & Co</b>" in page.text
            assert page.links["help@walk.jp.example"] == "mailto:help@walk.jp.example"
            other = await visitor.open(page.links["日本語"])
            assert other.language == "ja"
            assert other.title == "「Test app」のアカウントとデータの削除（退会）"
            for unknown in ("", "x", "00000000-0000-0000-0000-000000000000", "%00"):
                page = await visitor.open(f"/client/deactivate?client={unknown}")
                assert page.title == "アカウントとデータの削除（退会）"
            assert (await visitor.open("/client/deactivate?lang=xx")).language == "ja"


async def test_below_a_path_of_a_proxy_links_and_cookies_have_it(app: FastAPI, make: Make) -> None:
    person = await make.person(collects=False)
    async with browser(app) as visitor:
        page = await arrive(make, person, visitor)
        with other_settings(app, public_url="http://127.0.0.1:8000/health"):
            answer = await visitor.client.get("/client/deactivate/account?lang=en")
    shown = Page(answer.text)
    assert [each.action for each in shown.forms] == [f"/health{each.action}" for each in page.forms]
    assert all("Path=/health/client" in each for each in answer.headers.get_list("set-cookie"))


async def test_styles_come_from_here_and_may_be_kept(client: httpx.AsyncClient) -> None:
    page = await client.get("/client/deactivate")
    assets = re.findall(r'<link rel="[a-z]+"[^>]* href="([^"]+)"', page.text)
    assert len(assets) == 2
    for each, kind in zip(assets, ("text/css", "image/svg+xml"), strict=True):
        answer = await client.get(each.replace("&amp;", "&"))
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith(kind)
        assert answer.headers["cache-control"] == "public, max-age=86400"
        assert "url(" not in answer.text
        assert "@import" not in answer.text
    assert (await client.get("/client/assets/..%2ftexts.json")).status_code == 404


def luminance(color: str) -> float:
    """Relative luminance. Source: WCAG 2.2."""
    parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_colours_have_the_contrast_of_aa(scheme: int) -> None:
    sheet = (WEB / "assets" / "client.css").read_text()
    found = re.findall(r":root \{(.*?)\}", sheet, re.DOTALL)[scheme]
    colors = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", found))
    assert len(colors) == 11
    for ink in ("ink", "quiet", "link", "seen", "act", "wrong"):
        for ground in ("paper", "wash"):
            assert contrast(colors[ink], colors[ground]) >= 4.5, (ink, ground)
    assert contrast(colors["act-ink"], colors["act"]) >= 4.5
    for line in ("line", "focus"):
        assert contrast(colors[line], colors["paper"]) >= 3
