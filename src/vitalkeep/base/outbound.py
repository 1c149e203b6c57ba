"""The only place that opens connections to the outside world."""

import asyncio
import ipaddress
import socket
from typing import Final, TypeAlias
from urllib.parse import urlsplit

import httpx
from starlette.types import ASGIApp

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

SHORT: Final = httpx.Timeout(5.0)
MAX_URL: Final = 2000
# Source: RFC 6052 section 2.1 and RFC 8215: what translates to an IPv4 address in its last 32 bits.
NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
NEVER: Final = (
    ipaddress.ip_network("192.0.0.0/24"),  # RFC 6890; some clouds keep their metadata there
    ipaddress.ip_network("64:ff9b:1::/48"),
    ipaddress.ip_network("2001::/23"),  # Teredo and other special purposes (RFC 6890)
    ipaddress.ip_network("168.63.129.16/32"),  # Azure's own services, its metadata among them
)


class AddressRefused(httpx.RequestError):
    """The name leads to an address that notices must not reach; nothing was sent."""


class UrlRefused(ValueError):
    """Not a URL that notices can go to; its text says why, without the URL."""


def outbound_client() -> httpx.AsyncClient:
    """A client for calls to services the operator names: short timeouts, no redirects."""
    return httpx.AsyncClient(timeout=SHORT, follow_redirects=False)


def waiting_client() -> httpx.Client:
    """A client that blocks, for calls at a process's start and in commands."""
    return httpx.Client(timeout=SHORT, follow_redirects=False)


def inside_client(app: ASGIApp) -> httpx.AsyncClient:
    """A client that calls an application in this process: nothing leaves it."""
    transport = httpx.ASGITransport(app=app)
    return httpx.AsyncClient(transport=transport, base_url="http://vitalkeep.test")


def guarded_client(*, allow_private: bool) -> httpx.AsyncClient:
    """A client for URLs that others name: only public addresses, no redirects, no proxies.

    A name is resolved once for each request, and the connection goes to the address that was
    looked at. Connections are not kept: two names can share an address, and certificates are
    checked when a connection is made. Raises AddressRefused where it is used.
    """
    once = httpx.Limits(max_keepalive_connections=0)
    inner = httpx.AsyncHTTPTransport(limits=once, trust_env=False)
    return httpx.AsyncClient(
        transport=Pinned(inner, allow_private=allow_private),
        timeout=SHORT,
        follow_redirects=False,
        trust_env=False,
    )


async def post_guarded(
    url: str, content: bytes, headers: dict[str, str], *, allow_private: bool, within_s: float
) -> int:
    """The status of the answer to a POST; its body is never read.

    `within_s` is for all of it, whatever trickles in. Raises httpx.RequestError, AddressRefused
    among them, TimeoutError.
    """
    async with asyncio.timeout(within_s), guarded_client(allow_private=allow_private) as client:
        try:
            async with client.stream("POST", url, content=content, headers=headers) as answer:
                return answer.status_code
        except httpx.InvalidURL:
            raise AddressRefused("the URL can't be read") from None


class Pinned(httpx.AsyncBaseTransport):
    """Resolves a request's host, looks at every address, and connects to the first of them.

    Host header, SNI and the check of the certificate keep the name.
    """

    def __init__(self, inner: httpx.AsyncBaseTransport, *, allow_private: bool) -> None:
        self._inner = inner
        self._allow_private = allow_private

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Sends the request to the address that its host has now. Raises AddressRefused."""
        host = request.url.host
        addresses = await resolve(host, request.url.port or (request.url.scheme == "https") * 443)
        if not addresses or not (self._allow_private or all(map(is_public, addresses))):
            raise AddressRefused(
                "the host has no public address, or not only such", request=request
            )
        pinned = httpx.Request(
            request.method,
            request.url.copy_with(host=str(addresses[0])),
            headers=request.headers,
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": host},
        )
        return await self._inner.handle_async_request(pinned)

    async def aclose(self) -> None:
        """Closes what it has open."""
        await self._inner.aclose()


async def resolve(host: str, port: int) -> list[Address]:
    """Every address that the system's resolver has for a host, in its order; empty if none.

    Numbers in any spelling (decimal, octal, hexadecimal, with parts left out) become what the
    system would connect to.
    """
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError):
        return []
    # A scope (fe80::1%eth0) says through which interface; the address says enough.
    return [ipaddress.ip_address(str(each[4][0]).partition("%")[0]) for each in found]


def is_public(address: Address) -> bool:
    """Whether an address is one of the open internet, also where it wraps an IPv4 address.

    Source: the IANA registries of special-purpose addresses, as `ipaddress` has them.
    """
    if any(address in network for network in NEVER if network.version == address.version):
        return False
    if isinstance(address, ipaddress.IPv6Address):
        if address in NAT64:
            return is_public(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF))
        wrapped = address.ipv4_mapped or address.sixtofour
        if wrapped is not None:
            return is_public(wrapped)
        if address.is_site_local:
            return False
    special = address.is_multicast or address.is_reserved or address.is_unspecified
    return address.is_global and not special


def check_url(url: str, *, allow_private: bool) -> str:
    """The URL, if notices can go to it: https, a host, no user, no fragment.

    An address in place of a name has to be public. With `allow_private` http and any host will do.
    What a name leads to is looked at when something is sent. Raises UrlRefused.
    """
    schemes = ("https", "http") if allow_private else ("https",)
    try:
        parts, parsed = urlsplit(url), httpx.URL(url)
        port = parts.port
    except (ValueError, httpx.InvalidURL):
        raise UrlRefused("The URL can't be read.") from None
    if parsed.scheme not in schemes:
        raise UrlRefused("The URL has to begin with https://.")
    if not parsed.host or port == 0 or len(url) > MAX_URL or not url.isascii():
        raise UrlRefused(f"The URL needs a host, and at most {MAX_URL} ASCII characters.")
    if "@" in parts.netloc or "#" in url:
        raise UrlRefused("The URL may have neither user nor fragment.")
    if not allow_private and not _may_be_public(parsed.host):
        raise UrlRefused("The URL's host has to be a public one.")
    return url


def _may_be_public(host: str) -> bool:
    """False for what can be told without a resolver: numbers of private addresses, local names."""
    if host == "localhost" or host.endswith((".localhost", ".local", ".internal")):
        return False
    try:
        return is_public(ipaddress.ip_address(host.partition("%")[0]))
    except ValueError:
        pass
    try:
        return is_public(ipaddress.IPv4Address(socket.inet_aton(host)))
    except OSError:
        return True
