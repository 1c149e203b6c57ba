"""The only place that opens connections to the outside world."""

import httpx


def outbound_client() -> httpx.AsyncClient:
    """A client for calls to services the operator names: short timeouts, no redirects."""
    return httpx.AsyncClient(timeout=httpx.Timeout(5.0), follow_redirects=False)
