"""Looking for a value on the disk in every form in which it might have got there."""

import base64
import hashlib
import json
import struct
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeAlias
from uuid import UUID

from ahocorasick_rs import BytesAhoCorasick

Plant: TypeAlias = str | float | bytes | datetime | UUID

SHORTEST = 8
LONGEST = 24
"""Of long bytes this much is looked for: less of it would be left behind, too."""
BLOCK = 8192
"""A page of PostgreSQL: backups, standbys and copied databases share most of them."""
POSTGRES_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


def raw_forms(plant: Plant) -> Iterator[bytes]:
    """The bytes that stand for a value before they are encoded any further."""
    if isinstance(plant, bytes):
        yield plant[:LONGEST]
        return
    if isinstance(plant, UUID):
        yield plant.bytes
        yield str(plant).upper().encode()
    elif isinstance(plant, float):
        yield struct.pack("<d", plant)
        yield struct.pack(">d", plant)
    elif isinstance(plant, datetime):
        since = (plant - POSTGRES_EPOCH) // timedelta(microseconds=1)
        yield struct.pack("<q", since)
        yield struct.pack(">q", since)
        yield plant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f").rstrip("0").encode()
        plant = plant.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f").rstrip("0")
    yield from text_forms(str(plant))


def text_forms(text: str) -> Iterator[bytes]:
    """A text in UTF-8 and UTF-16, and as JSON escapes it, where it must and everywhere."""
    yield text.encode()
    yield text.encode("utf-16-le")
    yield text.encode("utf-16-be")
    yield json.dumps(text)[1:-1].encode()
    units = text.encode("utf-16-be").hex()
    escapes = [units[start : start + 4] for start in range(0, len(units), 4)]
    for digits in (escapes, [each.upper() for each in escapes]):
        yield "".join(f"\\u{each}" for each in digits).encode()


def base64_forms(raw: bytes) -> Iterator[bytes]:
    """What base64 makes of the bytes, wherever in a longer text they may stand."""
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + raw)
        inside = encoded[-(-before * 8 // 6) : (before + len(raw)) * 8 // 6]
        yield inside
        yield inside.replace(b"+", b"-").replace(b"/", b"_")


def list_forms(plant: Plant) -> set[bytes]:
    """Every form: as it is, JSON-escaped, as a number of either byte order, hexadecimal, base64.

    Raises ValueError for what is too short to be told from chance.
    """
    forms: set[bytes] = set()
    for raw in raw_forms(plant):
        forms |= {raw, raw.hex().encode(), raw.hex().upper().encode(), *base64_forms(raw)}
    if min(map(len, forms)) < SHORTEST:
        raise ValueError("a plant needs eight bytes")
    return forms


class DiskSearch:
    """A search for plants that reads every block once, in however many places it lies."""

    def __init__(self, plants: Mapping[str, Plant]) -> None:
        forms = [(form, name) for name, plant in plants.items() for form in list_forms(plant)]
        self.names = [name for _, name in forms]
        self.automaton = BytesAhoCorasick([form for form, _ in forms])
        self.overlap = max(len(form) for form, _ in forms)
        self.searched: dict[bytes, set[str]] = {}

    def find(self, place: Path) -> dict[str, set[Path]]:
        """The names of the plants that a file or a directory holds, each with the files."""
        assert place.exists()
        found = dict[str, set[Path]]()
        for path in (place, *place.rglob("*")):
            if path.is_symlink() or not path.is_file():
                continue
            try:
                content = path.read_bytes()
            except FileNotFoundError:  # the server took it away meanwhile
                continue
            for name in self.names_in(content):
                found.setdefault(name, set()).add(path)
        return found

    def names_in(self, content: bytes) -> set[str]:
        """The plants that a file's content holds."""
        end = len(content.rstrip(b"\0"))
        blocks = (content[at : at + BLOCK + self.overlap] for at in range(0, end, BLOCK))
        return set[str]().union(*map(self.names_in_block, blocks))

    def names_in_block(self, block: bytes) -> set[str]:
        """The same of a block and the beginning of the next one."""
        digest = hashlib.sha256(block).digest()
        if digest not in self.searched:
            matches = self.automaton.find_matches_as_indexes(block, overlapping=True)
            self.searched[digest] = {self.names[number] for number, _start, _end in matches}
        return self.searched[digest]
