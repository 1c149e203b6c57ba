"""A data directory that the tests of commands share, with its database held open between them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from vitalkeep.base.embedded import embedded_database


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data directory as somebody else at work leaves it: the database runs."""
    directory = tmp_path_factory.mktemp("cli") / "data"
    with embedded_database(directory):
        yield directory
