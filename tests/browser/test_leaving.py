"""Leaving in a real browser: buttons, keys, sizes, colours, and a certificate that is good."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import PHONE, Server, Windows
from tests.browser.google_stand_in import SUBJECT
from tests.cli.commands import call
from tests.persons.fake_google import id_token
from vitalkeep.web.texts import Language, text

NARROW = {"width": 320, "height": 640}


def look(page: Page) -> None:
    """What every page owes: nothing wider than the window, targets to hit, one main heading."""
    width = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert width[0] <= width[1], f"{page.url} scrolls sideways: {width}"
    assert page.locator("h1").count() == 1
    for target in page.locator("button, .button, .languages a, main p > a, main li > a").all():
        box = target.bounding_box()
        assert box is not None
        assert box["height"] >= 43.9, target.inner_text()
        assert box["width"] >= 43.9 or target.evaluate("e => e.closest('p, li') !== null")


def press(page: Page, key: str, language: Language) -> None:
    """Clicks the button or link with this text."""
    words = text(key, language)
    page.locator("button, a").filter(has_text=words).first.click()


def confirm(page: Page, language: Language) -> None:
    """Ticks the box and presses the button that does it."""
    look(page)
    page.get_by_label(text("confirm_check", language)).check()
    press(page, "confirm_button", language)
    assert page.locator("h1").inner_text() == text("erased_title", language)
    look(page)


def save(page: Page, key: str, language: Language, directory: Path) -> Path:
    """The file that a link lets the person save."""
    with page.expect_download() as download:
        press(page, key, language)
    saved = directory / download.value.suggested_filename
    download.value.save_as(saved)
    return saved


@pytest.mark.parametrize(
    ("language", "script"), [("ja", False), ("en", True)], ids=["ja, no script", "en, script"]
)
def test_a_link_leads_out_and_the_certificate_verifies_offline(
    server: Server, windows: Windows, tmp_path: Path, language: Language, script: bool
) -> None:
    page = windows.open(java_script_enabled=script, viewport=NARROW)
    page.goto(server.link(server.person(), language))
    look(page)
    press(page, "link_button", language)
    kept = save(page, "export_button", language, tmp_path)
    kinds = {json.loads(line).get("type") for line in kept.read_text().splitlines()}
    assert kinds == {"steps", "weight", None}
    confirm(page, language)
    assert windows.contexts[0].cookies() == []
    certificate = save(page, "certificate_button", language, tmp_path)
    keys = tmp_path / "jwks.json"
    keys.write_bytes(server.dev.client.get("/.well-known/jwks.json").content)
    assert call("erasures", "verify", certificate, "--jwks", keys).exit_code == 0
    certificate.write_text(certificate.read_text().replace('"erased"', '"erasing"'))
    assert call("erasures", "verify", certificate, "--jwks", keys).exit_code == 1
    later = windows.open().goto(page.url)
    assert later is not None
    assert later.status == 200


def test_google_leads_in_and_out_and_knows_nobody_afterwards(
    server: Server, windows: Windows
) -> None:
    token = server.person_of_google(id_token(PHONE, SUBJECT))
    page = windows.open(color_scheme="dark")
    page.goto(f"{server.url}/client/deactivate?client={server.app['client_id']}")
    look(page)
    assert "Example Walk" in page.locator("h1").inner_text()
    page.get_by_role("link", name="English").click()
    press(page, "way_google_button", "en")
    page.click("#go")
    assert page.url.startswith(f"{server.url}/client/deactivate/account")
    confirm(page, "en")
    assert windows.contexts[0].cookies() == []
    me = server.dev.client.get("/v1/me", headers={"Authorization": f"Bearer {token}"})
    assert me.status_code == 401
    for button, title in (("#go", "nobody_known"), ("#no", "sign_in_cancelled")):
        page.goto(f"{server.url}/client/deactivate?lang=en")
        press(page, "way_google_button", "en")
        page.click(button)
        assert page.locator("h1").inner_text() == text(f"problem_{title}_title", "en")
        look(page)
    expected = ("404", "403")
    told = [each for each in windows.complaints if "Failed to load resource" in each]
    assert [each for each in told if any(code in each for code in expected)] == windows.complaints
    windows.complaints.clear()


def tab_to(page: Page, element: str) -> None:
    """Presses Tab until the element has the focus, which has to be seen."""
    for _ in range(60):
        page.keyboard.press("Tab")
        style = "e => [getComputedStyle(e).outlineStyle, e.getBoundingClientRect().top]"
        outline, top = page.evaluate(f"({style})(document.activeElement)")
        assert outline != "none", page.evaluate("document.activeElement.outerHTML")
        assert top >= 0
        if page.locator(element).evaluate("e => e === document.activeElement"):
            return
    raise AssertionError(f"Tab does not lead to {element}")


def enter(page: Page) -> None:
    """Presses Enter on what leads to another page."""
    with page.expect_navigation():
        page.keyboard.press("Enter")


def test_keys_are_enough(server: Server, windows: Windows) -> None:
    page = windows.open(viewport=NARROW)
    page.goto(server.link(server.person(), "en"))
    tab_to(page, "main button")
    enter(page)
    tab_to(page, "form:has(#agreed) button")
    enter(page)
    assert page.title().startswith("Error: ")
    look(page)
    tab_to(page, ".notice a")
    page.keyboard.press("Enter")
    if not page.locator("#agreed").evaluate("e => e === document.activeElement"):
        tab_to(page, "#agreed")
    page.keyboard.press("Space")
    tab_to(page, "form:has(#agreed) button")
    enter(page)
    assert page.locator("h1").inner_text() == text("erased_title", "en")


def rgb(color: str) -> Sequence[int]:
    numbers = color.partition("(")[2].rstrip(")").split(",")
    return [int(float(each)) for each in numbers[:3]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_system_decides_whether_pages_are_light_or_dark(
    server: Server, windows: Windows, scheme: Any
) -> None:
    page = windows.open(color_scheme=scheme, viewport=NARROW)
    page.goto(f"{server.url}/client/deactivate")
    look(page)
    style = "e => [getComputedStyle(e).backgroundColor, getComputedStyle(e).color]"
    ground, ink = page.locator("body").evaluate(style)
    brighter = sum(rgb(ground)) > sum(rgb(ink))
    assert brighter == (scheme == "light")


def test_forced_colours_and_large_text_leave_the_pages_whole(
    server: Server, windows: Windows
) -> None:
    page = windows.open(forced_colors="active", viewport=NARROW)
    page.goto(server.link(server.person()))
    look(page)
    press(page, "link_button", "ja")
    look(page)
    page.set_viewport_size({"width": 640, "height": 640})
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    look(page)
