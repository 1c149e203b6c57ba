"""Google's side of a sign-in: a signing key, its certificate, and ID tokens made with it."""

import json
from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from vitalkeep.base import clock
from vitalkeep.base.keys import base64url

ISSUER = "https://accounts.google.com"
KEY = rsa.generate_private_key(65537, 2048)
STRANGERS_KEY = rsa.generate_private_key(65537, 2048)


def certificates() -> httpx.Response:
    """What Google's address answers: the certificate of KEY under the id `one`."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "federated-signon")])
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(KEY.public_key())
        .serial_number(1)
        .not_valid_before(clock.now() - timedelta(days=1))
        .not_valid_after(clock.now() + timedelta(days=14))
        .sign(KEY, hashes.SHA256())
    )
    pem = built.public_bytes(serialization.Encoding.PEM).decode()
    return httpx.Response(200, json={"one": pem}, headers={"Cache-Control": "max-age=3600"})


def id_token(
    audience: str,
    subject: str,
    *,
    key: rsa.RSAPrivateKey = KEY,
    claims: Mapping[str, object] = MappingProxyType({}),
) -> str:
    """An ID token for `audience`, good for an hour."""
    now = int(clock.now().timestamp())
    payload = {
        "iss": ISSUER, "aud": audience, "sub": subject, "iat": now - 5, "exp": now + 3600, **claims,
    }  # fmt: skip
    head = {"alg": "RS256", "kid": "one", "typ": "JWT"}
    signed = ".".join(base64url(json.dumps(part).encode()) for part in (head, payload))
    signature = key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{signed}.{base64url(signature)}"
