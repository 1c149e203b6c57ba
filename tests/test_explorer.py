"""The explorer works offline and under a strict CSP: all from our own origin, none inline."""

import re
from collections.abc import AsyncIterator
from html.parser import HTMLParser

import httpx
import pytest
from fastapi import FastAPI

from vitalkeep.explorer import CONTENT_SECURITY_POLICY, mount_explorer


class PageParts(HTMLParser):
    """What a page loads, and what a CSP without 'unsafe-inline' would block in it."""

    def __init__(self) -> None:
        super().__init__()
        self.assets: list[str] = []
        self.inline: list[str] = []
        self._within: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._within = tag
        for name, value in attrs:
            if name in ("src", "href"):
                self.assets.append(value or "")
            if name == "style" or name.startswith("on"):
                self.inline.append(f"{tag} {name}")

    def handle_data(self, data: str) -> None:
        if self._within in ("script", "style") and data.strip():
            self.inline.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == self._within:
            self._within = None


def parts_of(page: str) -> PageParts:
    parts = PageParts()
    parts.feed(page)
    return parts


def new_app() -> FastAPI:
    app = FastAPI(title="Tiny", docs_url=None, redoc_url=None)
    mount_explorer(app)
    return app


@pytest.fixture(name="client")
async def fixture_client() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=new_app())
    async with httpx.AsyncClient(transport=transport, base_url="http://explorer.test") as client:
        yield client


async def test_the_page_and_all_it_names_come_from_our_own_origin(
    client: httpx.AsyncClient,
) -> None:
    page = await client.get("/docs")
    assert page.status_code == 200
    assets = parts_of(page.text).assets
    assert {asset.rsplit(".", 1)[1] for asset in assets} == {"js", "css", "png"}
    for asset in assets:
        assert re.match(r"/[^/]", asset), asset
        answer = await client.get(asset)
        assert answer.status_code == 200, asset
        assert answer.content, asset


async def test_the_page_has_a_strict_policy(client: httpx.AsyncClient) -> None:
    page = await client.get("/docs")
    assert page.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert CONTENT_SECURITY_POLICY.startswith("default-src 'none'; script-src 'self';")
    assert "unsafe" not in CONTENT_SECURITY_POLICY


async def test_the_page_has_nothing_inline(client: httpx.AsyncClient) -> None:
    assert parts_of((await client.get("/docs")).text).inline == []


@pytest.mark.parametrize("spoiled", ["<script>1</script>", "<style>p{}</style>", "<p style='x'>"])
def test_something_inline_would_be_seen(spoiled: str) -> None:
    assert parts_of(f"<html><body>{spoiled}</body></html>").inline != []


async def test_no_other_host_is_named(client: httpx.AsyncClient) -> None:
    for path in ("/docs", "/docs/start.js"):
        assert re.findall(r"(?:https?:)?//[\w.]+", (await client.get(path)).text) == []


async def test_the_explorer_reads_the_published_document(client: httpx.AsyncClient) -> None:
    start = await client.get("/docs/start.js")
    assert start.headers["content-type"].startswith("text/javascript")
    assert 'url: "/openapi.json"' in start.text
    assert '"validatorUrl": null' in start.text
    assert (await client.get("/openapi.json")).json()["paths"] == {}


async def test_behind_a_prefix_every_address_carries_it() -> None:
    transport = httpx.ASGITransport(app=new_app(), root_path="/keep")
    async with httpx.AsyncClient(transport=transport, base_url="http://explorer.test") as client:
        assets = parts_of((await client.get("/keep/docs")).text).assets
        assert [asset for asset in assets if not asset.startswith("/keep/docs/")] == []
        assert [(await client.get(asset)).status_code for asset in assets] == [200] * 4
        assert '"/keep/openapi.json"' in (await client.get("/keep/docs/start.js")).text


@pytest.mark.parametrize(
    "app",
    [FastAPI(), FastAPI(docs_url=None), FastAPI(docs_url=None, redoc_url=None, openapi_url=None)],
)
def test_pages_that_load_from_a_cdn_are_not_served_beside_it(app: FastAPI) -> None:
    with pytest.raises(ValueError, match="url"):
        mount_explorer(app)
