"""Keys that sign tokens (ES256) and certificates of erasure (Ed25519)."""

import base64
import hashlib
import json
from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from vitalkeep.base.keyfiles import KeyringError

PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


@dataclass(frozen=True)
class SigningKey:
    """A private key and its id, the RFC 7638 thumbprint of the public one."""

    kid: str
    private: PrivateKey

    def public_jwk(self) -> dict[str, str]:
        """The public key as a JWK (RFC 7517, RFC 8037) with `kid`, `alg` and `use`."""
        alg = "ES256" if isinstance(self.private, ec.EllipticCurvePrivateKey) else "EdDSA"
        return {**public_members(self.private), "kid": self.kid, "alg": alg, "use": "sig"}


def to_pem(key: PrivateKey) -> bytes:
    """The private key as a PKCS #8 file."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def base64url(raw: bytes) -> str:
    """Unpadded base64url (RFC 7515 section 2)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def public_members(key: PrivateKey) -> dict[str, str]:
    """The members of the public JWK that the thumbprint covers."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        numbers = key.public_key().public_numbers()
        x, y = (base64url(n.to_bytes(32, "big")) for n in (numbers.x, numbers.y))
        return {"crv": "P-256", "kty": "EC", "x": x, "y": y}
    raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return {"crv": "Ed25519", "kty": "OKP", "x": base64url(raw)}


def signing_key(pem: bytes, kind: type[PrivateKey]) -> SigningKey:
    """The key in a PKCS #8 file. Raises KeyringError for any other kind of key."""
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise KeyringError("a signing key can't be read: restore it from its backup") from None
    if not isinstance(key, kind) or (
        isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name != "secp256r1"
    ):
        raise KeyringError("a signing key is of the wrong kind: restore it from its backup")
    canonical = json.dumps(public_members(key), separators=(",", ":"), sort_keys=True)
    return SigningKey(base64url(hashlib.sha256(canonical.encode()).digest()), key)
