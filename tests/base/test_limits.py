"""Bodies: read under a limit through a real app, whatever they claim to be."""

import asyncio
import gzip
import time
import tracemalloc
from collections.abc import AsyncIterator, Callable

import httpx
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vitalkeep.base import limits
from vitalkeep.base.errors import BatchTooLarge, MalformedBody, Problem
from vitalkeep.base.limits import MAX_INFLATED, inflate, read_body

BODY = b'{"records":[' + b'{"type":"steps","count":12},' * 3000 + b"null]}"
MIB = 2**20


def zstd_streamed(body: bytes) -> bytes:
    """As a streaming client compresses: the frame doesn't say how long its content is."""
    stream = zstandard.ZstdCompressor().compressobj()
    return stream.compress(body) + stream.flush()


COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zstd": zstandard.ZstdCompressor().compress,
    "zstd, length not given": zstd_streamed,
}


async def echo(request: Request) -> Response:
    try:
        return Response(await read_body(request))
    except Problem as problem:
        return Response(problem.code, status_code=problem.status)


async def post(
    content: bytes | AsyncIterator[bytes], encoding: str | None = None
) -> httpx.Response:
    app = Starlette(routes=[Route("/", echo, methods=["POST"])])
    headers = {} if encoding is None else {"Content-Encoding": encoding}
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        return await client.post("/", content=content, headers=headers)


async def in_pieces(body: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


@pytest.mark.parametrize("encoding", [None, "", "identity", "Identity"])
async def test_a_plain_body_arrives_unchanged(encoding: str | None) -> None:
    assert (await post(BODY, encoding)).content == BODY


@pytest.mark.parametrize("kind", COMPRESS)
@pytest.mark.parametrize("body", [b"", b"{}", BODY], ids=["empty", "short", "long"])
async def test_a_compressed_body_is_inflated(kind: str, body: bytes) -> None:
    encoding = kind.partition(",")[0]
    assert (await post(COMPRESS[kind](body), encoding)).content == body
    assert (await post(COMPRESS[kind](body), f" {encoding.upper()} ")).content == body


async def test_a_body_in_many_pieces_is_put_together() -> None:
    assert (await post(in_pieces(gzip.compress(BODY), 7), "gzip")).content == BODY


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip", "compress", "x", "gzip;q=1"])
async def test_an_unknown_encoding_is_refused(encoding: str) -> None:
    answer = await post(BODY, encoding)
    assert (answer.status_code, answer.text) == (400, "malformed_body")


@pytest.mark.parametrize("kind", COMPRESS)
async def test_a_body_that_is_not_what_it_says_is_refused(kind: str) -> None:
    wrong = [
        BODY,
        b"",
        b"\0",
        *(other(BODY) for name, other in COMPRESS.items() if name[:4] != kind[:4]),
    ]
    for body in wrong:
        answer = await post(body, kind.partition(",")[0])
        assert (answer.status_code, answer.text) == (400, "malformed_body")


@pytest.mark.parametrize("kind", COMPRESS)
def test_a_body_that_is_cut_off_anywhere_is_refused(kind: str) -> None:
    sent = COMPRESS[kind](b'{"records":[]}')
    for length in range(len(sent)):
        with pytest.raises(MalformedBody):
            inflate(sent[:length], kind.partition(",")[0], MAX_INFLATED)


@pytest.mark.parametrize("kind", COMPRESS)
def test_a_body_that_goes_on_after_its_end_is_refused(kind: str) -> None:
    sent = COMPRESS[kind](b"{}")
    for more in (b"x", b"\0", sent):
        with pytest.raises(MalformedBody):
            inflate(sent + more, kind.partition(",")[0], MAX_INFLATED)


@pytest.mark.parametrize("kind", COMPRESS)
async def test_a_bomb_is_refused_without_inflating_all_of_it(kind: str) -> None:
    bomb = COMPRESS[kind](bytes(100 * MIB))
    assert len(bomb) < MIB // 8
    tracemalloc.start()
    start = time.perf_counter()
    answer = await post(bomb, kind.partition(",")[0])
    seconds = time.perf_counter() - start
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (answer.status_code, answer.text) == (413, "batch_too_large")
    assert peak < 3 * MAX_INFLATED
    assert seconds < 1


@pytest.mark.parametrize("kind", COMPRESS)
@pytest.mark.parametrize("limit", [1, 1000, len(BODY)])
def test_the_limit_is_exact(kind: str, limit: int) -> None:
    encoding = kind.partition(",")[0]
    assert inflate(COMPRESS[kind](BODY[:limit]), encoding, limit) == BODY[:limit]
    with pytest.raises(BatchTooLarge):
        inflate(COMPRESS[kind](BODY[:limit] + b" "), encoding, limit)


async def test_a_plain_body_may_be_eight_mib_and_no_longer() -> None:
    assert (await post(bytes(MAX_INFLATED))).status_code == 200
    answer = await post(bytes(MAX_INFLATED + 1))
    assert (answer.status_code, answer.text) == (413, "batch_too_large")


async def test_a_body_without_end_is_not_read_to_the_end() -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 100 * MIB:
            sent += MIB
            yield bytes(MIB)

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": await anext(pieces), "more_body": True}

    pieces = endless()
    with pytest.raises(BatchTooLarge):
        await read_body(Request({"type": "http", "headers": [], "method": "POST"}, receive))
    assert sent == MAX_INFLATED + MIB


@pytest.mark.parametrize("gone", [True, False], ids=["hung up", "too slow"])
async def test_a_body_that_does_not_arrive_is_refused(
    monkeypatch: pytest.MonkeyPatch, gone: bool
) -> None:
    async def receive() -> dict[str, object]:
        if not gone:
            await asyncio.sleep(60)
        return {"type": "http.disconnect"}

    monkeypatch.setattr(limits, "RECEIVE_DEADLINE_S", 0.01)
    with pytest.raises(MalformedBody):
        await read_body(Request({"type": "http", "headers": [], "method": "POST"}, receive))


@given(st.binary(max_size=300), st.sampled_from(["gzip", "zstd"]))
def test_random_bytes_are_refused_and_nothing_worse(body: bytes, encoding: str) -> None:
    with pytest.raises(MalformedBody):
        inflate(body, encoding, 1000)
