"""Reading files of records: in any form, from chunks of any size, and on from any record."""

import gzip
import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from vitalkeep.cli import inputs
from vitalkeep.cli.inputs import InputBroken, Source, is_document, open_input

texts = st.text(st.sampled_from('ab"\\,[]{}: \néあ'), max_size=8)
values: st.SearchStrategy[Any] = st.recursive(
    st.integers() | st.booleans() | st.none() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
documents = st.lists(st.lists(values, max_size=5), min_size=1, max_size=3)
indents = st.sampled_from([None, 0, 2])
law = settings(deadline=None, max_examples=200)


def source_of(content: bytes, chunk: int) -> Source:
    """The content, some bytes at a time."""
    file = BytesIO(content)
    return Source(file, lambda _count: file.read(chunk))


def written(parts: list[list[Any]], indent: int | None) -> bytes:
    """The records as documents, one after the other."""
    whole = (json.dumps({"records": part}, indent=indent, ensure_ascii=False) for part in parts)
    return "\n".join(whole).encode()


def read(source: Source, *, document: bool, number: int = 0) -> Iterator[tuple[int, Any]]:
    reader = inputs.read_documents if document else inputs.read_lines
    for entry in reader(source, number):
        assert entry.text is not None
        yield entry.number, json.loads(entry.text)


@law
@given(parts=documents, indent=indents, chunk=st.integers(1, 40))
def test_documents_give_their_records_whatever_the_chunks(
    parts: list[list[Any]], indent: int | None, chunk: int
) -> None:
    source = source_of(written(parts, indent), chunk)
    flat = [record for part in parts for record in part]
    assert list(read(source, document=True)) == list(enumerate(flat, 1))


@law
@given(records=st.lists(values, max_size=9), blank=st.booleans(), chunk=st.integers(1, 40))
def test_lines_give_their_records_whatever_the_chunks(
    records: list[Any], blank: bool, chunk: int
) -> None:
    end = "\r\n\n" if blank else "\n"
    content = end.join(json.dumps(each, ensure_ascii=False) for each in records).encode()
    found = list(read(source_of(content, chunk), document=False))
    step = 2 if blank else 1
    assert found == [(1 + step * place, each) for place, each in enumerate(records)]


@law
@given(parts=documents, indent=indents, chunk=st.integers(1, 40), document=st.booleans())
def test_reading_goes_on_behind_any_record(
    parts: list[list[Any]], indent: int | None, chunk: int, document: bool
) -> None:
    flat = [record for part in parts for record in part]
    content = written(parts, indent)
    if not document:
        content = b"\n".join(json.dumps(each).encode() for each in flat)
    whole = source_of(content, chunk)
    reader = inputs.read_documents if document else inputs.read_lines
    for taken, entry in enumerate(reader(whole, 0), 1):
        offset, digest = whole.mark
        rest = source_of(content, chunk)
        assert rest.skip_to(offset)
        assert rest.digest.hexdigest() == digest.hexdigest()
        left = list(read(rest, document=document, number=entry.number))
        assert [record for _, record in left] == flat[taken:]


@pytest.mark.parametrize(
    ("content", "document"),
    [
        (b'{"records": []}', True),
        (b'\n { "records"\t:\n[ ]}', True),
        (b'\xef\xbb\xbf{"records":[', True),
        (b'{"type": "steps", "records": []}', False),
        (b'{"type": "steps"}\n', False),
        (b'["records"]', False),
        (b"", False),
    ],
)
def test_a_document_is_told_by_its_beginning(content: bytes, document: bool) -> None:
    assert is_document(source_of(content, 3)) is document


@pytest.mark.parametrize(
    ("content", "taken", "said"),
    [
        (b'{"records": [1, 2', 1, "ends in the middle"),
        (b'{"records": [1, "2', 1, "ends in the middle"),
        (b'{"records": [1, 2]', 2, "one member"),
        (b'{"records": [1, 2}', 1, "one member"),
        (b'{"records": [1], "more": 2}', 1, "one member"),
        (b'{"records": [1]} x', 1, "one member"),
    ],
)
def test_a_broken_document_gives_what_came_before(content: bytes, taken: int, said: str) -> None:
    source = source_of(content, 5)
    with pytest.raises(InputBroken, match=said):
        list(read(source, document=True))
    source = source_of(content, 5)
    entries = inputs.read_documents(source, 0)
    assert [next(entries).number for _ in range(taken)] == list(range(1, taken + 1))


def test_a_line_over_8_mib_is_passed_over_in_bounded_memory() -> None:
    long = b'"' + b"x" * (20 << 20) + b'"'
    source = source_of(b"1\n" + long + b"\n3\n", 1 << 16)
    found = []
    for entry in inputs.read_lines(source, 0):
        found.append((entry.number, entry.text))
        assert len(source.buffer) < 9 << 20
    assert found == [(1, b"1\n"), (2, None), (3, b"3\n")]


CONTENT = b"".join(b'{"n": %d}\n' % number for number in range(50_000))
SQUEEZED = {
    "plain": CONTENT,
    "gzip": gzip.compress(CONTENT),
    "gzip of two members": gzip.compress(CONTENT[:999]) + gzip.compress(CONTENT[999:]),
    "zstd": zstandard.ZstdCompressor(write_checksum=True).compress(CONTENT),
    "zstd of two frames": zstandard.compress(CONTENT[:999]) + zstandard.compress(CONTENT[999:]),
}


@pytest.mark.parametrize("form", SQUEEZED)
def test_a_file_is_inflated_by_its_content(form: str, tmp_path: Path) -> None:
    (tmp_path / "records.txt").write_bytes(SQUEEZED[form])
    with open_input(str(tmp_path / "records.txt")) as source:
        assert [entry.number for entry in inputs.read_lines(source, 0)] == list(range(1, 50_001))
        assert source.offset == len(CONTENT)


@pytest.mark.parametrize("form", ["gzip", "zstd", "zstd of two frames"])
def test_a_compressed_file_that_is_cut_off_is_said_to_be(form: str, tmp_path: Path) -> None:
    (tmp_path / "cut").write_bytes(SQUEEZED[form][:-7])
    with (
        open_input(str(tmp_path / "cut")) as source,
        pytest.raises(InputBroken, match="is cut off"),
    ):
        list(inputs.read_lines(source, 0))


@pytest.mark.parametrize("form", ["gzip", "zstd"])
def test_a_compressed_file_that_is_damaged_is_said_to_be(form: str, tmp_path: Path) -> None:
    whole = SQUEEZED[form]
    (tmp_path / "bad").write_bytes(whole[:2000] + bytes(64) + whole[2064:])
    with (
        open_input(str(tmp_path / "bad")) as source,
        pytest.raises(InputBroken, match=r"can't be read|cut off"),
    ):
        list(inputs.read_lines(source, 0))


def test_a_file_that_is_not_there_is_said_to_be(tmp_path: Path) -> None:
    missing = pytest.raises(InputBroken, match="can't be opened: No such file")
    with missing, open_input(str(tmp_path / "none")):
        pass
