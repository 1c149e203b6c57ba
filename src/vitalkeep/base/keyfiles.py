"""Files of a keyring: each appears whole or not at all, is durable, and is its owner's alone."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

KEY_BYTES = 32


class KeyringError(Exception):
    """The keyring can't be used; the message says why and what to do."""


class KeyringAway(KeyringError):
    """A master key can't be had at the moment, or by this process: it is elsewhere, not broken."""


@contextmanager
def unfinished_file(path: Path) -> Iterator[tuple[BinaryIO, Path]]:
    """A new file (0600) beside `path`, and where it is; durable in the end, or removed."""
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    try:
        with os.fdopen(os.open(unfinished, flags, 0o600), "wb") as file:
            yield file, unfinished
    finally:
        unfinished.unlink(missing_ok=True)


def write_once(path: Path, content: bytes) -> None:
    """Writes a new file (0600) and makes it durable. Raises KeyringError if it exists."""
    try:
        with unfinished_file(path) as (file, unfinished):
            file.write(content)
            make_durable(file)
            # A link appears whole or not at all, and never replaces a file.
            os.link(unfinished, path)
    except FileExistsError:
        raise KeyringError(f"{path} exists already; nothing was changed") from None
    sync_directory(path.parent)


def make_durable(file: BinaryIO) -> None:
    """Has what was written so far on the disk."""
    file.flush()
    os.fsync(file.fileno())


def remove(path: Path) -> None:
    """Removes a file for good, or finds it removed; what a killed writer left of it, too.

    The name is gone durably. What a file system or a solid-state disk still has of the content
    can't be told from here, nor be overwritten reliably.
    """
    path.unlink(missing_ok=True)
    for unfinished in path.parent.glob(f".{path.name}.*"):
        unfinished.unlink(missing_ok=True)
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Makes the names in a directory durable."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def numbered(directory: Path, pattern: str) -> list[Path]:
    """The directory's `<stem>-<n>` files, newest last. Raises KeyringError for another name."""
    return sorted(directory.glob(pattern), key=number)


def number(path: Path) -> int:
    """The n of `<stem>-<n>.<suffix>`. Raises KeyringError if it is none."""
    digits = path.stem.partition("-")[2]
    if not (digits.isascii() and digits.isdigit()):
        raise KeyringError(f"{path} is not numbered: take it out of the keyring")
    return int(digits)


def read_private(path: Path) -> bytes:
    """The file's bytes. Raises KeyringError if it is missing or others may read it."""
    try:
        if path.stat().st_mode & 0o077:
            raise KeyringError(f"{path} can be read by others: run `chmod 600` on it")
        return path.read_bytes()
    except OSError as error:
        raise KeyringError(f"{path} can't be read: {error.strerror}") from None


def read_key(path: Path) -> bytes:
    """A raw 32-byte key. Raises KeyringError on any other length."""
    key = read_private(path)
    if len(key) != KEY_BYTES:
        raise KeyringError(f"{path} is {len(key)} bytes long, not {KEY_BYTES}: restore it")
    return key
