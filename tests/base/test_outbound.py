"""Requests to URLs that others name: where they can go, and that they go where was looked."""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import respx
from hypothesis import given
from hypothesis import strategies as st

from tests.base.names import Resolver
from tests.base.tls import make_certificate
from vitalkeep.base.outbound import (
    AddressRefused,
    UrlRefused,
    check_url,
    is_public,
    post_guarded,
    resolve,
)

URL = "https://notices.jp.example/vitalkeep"
PUBLIC, OTHER = "93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"

INSIDE = [
    "0.0.0.0",  # noqa: S104 - bound by nobody
    "10.1.2.3",
    "100.100.100.200",
    "127.0.0.1",
    "127.8.8.8",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.192",
    "192.168.1.1",
    "198.18.0.1",
    "203.0.113.9",
    "224.0.0.251",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::a00:1",
    "64:ff9b:1::808:808",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
]
OUTSIDE = [PUBLIC, OTHER, "8.8.8.8", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"]
SPELLINGS = ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0x7f.1", "017700000001"]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Resolver:
    """The outside world's names, none at first."""
    resolver = Resolver()
    monkeypatch.setattr(socket, "getaddrinfo", resolver.getaddrinfo)
    return resolver


@pytest.fixture
def web() -> Iterator[respx.MockRouter]:
    """The outside network, which answers 200 at the public address."""
    with respx.mock(assert_all_called=False) as router:
        router.route().respond(200)
        yield router


async def post(url: str = URL, *, allow_private: bool = False) -> int:
    return await post_guarded(
        url, b"{}", {"webhook-id": "msg_1"}, allow_private=allow_private, within_s=5
    )


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_inside_is_not_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", OUTSIDE)
def test_an_address_of_the_open_internet_is_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@given(st.ip_addresses(v=4))
def test_wrapping_an_address_changes_nothing(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    for wrapped in (0xFFFF << 32 | number, 0x64FF9B << 96 | number, 0x2002 << 112 | number << 80):
        assert is_public(ipaddress.IPv6Address(wrapped)) == is_public(address)


@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_a_number_in_any_spelling_is_what_the_system_would_connect_to(spelling: str) -> None:
    assert await resolve(spelling, 443) == [ipaddress.ip_address("127.0.0.1")]
    with pytest.raises(AddressRefused):
        await post(f"https://{spelling}/")


@pytest.mark.parametrize("address", INSIDE)
async def test_a_name_that_leads_inside_is_not_called(
    names: Resolver, web: respx.MockRouter, address: str
) -> None:
    names.answers["notices.jp.example"] = [[address]]
    with pytest.raises(AddressRefused):
        await post()
    assert not web.calls


@pytest.mark.parametrize("order", [[PUBLIC, "10.0.0.7"], ["10.0.0.7", PUBLIC], [OTHER, "::1"]])
async def test_one_address_inside_among_several_is_enough_to_refuse(
    names: Resolver, web: respx.MockRouter, order: list[str]
) -> None:
    names.answers["notices.jp.example"] = [order]
    with pytest.raises(AddressRefused):
        await post()
    assert not web.calls


@pytest.mark.parametrize("address", [PUBLIC, OTHER])
async def test_the_request_goes_to_the_address_that_was_looked_at(
    names: Resolver, web: respx.MockRouter, address: str
) -> None:
    names.answers["notices.jp.example"] = [[address], ["127.0.0.1"]]  # rebinds after one answer
    assert await post() == 200
    (call,) = web.calls
    assert call.request.url.host == address
    assert call.request.headers["host"] == "notices.jp.example"
    assert call.request.extensions["sni_hostname"] == "notices.jp.example"
    assert names.asked == ["notices.jp.example"]
    with pytest.raises(AddressRefused):
        await post()
    assert len(web.calls) == 1


async def test_a_name_that_does_not_exist_is_refused(names: Resolver) -> None:
    assert names.answers == {}
    with pytest.raises(AddressRefused):
        await post()


async def test_redirects_are_answers_and_not_followed(names: Resolver) -> None:
    names.answers["notices.jp.example"] = [[PUBLIC]]
    with respx.mock as web:
        web.route().respond(307, headers={"location": "http://169.254.169.254/"})
        assert await post() == 307
        assert len(web.calls) == 1


async def test_proxies_of_the_environment_are_not_asked(
    names: Resolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    names.answers["notices.jp.example"] = [["127.0.0.1"]]
    async with listening() as (port, heard):
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        url = f"http://notices.jp.example:{port}/vitalkeep"
        assert await post(url, allow_private=True) == 204
    head = heard[0].decode().lower()
    assert head.startswith("post /vitalkeep http/1.1\r\n")
    assert f"host: notices.jp.example:{port}\r\n" in head


async def test_an_answer_that_trickles_in_has_an_end(names: Resolver) -> None:
    names.answers["notices.jp.example"] = [["127.0.0.1"]]
    async with listening(trickle=True) as (port, _heard):
        with pytest.raises(TimeoutError):
            await post_guarded(
                f"http://notices.jp.example:{port}/", b"", {}, allow_private=True, within_s=0.3
            )


async def test_an_endless_body_is_not_read(names: Resolver) -> None:
    names.answers["notices.jp.example"] = [["127.0.0.1"]]
    async with listening(body=b"x" * 50_000_000) as (port, _heard):
        assert await post(f"http://notices.jp.example:{port}/", allow_private=True) == 200


async def test_the_certificate_has_to_be_trusted_and_the_name_is_what_is_asked_for(
    names: Resolver, tmp_path: Path
) -> None:
    names.answers["notices.jp.example"] = [["127.0.0.1"]]
    asked: list[str | None] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(make_certificate(tmp_path, "notices.jp.example"))
    context.sni_callback = lambda _socket, name, _context: asked.append(name)
    async with listening(context=context) as (port, heard):
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            await post(f"https://notices.jp.example:{port}/", allow_private=True)
    assert (asked, heard) == (["notices.jp.example"], [])


@pytest.mark.parametrize(
    "url",
    [
        "http://notices.jp.example/",
        "ftp://notices.jp.example/",
        "notices.jp.example",
        "https://",
        "https:///path",
        "https://user:secret@notices.jp.example/",
        "https://notices.jp.example/#part",
        "https://notices.jp.example:0/",
        "https://notices.jp.example:70000/",
        "https://notices.jp.example/" + "x" * 2000,
        "https://notices.jp.example/\n",
        "https://localhost/",
        "https://metadata.google.internal/",
        *(f"https://{each}/" for each in SPELLINGS),
        *(f"https://[{each}]/" if ":" in each else f"https://{each}/" for each in INSIDE),
    ],
)
def test_a_url_that_can_be_told_wrong_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(UrlRefused) as refused:
        check_url(url, allow_private=False)
    assert url not in str(refused.value)


@pytest.mark.parametrize("url", [URL, "https://8.8.8.8:8443/a?b=c", f"https://[{OTHER}]/"])
def test_a_public_url_is_taken(url: str) -> None:
    assert check_url(url, allow_private=False) == url


@pytest.mark.parametrize("url", ["http://127.0.0.1:9000/", "http://localhost:9000/", URL])
def test_development_may_name_what_is_private(url: str) -> None:
    assert check_url(url, allow_private=True) == url


@asynccontextmanager
async def listening(
    *, trickle: bool = False, body: bytes = b"", context: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server on the loopback: its port, and the heads of the requests it heard."""
    heard: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        try:
            if trickle:
                writer.write(b"HTTP/1.1 200 OK\r\nx-slow: ")
            while trickle:
                writer.write(b"a")
                await writer.drain()
                await asyncio.sleep(0.05)
            status = b"200 OK" if body else b"204 No Content"
            writer.write(b"HTTP/1.1 %s\r\ncontent-length: %d\r\n\r\n" % (status, len(body)))
            writer.write(body)
            await writer.drain()
        except ConnectionError:
            heard.append(b"hung up")
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1], heard
