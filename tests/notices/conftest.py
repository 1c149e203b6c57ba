"""The outside world of notices: every name has a public address, and nothing real is called."""

import socket
from collections.abc import Iterator

import pytest
import respx

from tests.base.names import Resolver
from tests.make import Make
from tests.notices.receiving import Desk

PUBLIC = "93.184.215.14"


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Resolver:
    """The world's names."""
    resolver = Resolver(otherwise=PUBLIC)
    monkeypatch.setattr(socket, "getaddrinfo", resolver.getaddrinfo)
    return resolver


@pytest.fixture
def web() -> Iterator[respx.MockRouter]:
    """The outside network; whoever is no receiver of the test answers 503."""
    with respx.mock(assert_all_called=False) as router:
        yield router


@pytest.fixture
def desk(make: Make, web: respx.MockRouter, names: Resolver) -> Desk:
    """Receivers, and what they are sent."""
    assert names.otherwise
    return Desk(make, web)
