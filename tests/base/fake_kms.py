"""Cloud KMS as far as a keyring needs it: versions that encrypt, are scheduled, and are gone."""

import base64
import json
import re
import secrets
from collections import Counter
from datetime import timedelta
from typing import Any

import httpx
import respx
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from vitalkeep.base import clock

KEY = "projects/keep/locations/asia-northeast1/keyRings/vitalkeep/cryptoKeys/persons"
API = "https://cloudkms.googleapis.com/v1/"
ADDRESS = re.compile(r"https://cloudkms\.googleapis\.com/v1/.*")
STAYS = timedelta(days=1)


class FakeKms:
    """One key. What it is asked is counted in `calls`; `broken` is answered instead, if set."""

    def __init__(self, router: respx.Router) -> None:
        self.router = router
        router.route(url__regex=ADDRESS).mock(side_effect=self.answer)
        self.materials: dict[str, bytes] = {}
        self.states: dict[str, str] = {}
        self.gone_at: dict[str, str] = {}
        self.calls: Counter[str] = Counter()
        self.tokens: set[str] = set()
        self.broken: httpx.Response | None = None

    def answer(self, request: httpx.Request) -> httpx.Response:
        """The answer to any request."""
        path = str(request.url).removeprefix(API)
        self.tokens.add(request.headers.get("authorization", ""))
        if self.broken is not None:
            return self.broken
        body = json.loads(request.content) if request.content else {}
        name, _, verb = path.partition(":")
        self.calls[verb or request.method] += 1
        if path == f"{KEY}/cryptoKeyVersions":
            return self.create()
        if verb in ("encrypt", "decrypt"):
            return getattr(self, verb)(name, body)  # type: ignore[no-any-return]
        if name not in self.states:
            return httpx.Response(404)
        if verb == "destroy":
            self.states[name] = "DESTROY_SCHEDULED"
            self.gone_at[name] = clock.rfc3339(clock.now() + STAYS)
        return self.version(name)

    def create(self) -> httpx.Response:
        """A new version."""
        name = f"{KEY}/cryptoKeyVersions/{len(self.states) + 1}"
        self.materials[name], self.states[name] = secrets.token_bytes(32), "ENABLED"
        return self.version(name)

    def version(self, name: str) -> httpx.Response:
        """A version as the API tells it."""
        told = {"name": name, "state": self.states[name]}
        if self.states[name] == "DESTROY_SCHEDULED":
            told["destroyTime"] = self.gone_at[name]
        return httpx.Response(200, json=told)

    def encrypt(self, name: str, body: dict[str, Any]) -> httpx.Response:
        """Under the named version; its name comes first in the ciphertext."""
        if self.states.get(name) != "ENABLED":
            return httpx.Response(400)
        plaintext, bound = (base64.b64decode(body[each]) for each in NAMES["encrypt"])
        nonce = secrets.token_bytes(12)
        sealed = AESGCM(self.materials[name]).encrypt(nonce, plaintext, bound)
        ciphertext = name.encode() + b"|" + nonce + sealed
        return httpx.Response(200, json={"ciphertext": base64.b64encode(ciphertext).decode()})

    def decrypt(self, name: str, body: dict[str, Any]) -> httpx.Response:
        """Under whichever version encrypted it."""
        ciphertext, bound = (base64.b64decode(body[each]) for each in NAMES["decrypt"])
        version, _, sealed = ciphertext.partition(b"|")
        if name != KEY or self.states.get(version.decode()) != "ENABLED":
            return httpx.Response(400)
        try:
            key = AESGCM(self.materials[version.decode()])
            plaintext = key.decrypt(sealed[:12], sealed[12:], bound)
        except InvalidTag:
            return httpx.Response(400)
        return httpx.Response(200, json={"plaintext": base64.b64encode(plaintext).decode()})

    def run_out(self) -> None:
        """What was scheduled is destroyed now."""
        for name, state in self.states.items():
            if state == "DESTROY_SCHEDULED":
                self.states[name] = "DESTROYED"
                del self.materials[name]


NAMES = {
    "encrypt": ("plaintext", "additionalAuthenticatedData"),
    "decrypt": ("ciphertext", "additionalAuthenticatedData"),
}
