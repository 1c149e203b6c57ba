"""Problem documents and log lines, taken apart."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from vitalkeep.base.logs import configure_logs


def document_of(answer: httpx.Response) -> dict[str, Any]:
    """The problem document, complete and with the request's id."""
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    members = {"type", "title", "status", "detail", "instance", "code"}
    assert document.keys() - {"errors"} == members
    assert document["status"] == answer.status_code
    assert document["instance"] == answer.headers["x-request-id"]
    assert len(document["instance"]) == 32
    return document


def logged(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """The lines of the log."""
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@contextmanager
def logging_from(level: str) -> Iterator[None]:
    """Everything from this level on is logged; afterwards warnings, as in every test."""
    configure_logs(level, strict=True)
    yield
    configure_logs("warning", strict=True)
