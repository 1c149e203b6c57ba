"""Looking for a value on the disk in every form in which it might have got there."""

import base64
import hashlib
import json
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeAlias
from uuid import UUID

Plant: TypeAlias = str | float | UUID


def raw_forms(plant: Plant) -> Iterator[bytes]:
    """The bytes that stand for a value before they are encoded any further."""
    if isinstance(plant, UUID):
        yield plant.bytes
        yield str(plant).upper().encode()
    elif isinstance(plant, float):
        yield struct.pack("<d", plant)
        yield struct.pack(">d", plant)
    elif not plant.isascii():
        yield json.dumps(plant)[1:-1].encode()
    yield str(plant).encode()


def base64_forms(raw: bytes) -> Iterator[bytes]:
    """What base64 makes of the bytes, wherever in a longer text they may stand."""
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + raw)
        inside = encoded[-(-before * 8 // 6) : (before + len(raw)) * 8 // 6]
        yield inside
        yield inside.replace(b"+", b"-").replace(b"/", b"_")


def list_forms(plant: Plant) -> set[bytes]:
    """Every form: as it is, JSON-escaped, as a double of either byte order, hexadecimal, base64."""
    forms: set[bytes] = set()
    for raw in raw_forms(plant):
        forms |= {raw, raw.hex().encode(), raw.hex().upper().encode(), *base64_forms(raw)}
    return forms


def find_plants(directory: Path, plants: Mapping[str, Plant]) -> dict[str, set[str]]:
    """The names of the plants that were found, each with the files that hold it."""
    forms = [(name, form) for name, plant in plants.items() for form in list_forms(plant)]
    found: dict[str, set[str]] = {}
    searched: dict[bytes, set[str]] = {}
    for path in directory.rglob("*"):
        if path.is_symlink() or not path.is_file():
            continue
        try:
            content = path.read_bytes().rstrip(b"\0")
        except FileNotFoundError:  # the server took it away meanwhile
            continue
        # A new database is a copy of its template: most files are there four times.
        digest = hashlib.sha256(content).digest()
        if digest not in searched:
            searched[digest] = {name for name, form in forms if form in content}
        for name in searched[digest]:
            found.setdefault(name, set()).add(str(path.relative_to(directory)))
    return found
