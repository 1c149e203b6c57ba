"""The only place that opens connections to the outside world."""

import httpx
from starlette.types import ASGIApp


def outbound_client() -> httpx.AsyncClient:
    """A client for calls to services the operator names: short timeouts, no redirects."""
    return httpx.AsyncClient(timeout=httpx.Timeout(5.0), follow_redirects=False)


def waiting_client() -> httpx.Client:
    """A client that blocks, for calls at a process's start and in commands."""
    return httpx.Client(timeout=httpx.Timeout(5.0), follow_redirects=False)


def inside_client(app: ASGIApp) -> httpx.AsyncClient:
    """A client that calls an application in this process: nothing leaves it."""
    transport = httpx.ASGITransport(app=app)
    return httpx.AsyncClient(transport=transport, base_url="http://vitalkeep.test")
