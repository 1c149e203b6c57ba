"""Pages of a search: a Bundle, spliced from resources that are bytes already.

`total` is left out: counting everything costs more than the page, and FHIR lets it be absent.
"""

from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import urlencode

import orjson

from vitalkeep.datatypes.descriptors import JsonObject

CURSOR = "_cursor"


class Entry(NamedTuple):
    """A resource of a Bundle, and its type and id."""

    type: str
    id: str
    resource: bytes


class Links(NamedTuple):
    """Where a page is: its search's URL, what of the query was used, and where the next begins."""

    base: str
    type: str
    used: Sequence[tuple[str, str]]
    following: str | None


def to_entry(resource: JsonObject) -> Entry:
    """A finished resource."""
    return Entry(str(resource["resourceType"]), str(resource["id"]), orjson.dumps(resource))


def searchset(links: Links, entries: Sequence[Entry]) -> bytes:
    """A Bundle of the type searchset; the self link names the parameters that were used."""
    kept = [pair for pair in links.used if pair[0] != CURSOR]
    found = [{"relation": "self", "url": _url(links, list(links.used))}]
    if links.following is not None:
        following = _url(links, [*kept, (CURSOR, links.following)])
        found.append({"relation": "next", "url": following})
    body = b'{"resourceType":"Bundle","type":"searchset","link":' + orjson.dumps(found)
    if entries:
        body += b',"entry":[' + b",".join(_entry(links.base, each) for each in entries) + b"]"
    return body + b"}"


def _url(links: Links, query: Sequence[tuple[str, str]]) -> str:
    return f"{links.base}/{links.type}" + (f"?{urlencode(query)}" if query else "")


def _entry(base: str, entry: Entry) -> bytes:
    url = orjson.dumps(f"{base}/{entry.type}/{entry.id}")
    return b'{"fullUrl":' + url + b',"resource":' + entry.resource + b',"search":{"mode":"match"}}'
