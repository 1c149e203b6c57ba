"""Looking for a value on the disk in every form in which it might have got there."""

import base64
import hashlib
import json
import struct
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeAlias
from uuid import UUID

Plant: TypeAlias = str | float | bytes | datetime | UUID
Index: TypeAlias = dict[int, list[tuple[str, bytes]]]
"""Forms with the names of their plants, by eight bytes of theirs as a number."""

WORD = struct.Struct("=Q")
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
    if min(map(len, forms)) < WORD.size:
        raise ValueError("a plant needs eight bytes")
    return forms


def make_index(forms: Iterable[tuple[str, bytes]], stride: int) -> Index:
    """The forms by each word that a search with this stride may meet of them."""
    index: Index = {}
    for name, form in forms:
        for at in range(stride):
            index.setdefault(WORD.unpack_from(form, at)[0], []).append((name, form))
    return index


def names_in(content: bytes, index: Index, stride: int) -> set[str]:
    """The plants of which the bytes hold a form; what that costs does not grow with the plants."""
    words_of_forms, view, found = frozenset(index), memoryview(content), set[str]()
    for shift in range(0, WORD.size, stride):
        words = view[shift : shift + max(0, len(view) - shift) // WORD.size * WORD.size].cast("Q")
        if not words_of_forms.isdisjoint(words):
            for word in words_of_forms.intersection(words):
                found |= {name for name, form in index[word] if form in content}
    return found


class DiskSearch:
    """A search for plants that reads every block once, in however many places it lies."""

    def __init__(self, plants: Mapping[str, Plant]) -> None:
        forms = [(name, form) for name, plant in plants.items() for form in list_forms(plant)]
        lengths = {len(form) for _, form in forms}
        # Reading at every second, fourth or eighth place is enough for forms that are long enough.
        self.stride = max(each for each in (1, 2, 4, 8) if WORD.size + each <= min(lengths) + 1)
        self.index = make_index(forms, self.stride)
        self.overlap = max(lengths)
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
            self.searched[digest] = names_in(block, self.index, self.stride)
        return self.searched[digest]
