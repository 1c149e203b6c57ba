"""Calls to Google Cloud KMS: the few that a keyring needs, over httpx with google-auth's tokens.

Source: Cloud KMS REST API v1, https://cloud.google.com/kms/docs/reference/rest.
"""

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime
from typing import Final

import google.auth
import google.auth.credentials
import google.auth.exceptions
import google.auth.transport
import httpx

from vitalkeep.base.keyfiles import KeyringAway, KeyringError
from vitalkeep.base.outbound import waiting_client

API: Final = "https://cloudkms.googleapis.com/v1/"
SCOPE: Final = "https://www.googleapis.com/auth/cloudkms"


class Answer(google.auth.transport.Response):
    """An answer as google-auth reads it."""

    def __init__(self, answer: httpx.Response) -> None:
        self._answer = answer

    @property
    def status(self) -> int:
        """The HTTP status code."""
        return self._answer.status_code

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers."""
        return self._answer.headers

    @property
    def data(self) -> bytes:
        """The body."""
        return self._answer.content


class Fetch(google.auth.transport.Request):
    """How google-auth gets its tokens: over httpx, like everything else."""

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **_more: object,
    ) -> Answer:
        """The answer. Raises TransportError, which google-auth tells from a refusal."""
        try:
            with waiting_client() as client:
                return Answer(
                    client.request(
                        method, url, content=body, headers=headers, timeout=timeout or 5.0
                    )
                )
        except httpx.HTTPError as error:
            broken = google.auth.exceptions.TransportError(str(error))  # type: ignore[no-untyped-call]
            raise broken from error


class CloudKms:
    """One symmetric key (`projects/…/cryptoKeys/…`) and its versions.

    Every call blocks for a round trip or two; all raise KeyringError.
    """

    def __init__(
        self, key: str, credentials: google.auth.credentials.Credentials | None = None
    ) -> None:
        self.key = key
        self._credentials = credentials

    def create_version(self) -> str:
        """The name of a new version, which may encrypt at once."""
        return str(self._call("POST", f"{self.key}/cryptoKeyVersions", {})["name"])

    def encrypt(self, version: str, plaintext: bytes, bound_to: bytes) -> bytes:
        """`plaintext` under this version; it opens only with the same `bound_to`."""
        body = {"plaintext": to_text(plaintext), "additionalAuthenticatedData": to_text(bound_to)}
        return self._bytes(self._call("POST", f"{version}:encrypt", body), "ciphertext")

    def decrypt(self, ciphertext: bytes, bound_to: bytes) -> bytes:
        """What was encrypted under any version of the key."""
        body = {"ciphertext": to_text(ciphertext), "additionalAuthenticatedData": to_text(bound_to)}
        return self._bytes(self._call("POST", f"{self.key}:decrypt", body), "plaintext")

    def destroy(self, version: str) -> datetime | None:
        """Schedules a version's destruction, once; None when it is done, else when it will be.

        Until then somebody who may restore versions can bring it back.
        """
        found = self._call("GET", version)
        if found.get("state") in ("ENABLED", "DISABLED"):
            found = self._call("POST", f"{version}:destroy", {})
        if found.get("state") == "DESTROYED":
            return None
        try:
            return datetime.fromisoformat(str(found["destroyTime"]))
        except (KeyError, ValueError):
            raise KeyringError(
                f"Cloud KMS doesn't say when {version} is destroyed: its state is "
                f"{found.get('state')}"
            ) from None

    def _call(
        self, method: str, path: str, body: Mapping[str, str] | None = None
    ) -> dict[str, object]:
        headers: dict[str, str] = {}
        try:
            if self._credentials is None:
                self._credentials, _ = google.auth.default(scopes=[SCOPE], request=Fetch())
            self._credentials.before_request(  # type: ignore[no-untyped-call]
                Fetch(), method, API + path, headers
            )
            with waiting_client() as client:
                answer = client.request(method, API + path, headers=headers, json=body)
            answer.raise_for_status()
            found: dict[str, object] = answer.json()
        except google.auth.exceptions.GoogleAuthError as error:
            raise KeyringAway(f"no credentials for Cloud KMS: {type(error).__name__}") from None
        except httpx.HTTPStatusError as error:
            status = error.response.status_code
            raise KeyringAway(f"Cloud KMS refused {method} {path}: {status}") from None
        except (httpx.HTTPError, ValueError) as error:
            raise KeyringAway(f"Cloud KMS can't be reached: {type(error).__name__}") from None
        return found

    def _bytes(self, answer: Mapping[str, object], name: str) -> bytes:
        try:
            return base64.b64decode(str(answer[name]), validate=True)
        except (KeyError, binascii.Error):
            raise KeyringError(f"Cloud KMS answered without a {name}") from None


def to_text(raw: bytes) -> str:
    """Base64, as bytes travel in the API's JSON."""
    return base64.b64encode(raw).decode()
