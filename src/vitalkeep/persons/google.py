"""Google ID tokens: whom Google says somebody is, checked against Google's own certificates.

google-auth checks the signature; the network is reached by httpx and the certificates are kept as
long as Google allows, which google-auth's own synchronous fetching does not do.
Source: OpenID Connect Core 1.0 section 3.1.3.7;
https://developers.google.com/identity/openid-connect/openid-connect#validatinganidtoken.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import google.auth.exceptions
import google.auth.jwt
import httpx
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from vitalkeep.base import clock
from vitalkeep.base.errors import InvalidGrant
from vitalkeep.base.published import Published

ISSUER = "https://accounts.google.com"
ISSUERS = (ISSUER, "accounts.google.com")
LEEWAY_S = 30
MAX_TOKEN_CHARS = 8192
# OpenID Connect Core 1.0 section 2: a `sub` has at most 255 characters.
MAX_SUBJECT_CHARS = 255

# google-auth compares with the real clock; with this much skew (seconds) it leaves time to us.
_ANY_TIME_S = 10**12
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_BAD_TOKEN = (
    google.auth.exceptions.GoogleAuthError, ValueError, TypeError, KeyError, OverflowError,
    RecursionError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class GoogleIdentity:
    """Who signed in: key on issuer and subject; an address can change hands.

    `issuer` is always https://accounts.google.com; `email` is in lower case, and None unless Google
    has verified it.
    """

    issuer: str
    subject: str
    email: str | None


class GoogleCertificates:
    """Google's signing certificates from one address, kept by their `Cache-Control: max-age`."""

    def __init__(self, url: str) -> None:
        self._certs = Published(url, _read_certs)

    async def identity(
        self, id_token: str, audiences: Collection[str], *, nonce: str | None = None
    ) -> GoogleIdentity:
        """Who Google says this is, for a token made for one of these audiences (client ids).

        With `nonce` the token has to be the answer to the request that carried it.
        Raises InvalidGrant for a token that is not good, DependencyUnavailable when Google's
        certificates can't be had.
        """
        try:
            kid = _read_kid(id_token)
        except _BAD_TOKEN:
            raise InvalidGrant from None
        if not audiences:
            raise InvalidGrant
        certificate = await self._certs.find(kid)
        if certificate is None:
            raise InvalidGrant
        try:
            payload: dict[str, object] = google.auth.jwt.decode(  # type: ignore[no-untyped-call]
                id_token,
                certs={kid: certificate},
                audience=list(audiences),
                clock_skew_in_seconds=_ANY_TIME_S,
            )
            _check_times(payload)
            if nonce is not None and payload.get("nonce") != nonce:
                raise ValueError("of another sign-in")
            return _to_identity(payload)
        except _BAD_TOKEN:
            raise InvalidGrant from None


def _read_kid(id_token: str) -> str:
    """The id of the key a token claims to be signed with. Raises ValueError or GoogleAuthError."""
    if len(id_token) > MAX_TOKEN_CHARS or not _COMPACT.fullmatch(id_token):
        raise ValueError("not an ID token")
    header = google.auth.jwt.decode_header(id_token)  # type: ignore[no-untyped-call]
    # google-auth would also take ES256; Google signs ID tokens with RS256.
    if header["alg"] != "RS256" or "crit" in header or not isinstance(header["kid"], str):
        raise ValueError("not the header of an ID token")
    return str(header["kid"])


def _check_times(payload: Mapping[str, object]) -> None:
    """Raises ValueError for a token that has run out or is not valid yet."""
    now = clock.now().timestamp()
    issued_at, expires_at = payload["iat"], payload["exp"]
    not_before = payload.get("nbf", issued_at)
    # `type(…) is int`: True is an int to isinstance, and Infinity and 1e400 are floats.
    if type(issued_at) is not int or type(expires_at) is not int or type(not_before) is not int:
        raise ValueError("a time is not a whole number")
    if now >= expires_at or max(issued_at, not_before) > now + LEEWAY_S:
        raise ValueError("not valid now")


def _to_identity(payload: Mapping[str, object]) -> GoogleIdentity:
    if payload["iss"] not in ISSUERS:
        raise ValueError("another issuer")
    subject, email = payload["sub"], payload.get("email")
    if not isinstance(subject, str) or not 0 < len(subject) <= MAX_SUBJECT_CHARS:
        raise ValueError("no subject")
    if payload.get("email_verified") is not True or not isinstance(email, str) or not email:
        return GoogleIdentity(ISSUER, subject, None)
    return GoogleIdentity(ISSUER, subject, email.lower())


def _read_certs(reply: httpx.Response) -> Mapping[str, str]:
    """The RSA certificates (PEM) by key id. Raises ValueError for any other answer."""
    found = reply.json() if reply.status_code == httpx.codes.OK else None
    if not isinstance(found, dict):
        raise ValueError("not a map of certificates")
    certs = {kid: pem for kid, pem in found.items() if _is_rsa_certificate(pem)}
    if not certs:
        raise ValueError("no RSA certificate")
    return certs


def _is_rsa_certificate(pem: object) -> bool:
    """Whether it is one. Raises ValueError if it is no certificate at all."""
    if not isinstance(pem, str):
        raise ValueError("not a certificate")
    certificate = x509.load_pem_x509_certificate(pem.encode())
    return isinstance(certificate.public_key(), rsa.RSAPublicKey)
