"""Reading a file of records in bounded memory, from any place behind a record.

Two forms, told apart by their beginning: NDJSON, a record a line; or documents `{"records": […]}`,
one or several after each other, of whatever size. Plain, gzip or zstd, told apart by their content.
A single record may have 8 MiB.
"""

import gzip
import os
import re
import stat
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple, cast

import zstandard

CHUNK: Final = 1 << 16
ZSTD_STEP: Final = 1 << 10
"""How much of a zstd file is inflated at once: a KiB can't become more than 32 MiB."""
LONGEST: Final = 8 << 20
MAX_WINDOW: Final = 1 << 27
SPACE: Final = b" \t\r\n"
BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
GZIP: Final = b"\x1f\x8b"
ZSTD: Final = b"\x28\xb5\x2f\xfd"
HEAD: Final = re.compile(rb'\s*\{\s*"records"\s*:\s*\[')
TOKEN: Final = re.compile(rb'"(?:[^"\\]|\\.)*+(?P<end>"|\\?\Z)|[\[\]{},]', re.DOTALL)


class InputBroken(Exception):
    """The file can't be read on; what came before has been taken."""


class Entry(NamedTuple):
    """What should be one record: its line, or its number in documents; None when over 8 MiB."""

    number: int
    text: bytes | None


class Source:
    """The inflated bytes of a file. `mark` is the place behind the last record that was taken:
    how many bytes that is, and their SHA-256.
    """

    def __init__(self, file: BinaryIO, read: Callable[[int], bytes]) -> None:
        self.file = file
        self.read = read
        self.buffer = bytearray()
        self.at = 0
        self.offset = 0
        self.digest = sha256()
        self.mark = (0, self.digest.copy())

    def entry(self, number: int, text: bytes | None) -> "Entry":
        """What was just taken, as an entry; the mark is behind it."""
        self.mark = (self.offset, self.digest.copy())
        return Entry(number, text)

    def progress(self) -> tuple[float, float | None]:
        """How much of the file has been read, and of how much; for a pipe that is unknown."""
        found = os.fstat(self.file.fileno())
        if not stat.S_ISREG(found.st_mode):
            return self.offset, None
        return self.file.tell(), found.st_size

    @property
    def waiting(self) -> int:
        """Bytes that were read and not taken."""
        return len(self.buffer) - self.at

    def fill(self) -> bool:
        """Reads some more; False at the end."""
        chunk = self.read(CHUNK)
        del self.buffer[: self.at]
        self.at = 0
        self.buffer += chunk
        return bool(chunk)

    def take(self, count: int) -> bytes:
        """The next bytes, of those that wait."""
        taken = bytes(self.buffer[self.at : self.at + count])
        self.at += len(taken)
        self.offset += len(taken)
        self.digest.update(taken)
        return taken

    def skip_to(self, offset: int) -> bool:
        """Takes everything up to a place; False when there is less."""
        while self.offset < offset:
            if not self.waiting and not self.fill():
                return False
            self.take(min(self.waiting, offset - self.offset))
        return True

    def peek(self) -> bytes:
        """The next byte that is no white space, which is taken; empty at the end."""
        while True:
            while self.waiting:
                byte = self.buffer[self.at : self.at + 1]
                if byte not in SPACE:
                    return bytes(byte)
                self.take(1)
            if not self.fill():
                return b""

    def line(self) -> bytes | None:
        """The next line, cut off at 8 MiB, the rest then being the next; None at the end."""
        seen = 0
        while (end := self.buffer.find(b"\n", self.at + seen)) < 0:
            seen = self.waiting
            if seen > LONGEST or not self.fill():
                return self.take(min(seen, LONGEST)) or None
        return self.take(min(end + 1 - self.at, LONGEST))

    def element(self) -> bytes:
        """One value of a list, up to the comma or bracket behind it. Raises InputBroken."""
        depth, scanned = 0, 0
        while True:
            for token in TOKEN.finditer(self.buffer, self.at + scanned):
                scanned = token.start() - self.at
                mark = token[0]
                if token["end"] is not None and token["end"] != b'"':
                    break  # the text goes on in the next chunk
                if mark in b"]}," and depth == 0:
                    return self.take(scanned)
                depth += (mark in b"[{") - (mark in b"]}")
                scanned = token.end() - self.at
            else:
                scanned = self.waiting
            if self.waiting > LONGEST:
                raise InputBroken("holds a record of more than 8 MiB")
            if not self.fill():
                raise InputBroken("ends in the middle of its list of records")


def is_document(source: Source) -> bool:
    """Whether a document begins here, rather than a line of NDJSON. A byte-order mark is taken."""
    while source.waiting < CHUNK and source.fill():
        pass
    if source.buffer.startswith(BYTE_ORDER_MARK):
        source.take(len(BYTE_ORDER_MARK))
    return HEAD.match(source.buffer, source.at) is not None


def read_lines(source: Source, number: int) -> Iterator[Entry]:
    """The lines behind the line of this number; empty ones are passed over."""
    while (line := source.line()) is not None:
        number += 1
        whole = len(line) < LONGEST or line.endswith(b"\n")
        while not line.endswith(b"\n") and len(line) == LONGEST:
            line = source.line() or b""
        if not whole:
            yield source.entry(number, None)
        elif line.strip(SPACE):
            yield source.entry(number, line)


def read_documents(source: Source, number: int) -> Iterator[Entry]:
    """The records of documents, behind the record of this number. Raises InputBroken."""
    inside = number > 0
    while inside or source.peek():
        if not inside:
            expect(source, b"{", b'"records"', b":", b"[")
        if not inside and source.peek() != b"]":
            number += 1
            yield source.entry(number, source.element())
        while source.peek() == b",":
            source.take(1)
            number += 1
            yield source.entry(number, source.element())
        expect(source, b"]", b"}")
        inside = False


def expect(source: Source, *marks: bytes) -> None:
    """Takes these marks, with white space between them. Raises InputBroken for anything else."""
    for mark in marks:
        source.peek()
        while source.waiting < len(mark) and source.fill():
            pass
        if source.take(len(mark)) != mark:
            raise InputBroken('is no document with the one member "records", a list')


@contextmanager
def open_input(name: str) -> Iterator[Source]:
    """The inflated bytes of a file, or of standard input for `-`.

    Raises InputBroken.
    """
    if name == "-":
        yield Source(sys.stdin.buffer, explained(inflated(sys.stdin.buffer)))
        return
    try:
        file = Path(name).open("rb")  # noqa: SIM115 - closed below
    except OSError as error:
        raise InputBroken(f"can't be opened: {error.strerror}") from None
    with file:
        yield Source(file, explained(inflated(file)))


def inflated(file: BinaryIO) -> Callable[[int], bytes]:
    """What reads the file inflated."""
    start = file.read(len(ZSTD))
    rest = Rest(start, file)
    if start.startswith(GZIP):
        return gzip.GzipFile(fileobj=cast(BinaryIO, rest)).read1
    if start.startswith(ZSTD):
        frames = read_frames(rest)
        return lambda _count: next(frames, b"")
    return rest.read


class Rest:
    """A file of which the first bytes were read already."""

    def __init__(self, start: bytes, file: BinaryIO) -> None:
        self.start = start
        self.file = file

    def read(self, count: int) -> bytes:
        """Up to so many bytes."""
        start, self.start = self.start[:count], self.start[count:]
        return start or self.file.read(count)


def read_frames(file: Rest) -> Iterator[bytes]:
    """The content of zstd frames. Raises EOFError when the last one is cut off."""
    inflate = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW)
    frame = inflate.decompressobj()
    begun = False
    while chunk := file.read(ZSTD_STEP):
        while chunk:
            begun = True
            if inflated := frame.decompress(chunk):
                yield inflated
            chunk = b""
            if frame.eof:
                chunk, begun = frame.unused_data, False
                frame = inflate.decompressobj()
    if begun:
        raise EOFError


def explained(read: Callable[[int], bytes]) -> Callable[[int], bytes]:
    """The same, raising InputBroken for whatever is wrong with the file."""

    def read_or_say(count: int) -> bytes:
        try:
            return read(count)
        except EOFError:
            raise InputBroken("is cut off") from None
        except (OSError, zlib.error, zstandard.ZstdError):
            raise InputBroken("can't be read or inflated") from None

    return read_or_say
