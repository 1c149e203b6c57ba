"""A server with a Google Cloud project, and a Google that answers as each test says."""

from collections.abc import Iterator

import pytest
import respx
from fastapi import FastAPI

from tests.connectors.accounts import Google, with_google
from tests.make import Make


@pytest.fixture
def google(app: FastAPI, make: Make) -> Iterator[Google]:
    """Google, of which nothing is real."""
    before = app.state.settings
    app.state.settings = with_google(before)
    with respx.mock(assert_all_called=False) as web:
        yield Google(app, make, web)
    app.state.settings = before
