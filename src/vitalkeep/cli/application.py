"""The application, for the commands that serve it: the others don't wait for its routes."""

from collections.abc import Awaitable, Callable

from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from vitalkeep.base.keys import Keyring
from vitalkeep.base.settings import Settings


def build_app(
    settings: Settings,
    keyring: Keyring,
    *,
    alongside: Callable[[AsyncEngine, Settings], Awaitable[None]] | None = None,
    on_stop: Callable[[], None] | None = None,
) -> FastAPI:
    """`create_app`, imported now: a third of the time in which a command starts (measured)."""
    from vitalkeep.app import create_app

    return create_app(settings, keyring, alongside=alongside, on_stop=on_stop)
