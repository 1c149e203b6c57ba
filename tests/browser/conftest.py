"""A running server, a stand-in for Google, and headless Chromium."""

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    sync_playwright,
)

from tests.browser.google_stand_in import CLIENT_ID, CLIENT_SECRET, stand_in
from tests.cli.commands import run_json
from tests.cli.serving import Dev, dev
from tests.make import APP_USER, TOKEN_EXCHANGE, Make
from vitalkeep.demo.policies import sample_ref

QUIET = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
PHONE = "phone.apps.googleusercontent.com"
ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"


def find_chromium() -> str:
    """Where Chromium is; the test run ends with what to do if it is nowhere."""
    named = os.environ.get("VITALKEEP_CHROMIUM")
    found = named or shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None or shutil.which(found) is None:
        pytest.exit(
            "make browser needs Chromium: install it (on Debian and Ubuntu: apt-get install "
            "chromium), or say where it is with VITALKEEP_CHROMIUM.",
            returncode=2,
        )
    return found


@dataclass
class Server:
    """A running server with an app of its own, and people of that app."""

    dev: Dev
    data: Path
    app: dict[str, Any]

    @property
    def url(self) -> str:
        return str(self.dev.printed["url"])

    def token(self, **form: str) -> str:
        auth = (self.app["client_id"], self.app["client_secret"])
        answer = self.dev.client.post("/oauth/token", auth=auth, data=form)
        return str(answer.raise_for_status().json()["access_token"])

    def post(self, path: str, token: str, body: object) -> Any:
        headers = {"Authorization": f"Bearer {token}"}
        answer = self.dev.client.post(path, headers=headers, json=body)
        return answer.raise_for_status().json()

    def furnish(self, token: str) -> str:
        """Gives a person consents and two records."""
        given = {
            "scopes": ["steps.collect", "weight.collect"],
            "recipient": {"kind": "app", "id": self.app["client_id"]},
            "purpose": "storage",
            "policy": sample_ref("ja").model_dump(),
            "source": {"kind": "in_app"},
        }
        self.post("/v1/me/consents", token, given)
        records = [Make.record("steps"), Make.record("weight")]
        counts = self.post("/v1/me/records", token, {"records": records})["counts"]
        assert counts["created"] == 2
        return token

    def person(self) -> str:
        """A new user of the app, with data: the app's own id of them."""
        user = str(uuid4())
        exchange = {"grant_type": TOKEN_EXCHANGE, "subject_token_type": APP_USER}
        self.furnish(self.token(**exchange, subject_token=user))
        return user

    def person_of_google(self, id_token: str) -> str:
        """The person behind an ID token of the phone's, with data: their access token."""
        exchange = {"grant_type": TOKEN_EXCHANGE, "subject_token_type": ID_TOKEN}
        return self.furnish(self.token(**exchange, subject_token=id_token))

    def link(self, user: str, locale: str = "ja") -> str:
        """A one-time link for a user of the app."""
        backend = self.token(grant_type="client_credentials")
        asked = {"external_id": user, "locale": locale}
        return str(self.post("/v1/deactivation-links", backend, asked)["url"])


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    data = tmp_path_factory.mktemp("browser")
    company = {
        "VITALKEEP_CONTROLLER_NAME": "Example Walk 株式会社",
        "VITALKEEP_CONTROLLER_CONTACT": "help@walk.jp.example",
    }
    with stand_in() as google:
        addresses = {
            "VITALKEEP_GOOGLE_CLIENT_ID": CLIENT_ID,
            "VITALKEEP_GOOGLE_CLIENT_SECRET": CLIENT_SECRET,
            "VITALKEEP_GOOGLE_AUTHORIZE_URL": f"{google}/authorize",
            "VITALKEEP_GOOGLE_TOKEN_URL": f"{google}/token",
            "VITALKEEP_GOOGLE_CERTS_URL": f"{google}/certs",
        }
        with dev(data, **addresses, **company) as running:
            named = ("client", "add", "Example Walk", "--google-client-id", PHONE)
            yield Server(running, data, run_json(*named, "--data", data))


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    arguments = [*QUIET, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    executable = find_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=arguments)
        yield browser
        browser.close()


@dataclass
class Windows:
    """Windows of the browser; what any of them complains of is remembered."""

    chromium: Browser
    stack: ExitStack
    complaints: list[str] = field(default_factory=list)
    contexts: list[BrowserContext] = field(default_factory=list)

    def open(self, **options: Any) -> Page:
        """A window with no cookies of others."""
        context = self.chromium.new_context(**options)
        self.stack.callback(context.close)
        self.contexts.append(context)
        page = context.new_page()

        def listen(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning"):
                self.complaints.append(message.text)

        def complain(request: Request) -> None:
            # A download ends its navigation.
            if request.failure != "net::ERR_ABORTED":
                self.complaints.append(f"{request.url}: {request.failure}")

        page.on("console", listen)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("requestfailed", complain)
        return page


@pytest.fixture
def windows(chromium: Browser) -> Iterator[Windows]:
    """Windows, of which none may have complained of anything."""
    with ExitStack() as stack:
        opened = Windows(chromium, stack)
        yield opened
    assert opened.complaints == []
