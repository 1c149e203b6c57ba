"""A world for each test: it holds no database and costs nothing."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.google.connecting import Hands, Visitor
from tests.google.standin import create_google
from tests.google.world import World


@pytest.fixture
def hands() -> Hands:
    """The stand-in's clock."""
    return Hands()


@pytest_asyncio.fixture
async def visitor(hands: Hands) -> AsyncIterator[Visitor]:
    """A client of a new stand-in."""
    made = Visitor(create_google(hands))
    async with made.http:
        yield made


@pytest.fixture
def world(visitor: Visitor) -> World:
    """Its world."""
    return visitor.world
