"""Signed statements: canonical JSON (RFC 8785) under Ed25519 (RFC 8032), checked offline.

Whoever has the published keys can check a statement, without this server and long after it.
"""

import base64
import binascii
from collections.abc import Mapping

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ed25519
from pydantic import BaseModel, ConfigDict
from pydantic.config import JsonDict

from vitalkeep.base.keys import Keyring, base64url


class SignatureInvalid(Exception):
    """The statement was changed, or was signed by a key that isn't known."""


def _stay_open(schema: JsonDict) -> None:
    # Later formats may say more; only checking a statement has to know every field.
    schema.pop("additionalProperties", None)


EXACT = ConfigDict(extra="forbid", json_schema_extra=_stay_open)
"""What the signature doesn't cover must not be in a statement: people read the file, not this."""


class Signature(BaseModel):
    """An Ed25519 signature (RFC 8032) over the statement's canonical form, base64url."""

    model_config = EXACT

    alg: str
    kid: str
    value: str


def canonical_json(document: object) -> bytes:
    """The one byte string that a JSON value has (RFC 8785). Raises ValueError if it has none."""
    return rfc8785.dumps(document)  # type: ignore[arg-type]  # refused at run time, not by type


def sign_statement(keyring: Keyring, statement: bytes) -> Signature:
    """Signs a canonical statement with the newest of the keyring's keys for that."""
    key = keyring.certificate_keys[-1]
    if not isinstance(key.private, ed25519.Ed25519PrivateKey):
        raise TypeError("statements are signed with Ed25519")
    return Signature(alg="EdDSA", kid=key.kid, value=base64url(key.private.sign(statement)))


def check_signature(
    statement: bytes,
    signature: Signature,
    public_keys: Mapping[str, Mapping[str, str]],
    *,
    what: str,
) -> None:
    """Raises SignatureInvalid unless one of the public JWKs (by kid) signed just this.

    `what` names the document in the message.
    """
    jwk = public_keys.get(signature.kid)
    if jwk is None or jwk.get("crv") != "Ed25519" or signature.alg != "EdDSA":
        raise SignatureInvalid(f"the key {signature.kid} is not one of the known signing keys")
    try:
        key = ed25519.Ed25519PublicKey.from_public_bytes(decode(jwk["x"]))
        key.verify(decode(signature.value), statement)
    except (InvalidSignature, ValueError, KeyError, binascii.Error):
        raise SignatureInvalid(f"the signature does not fit: the {what} was changed") from None


def decode(text: str) -> bytes:
    """Bytes of unpadded base64url. Raises ValueError unless `text` is their one spelling."""
    raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    # The last character has bits to spare; only the text that was written is good.
    if base64url(raw) != text:
        raise ValueError("not canonical base64url")
    return raw
