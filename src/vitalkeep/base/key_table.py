"""The backup of the persons' wrapped keys: a file `persons-<epoch>.keys` in the keyring.

Text, version 1: a line of JSON with the format's name, the epoch and the time, then a line for each
person (id, epoch, wrapped key in base64), in the order of ids, then a line of JSON with their
number and the SHA-256 of all before it. A file without that line is not a backup.
"""

import base64
import binascii
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final, TypeAlias
from uuid import UUID

from vitalkeep.base import clock
from vitalkeep.base.keyfiles import (
    KeyringError,
    make_durable,
    number,
    numbered,
    read_private,
    remove,
    sync_directory,
    unfinished_file,
)

FORMAT: Final = "vitalkeep-key-table/1"
PATTERN: Final = "persons-*.keys"
AT_A_TIME: Final = 1000

WrappedKey: TypeAlias = tuple[UUID, int, bytes]
"""A person, the epoch that wraps their data key, and the wrapped key."""


@dataclass(frozen=True, slots=True)
class KeyTable:
    """A backup that is whole: of which epoch, from when, of how many persons."""

    epoch: int
    written_at: datetime
    persons: int


class KeyTableWriter:
    """Takes wrapped keys, in the order of persons' ids."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self.persons = 0

    def add(self, keys: Iterable[WrappedKey]) -> None:
        """Writes persons' keys."""
        for person_id, epoch, wrapped in keys:
            self.write(f"{person_id} {epoch} {base64.b64encode(wrapped).decode()}\n")
            self.persons += 1

    def write(self, line: str) -> None:
        """Writes a line that the last one vouches for."""
        content = line.encode()
        self._digest.update(content)
        self._file.write(content)

    def end(self) -> None:
        """Writes the line that makes the file a backup."""
        end = {"persons": self.persons, "sha256": self._digest.hexdigest()}
        self._file.write(json.dumps(end).encode() + b"\n")


@contextmanager
def write(directory: Path, epoch: int) -> Iterator[KeyTableWriter]:
    """A new backup, durable in the end: only then older ones are removed, or a former one of it."""
    path = directory / f"persons-{epoch}.keys"
    with unfinished_file(path) as (file, unfinished):
        writer = KeyTableWriter(file)
        head = {"format": FORMAT, "epoch": epoch, "written_at": clock.rfc3339(clock.now())}
        writer.write(json.dumps(head) + "\n")
        yield writer
        writer.end()
        make_durable(file)
        os.replace(unfinished, path)
    sync_directory(directory)
    for older in numbered(directory, PATTERN):
        if number(older) < epoch:
            remove(older)
    for cut_off in directory.glob(f".{PATTERN}.*"):
        remove(cut_off)


def find(directory: Path) -> KeyTable | None:
    """The newest backup, checked from end to end; None without one. Raises KeyringError."""
    paths = numbered(directory, PATTERN)
    if not paths:
        return None
    try:
        head, keys = divide(read_private(paths[-1]))
    except (ValueError, KeyError, TypeError):
        raise KeyringError(f"{paths[-1]} is not a whole backup: don't rely on it") from None
    return KeyTable(int(head["epoch"]), datetime.fromisoformat(head["written_at"]), len(keys))


def read(directory: Path) -> Iterator[Sequence[WrappedKey]]:
    """The newest backup's keys. Raises KeyringError if there is none, or it is not whole."""
    if find(directory) is None:
        raise KeyringError(f"{directory} has no backup of persons' keys")
    _, keys = divide(read_private(numbered(directory, PATTERN)[-1]))
    every = iter(keys)
    while lines := list(islice(every, AT_A_TIME)):
        yield [parse(line) for line in lines]


def divide(content: bytes) -> tuple[dict[str, str], list[bytes]]:
    """First line and persons' lines. Raises ValueError unless it is whole."""
    body, end_of_line, last = content.removesuffix(b"\n").rpartition(b"\n")
    first, *keys = body.split(b"\n")
    head, end = json.loads(first), json.loads(last)
    digest = hashlib.sha256(body + end_of_line).hexdigest()
    if head["format"] != FORMAT or end != {"persons": len(keys), "sha256": digest}:
        raise ValueError("not whole")
    return head, keys


def parse(line: bytes) -> WrappedKey:
    """One person's line."""
    try:
        person_id, epoch, wrapped = line.decode().split(" ")
        return UUID(person_id), int(epoch), base64.b64decode(wrapped, validate=True)
    except (ValueError, binascii.Error):
        raise KeyringError("a line of the backup of persons' keys can't be read") from None
