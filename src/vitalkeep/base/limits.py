"""Reading a request's body under a limit: bytes as sent, bytes inflated, and a deadline."""

import asyncio
import zlib

import zstandard
from starlette.requests import ClientDisconnect, Request

from vitalkeep.base.errors import BatchTooLarge, MalformedBody

MAX_INFLATED = 8 * 1024 * 1024
RECEIVE_DEADLINE_S = 30.0


async def read_body(request: Request, limit: int = MAX_INFLATED) -> bytes:
    """The body, inflated by its Content-Encoding (identity, gzip or zstd).

    Raises BatchTooLarge when it is longer than `limit` bytes, as sent or inflated; MalformedBody
    when it can't be inflated, uses another encoding, or does not arrive within 30 seconds.
    """
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(RECEIVE_DEADLINE_S):
            async for chunk in request.stream():
                size += len(chunk)
                if size > limit:
                    raise too_large(limit)
                parts.append(chunk)
    except (TimeoutError, ClientDisconnect):
        raise MalformedBody("The body did not arrive in full within 30 seconds.") from None
    return inflate(b"".join(parts), request.headers.get("content-encoding", ""), limit)


def too_large(limit: int) -> BatchTooLarge:
    """What says the limit that was passed; that of a push as it says it of itself."""
    if limit == MAX_INFLATED:
        return BatchTooLarge()
    return BatchTooLarge(f"Send at most {limit // 1024} KiB here.")


def inflate(body: bytes, encoding: str, limit: int) -> bytes:
    """The body without its Content-Encoding; stops inflating one byte past `limit`."""
    try:
        match encoding.strip().lower():
            case "" | "identity":
                inflated, complete = body, True
            case "gzip":
                gzip = zlib.decompressobj(wbits=31)
                inflated = gzip.decompress(body, limit + 1)
                complete = gzip.eof and not gzip.unused_data
            case "zstd":
                zstd = zstandard.ZstdDecompressor(max_window_size=2**23)
                inflated = zstd.stream_reader(body).read(limit + 1)
                complete = len(inflated) > limit or _is_one_frame(zstd, body)
            case _:
                raise MalformedBody("Content-Encoding has to be identity, gzip or zstd.")
    except (zlib.error, zstandard.ZstdError):
        raise MalformedBody("The body is not what its Content-Encoding says.") from None
    if len(inflated) > limit:
        raise too_large(limit)
    if not complete:
        raise MalformedBody("The compressed body is cut off or followed by something else.")
    return inflated


def _is_one_frame(zstd: zstandard.ZstdDecompressor, body: bytes) -> bool:
    """Whether the frame ends where the body ends; its length has to be bounded before."""
    frame = zstd.decompressobj()
    frame.decompress(body)
    return frame.eof and not frame.unused_data
