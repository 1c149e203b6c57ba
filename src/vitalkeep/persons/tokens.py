"""Access tokens: ES256 JWTs of fifteen minutes (RFC 9068), and the only code that touches jose.

python-jose is held to one algorithm, to keys whose type is fixed before it sees a token, and to
`require_…` for every claim. What it doesn't check, or checks against the real clock, is checked
here: whatever `verify` takes for good was written by `issue`, byte for byte.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, get_args
from uuid import UUID, uuid4

from cryptography.hazmat.primitives.asymmetric import ec
from jose import jwk, jwt
from jose.backends.base import Key
from jose.exceptions import JOSEError
from jose.utils import base64url_decode

from vitalkeep.base import clock
from vitalkeep.base.errors import TokenExpired, Unauthenticated
from vitalkeep.base.keys import Keyring, SigningKey, base64url
from vitalkeep.base.settings import Settings

Role = Literal["app", "person", "staff"]

LIFETIME_S = 900
LEEWAY_S = 30
MAX_TOKEN_CHARS = 4096
ALGORITHM = "ES256"
TYPE = "at+jwt"

# The order of P-256's group. Source: SEC 2 version 2, section 2.4.2.
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

# Three base64url segments and nothing else; an ES256 signature is 64 bytes, thus 86 characters.
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{86}")
_KID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ROLES: dict[object, Role] = {role: role for role in get_args(Role)}
_HEADER_NAMES = {"alg", "typ", "kid"}
# jose compares `exp` with the real clock; with a leeway of thirty years it leaves that to `verify`.
_OPTIONS = {f"require_{name}": True for name in ("iss", "aud", "sub", "iat", "exp", "jti")} | {
    "leeway": 10**9,
    "verify_nbf": False,
    "verify_at_hash": False,
}


@dataclass(frozen=True, slots=True)
class AccessClaims:
    """Who calls: the subject (a person, a staff member, or the client itself) through a client.

    `epoch` is the person's token epoch when the token was made, and 0 for other roles: a person's
    tokens of an older epoch are void, which the caller of `verify` has to check.
    """

    subject: UUID
    client_id: UUID
    role: Role
    epoch: int


def issue(keyring: Keyring, settings: Settings, claims: AccessClaims) -> str:
    """A token, good for 15 minutes from now, signed with the keyring's newest token key."""
    key = keyring.token_keys[-1]
    issued_at = int(clock.now().timestamp())
    payload: dict[str, str | int] = {
        "iss": settings.public_url,
        "aud": settings.audience,
        "sub": str(claims.subject),
        "client_id": str(claims.client_id),
        "role": claims.role,
        "epoch": claims.epoch,
        "iat": issued_at,
        "exp": issued_at + LIFETIME_S,
        "jti": str(uuid4()),
    }
    headers = {"typ": TYPE, "kid": key.kid}
    return _with_low_s(jwt.encode(payload, _private(key), algorithm=ALGORITHM, headers=headers))


def verify(keyring: Keyring, settings: Settings, token: str) -> AccessClaims:
    """Who calls, if this deployment issued the token and its 15 minutes are not over.

    The person's epoch is not looked up here. Raises Unauthenticated, or TokenExpired for a token
    that lacks nothing but time; never anything else, whatever the text.
    """
    try:
        payload = _decode(keyring, settings, token)
        claims = _to_claims(payload)
        expires_at = _check_times(payload)
    except (JOSEError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
        raise Unauthenticated from None
    if clock.now().timestamp() >= expires_at:
        raise TokenExpired
    return claims


def _decode(keyring: Keyring, settings: Settings, token: str) -> dict[str, object]:
    """The payload under a good signature. Raises ValueError or JOSEError."""
    if len(token) > MAX_TOKEN_CHARS or not _COMPACT.fullmatch(token) or not _is_canonical(token):
        raise ValueError("not the compact form")
    header = jwt.get_unverified_header(token)
    # Three known members leave no room for crit, jku, jwk, x5u or x5c.
    if header.keys() != _HEADER_NAMES or header["alg"] != ALGORITHM or header["typ"] != TYPE:
        raise ValueError("not the header of an access token")
    payload: dict[str, object] = jwt.decode(
        token,
        _public(_find_key(keyring, header["kid"])),
        algorithms=[ALGORITHM],
        options=_OPTIONS,
        audience=settings.audience,
        issuer=settings.public_url,
    )
    # jose also takes a list of audiences; we never issue one.
    if payload["aud"] != settings.audience:
        raise ValueError("not one audience")
    return payload


def _find_key(keyring: Keyring, kid: object) -> SigningKey:
    """The token key of that id. Raises ValueError; a `kid` is compared and never looked up."""
    if isinstance(kid, str) and _KID.fullmatch(kid):
        for key in keyring.token_keys:
            if key.kid == kid:
                return key
    raise ValueError("no such key")


def _to_claims(payload: dict[str, object]) -> AccessClaims:
    """The claims of our own. Raises ValueError, TypeError or KeyError."""
    epoch = payload["epoch"]
    if type(epoch) is not int or epoch < 0:
        raise ValueError("not an epoch")
    subject, client_id = _to_uuid(payload["sub"]), _to_uuid(payload["client_id"])
    return AccessClaims(subject, client_id, _ROLES[payload["role"]], epoch)


def _to_uuid(text: object) -> UUID:
    """The id in the one form `issue` writes; `UUID` itself also takes braces and URNs."""
    found = UUID(text) if isinstance(text, str) else None
    if found is None or str(found) != text:
        raise ValueError("not a UUID")
    return found


def _check_times(payload: dict[str, object]) -> int:
    """When the token ends, in Unix seconds. Raises ValueError for a span we never issue."""
    issued_at, expires_at = payload["iat"], payload["exp"]
    not_before = payload.get("nbf", issued_at)
    # `type(…) is int`: True is an int to isinstance, and Infinity and 1e400 are floats.
    if type(issued_at) is not int or type(expires_at) is not int or type(not_before) is not int:
        raise ValueError("a time is not a whole number")
    if not 0 < expires_at - issued_at <= LIFETIME_S:
        raise ValueError("longer than access tokens live")
    if max(issued_at, not_before) > clock.now().timestamp() + LEEWAY_S:
        raise ValueError("from the future")
    return expires_at


def _is_canonical(token: str) -> bool:
    """Whether the signature is the only one of its kind.

    To (r, s) there is the equally good (r, n - s), and base64url leaves four bits of its last
    character unused: without this check a token could be changed and still be good.
    """
    segment = token.rpartition(".")[2]
    raw = base64url_decode(segment.encode())
    return base64url(raw) == segment and int.from_bytes(raw[32:], "big") <= P256_ORDER // 2


def _with_low_s(token: str) -> str:
    """The token with the lower of its two good signatures, the one that `verify` takes."""
    signed, _, segment = token.rpartition(".")
    raw = base64url_decode(segment.encode())
    s = int.from_bytes(raw[32:], "big")
    low = min(s, P256_ORDER - s)
    return f"{signed}.{base64url(raw[:32] + low.to_bytes(32, 'big'))}"


@lru_cache(maxsize=16)
def _public(key: SigningKey) -> Key:
    """The key as jose needs it, built from its JWK so that its type can't be mistaken."""
    return jwk.construct({**key.public_jwk()}, ALGORITHM)


@lru_cache(maxsize=4)
def _private(key: SigningKey) -> Key:
    if not isinstance(key.private, ec.EllipticCurvePrivateKey):
        raise TypeError("a token key is a P-256 key")
    secret = key.private.private_numbers().private_value.to_bytes(32, "big")
    return jwk.construct({**key.public_jwk(), "d": base64url(secret)}, ALGORITHM)
