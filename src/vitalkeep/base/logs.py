"""Structured logs: one JSON line an event, with fields from an allow-list and nothing else.

Values of persons, tokens, ids of persons, addresses and the database's own words never pass: a
field that is not on the list is dropped, or refused where `strict` is set, as tests do.
"""

import logging
from collections.abc import MutableMapping
from pathlib import Path
from typing import cast

import structlog

PACKAGE = f"{Path(__file__).parents[1]}/"

ALLOWED = frozenset(
    {
        "event", "level", "timestamp", "request_id", "method", "route", "status", "ms", "caller",
        "code", "error", "where", "written", "rejected", "rows", "epoch", "version", "port",
        "retry_in_s", "provider", "task", "signal", "data_dir",
    }
)  # fmt: skip


class FieldNotAllowed(Exception):
    """An event carries a field that the allow-list doesn't name."""


class AllowList:
    """Drops every field that is not allowed; raises FieldNotAllowed instead where strict."""

    def __init__(self, *, strict: bool) -> None:
        self.strict = strict

    def __call__(
        self, _logger: object, _method: str, event: MutableMapping[str, object]
    ) -> MutableMapping[str, object]:
        """A structlog processor."""
        unknown = event.keys() - ALLOWED
        if unknown and self.strict:
            raise FieldNotAllowed(", ".join(sorted(unknown)))
        return {name: value for name, value in event.items() if name in ALLOWED}


def configure_logs(level: str, *, strict: bool = False) -> None:
    """Sets up logging for the process: JSON lines on standard output."""
    structlog.configure(
        processors=[
            AllowList(strict=strict),
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        cache_logger_on_first_use=False,
    )


def get_log() -> structlog.typing.FilteringBoundLogger:
    """The process's logger."""
    return cast(structlog.typing.FilteringBoundLogger, structlog.get_logger())


def fault(error: BaseException) -> dict[str, str]:
    """What may be logged of an unexpected error: its class and the line of ours that raised it.

    The text is left out: the database quotes values in it.
    """
    where = ""
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if code.co_filename.startswith(PACKAGE):
            where = f"{code.co_filename.removeprefix(PACKAGE)}:{trace.tb_lineno}"
        trace = trace.tb_next
    return {"error": type(error).__name__, "where": where}
