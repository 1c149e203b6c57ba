"""A server with a Google Cloud project, and a Google that answers as each test says."""

from collections.abc import Iterator

import pytest
import respx
from fastapi import FastAPI
from pydantic import SecretStr

from tests.connectors.accounts import Google, with_google
from tests.connectors.notified import SECRET, Notified
from tests.connectors.pulled import Pulled
from tests.google.standin import HOSTS, answers, create_google
from tests.make import Make
from vitalkeep.connectors import calling
from vitalkeep.connectors.keyset import NotificationKeys


@pytest.fixture
def google(app: FastAPI, make: Make) -> Iterator[Google]:
    """Google, of which nothing is real."""
    before = app.state.settings
    app.state.settings = with_google(before)
    with respx.mock(assert_all_called=False) as web:
        yield Google(app, make, web)
    app.state.settings = before


@pytest.fixture
def pulled(google: Google, monkeypatch: pytest.MonkeyPatch) -> Pulled:
    """A Google that behaves as the real one does, and may be asked in haste."""
    monkeypatch.setattr(calling, "PER_SECOND", 1e6)
    standin = create_google()
    google.web.route(host__in=HOSTS).mock(side_effect=answers(standin))
    return Pulled(google, standin.state.world)


@pytest.fixture
def notified(pulled: Pulled) -> Notified:
    """A server that Google Health tells what has changed."""
    state = pulled.google.app.state
    secret = {"google_health_webhook_secret": SecretStr(SECRET)}
    state.settings = state.settings.model_copy(update=secret)
    state.notification_keys = NotificationKeys(state.settings.google_health_keyset_url)
    return Notified(pulled)
