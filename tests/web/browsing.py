"""A browser without script: follows links, sends forms, keeps cookies, and minds every header."""

import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlsplit

import httpx
from fastapi import FastAPI

from tests.make import Caller, Make
from vitalkeep.base.outbound import inside_client
from vitalkeep.base.settings import Settings
from vitalkeep.web.texts import LANGUAGES, Language, to_language

CSP = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
VOID = {"meta", "link", "input", "br"}


@dataclass
class Form:
    action: str
    fields: dict[str, str] = field(default_factory=dict)
    boxes: list[str] = field(default_factory=list)
    button: str = ""


class Page(HTMLParser):
    """What a page holds; raises AssertionError for what must not be in one."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: dict[str, str] = {}
        self.text = ""
        self.language: Language = "ja"
        self.ids: list[str] = []
        self.labels: set[str] = set()
        self.title = ""
        self._open: list[tuple[str, dict[str, str]]] = []
        self.feed(source)
        self.close()
        assert self._open == [], "an element is not closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        assert tag not in ("script", "style", "base", "iframe", "object"), tag
        assert not [name for name in attributes if name == "style" or name.startswith("on")]
        if tag not in VOID:
            self._open.append((tag, attributes))
        if "id" in attributes:
            self.ids.append(attributes["id"])
        if tag == "html":
            assert attributes["lang"] in LANGUAGES
            self.language = to_language(attributes["lang"])
        elif tag == "form":
            assert attributes["method"] == "post"
            self.forms.append(Form(attributes["action"]))
        elif tag == "label":
            self.labels.add(attributes["for"])
        elif tag == "input" and attributes["type"] == "checkbox":
            assert "checked" not in attributes
            self.forms[-1].boxes.append(attributes["name"])
        elif tag == "input":
            self.forms[-1].fields[attributes["name"]] = attributes["value"]

    def handle_endtag(self, tag: str) -> None:
        opened, _ = self._open.pop()
        assert opened == tag

    def handle_data(self, data: str) -> None:
        told = " ".join(data.split())
        if not told:
            return
        tag, attributes = self._open[-1]
        self.text += told + "\n"
        if tag == "a":
            self.links[told] = attributes["href"]
        elif tag == "button":
            self.forms[-1].button = told
        elif tag == "title":
            self.title = told


def read_page(answer: httpx.Response) -> Page:
    """The page of an answer, which has to be a whole one."""
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    page = Page(answer.text)
    assert page.title
    assert len(page.ids) == len(set(page.ids))
    return page


def check_headers(answer: httpx.Response) -> None:
    """What every answer under /client carries."""
    headers = answer.headers
    assert headers["content-security-policy"] == CSP
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"
    for cookie in headers.get_list("set-cookie"):
        assert re.search(r"; HttpOnly(;|$)", cookie)
        assert re.search(r"; SameSite=lax(;|$)", cookie)
        assert re.search(r"; Path=/client(;|$)", cookie)


class Browser:
    """One person's browser."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def get(self, address: str) -> httpx.Response:
        """One answer under /client, its headers minded; redirects are not followed."""
        answer = await self.client.get(path_of(address))
        check_headers(answer)
        return answer

    async def open(self, address: str, status: int = 200) -> Page:
        """The page at an address, through redirects of ours."""
        answer = await self.get(address)
        while answer.is_redirect:
            answer = await self.get(answer.headers["location"])
        assert answer.status_code == status, answer.text
        return read_page(answer)

    async def post(self, form: Form, /, **changes: str | None) -> httpx.Response:
        """The answer to a form with some of its fields changed, or (None) left out."""
        fields = {**form.fields, **changes}
        sent = {name: value for name, value in fields.items() if value is not None}
        answer = await self.client.post(path_of(form.action), data=sent)
        check_headers(answer)
        return answer

    async def send(self, form: Form, /, **changes: str | None) -> Page:
        """The page that a form leads to: a form that did something redirects."""
        answer = await self.post(form, **changes)
        assert answer.status_code == 303, answer.text
        return await self.open(answer.headers["location"])

    @property
    def cookies(self) -> Mapping[str, str]:
        """What the browser keeps."""
        return dict(self.client.cookies)


def path_of(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.path}?{parts.query}"


@contextmanager
def other_settings(app: FastAPI, **changes: object) -> Iterator[Settings]:
    """Has the application run under changed settings for a while."""
    before: Settings = app.state.settings
    app.state.settings = before.model_copy(update=changes)
    try:
        yield app.state.settings
    finally:
        app.state.settings = before


@asynccontextmanager
async def browser(app: FastAPI) -> AsyncIterator[Browser]:
    async with inside_client(app) as client:
        yield Browser(client)


async def ask_for_link(make: Make, person: Caller, **more: object) -> httpx.Response:
    """The answer to the person's app's backend."""
    assert person.app is not None
    backend = await make.backend(person.app)
    return await backend.post("/v1/deactivation-links", {"external_id": person.external_id, **more})


async def link_for(make: Make, person: Caller, **more: object) -> str:
    """A one-time link for the person."""
    answer = await ask_for_link(make, person, **more)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["url"])


async def arrive(make: Make, person: Caller, visitor: Browser, locale: str = "en") -> Page:
    """The account's page, reached by a link."""
    page = await visitor.open(await link_for(make, person, locale=locale))
    return await visitor.send(page.forms[0])
