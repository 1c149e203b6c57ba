"""What is published for those who verify tokens: the keys and the endpoints."""

import base64
import json
from typing import Any

import httpx
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from tests.make import Make
from vitalkeep.base.settings import Settings


def decoded(segment: str) -> bytes:
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


def check_signature(token: str, jwk: dict[str, Any]) -> None:
    """ES256 (RFC 7518 section 3.4), with nothing of ours. Raises InvalidSignature."""
    signed, _, segment = token.rpartition(".")
    raw = decoded(segment)
    r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
    x, y = (int.from_bytes(decoded(jwk[name]), "big") for name in ("x", "y"))
    key = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    key.verify(encode_dss_signature(r, s), signed.encode(), ec.ECDSA(SHA256()))


async def test_the_key_set_has_public_keys_only(client: httpx.AsyncClient) -> None:
    answer = await client.get("/.well-known/jwks.json")
    assert answer.status_code == 200
    keys = answer.json()["keys"]
    es256 = {"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig"}
    eddsa = {"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig"}
    assert [{name: key[name] for name in es256} for key in keys] == [es256, eddsa]
    assert [set(key) - set(es256) for key in keys] == [{"kid", "x", "y"}, {"kid", "x"}]
    assert [len(decoded(key["x"])) for key in keys] == [32, 32]


async def test_every_role_of_token_verifies_with_the_published_keys(
    client: httpx.AsyncClient, make: Make
) -> None:
    app = await make.app()
    credentials = {"grant_type": "client_credentials"}
    tokens = [
        (await client.post("/oauth/token", auth=app.auth, data=credentials)).json()["access_token"],
        (await make.person(app, collects=False)).token,
        (await make.staff()).token,
    ]
    published = (await client.get("/.well-known/jwks.json")).json()["keys"]
    keys = {key["kid"]: key for key in published}
    for token in tokens:
        header = json.loads(decoded(token.split(".")[0]))
        assert (header["alg"], header["typ"]) == ("ES256", "at+jwt")
        check_signature(token, keys[header["kid"]])
        changed = token.replace(".", ".e", 1)
        with pytest.raises(InvalidSignature):
            check_signature(changed, keys[header["kid"]])
    assert [make.claims(token)["role"] for token in tokens] == ["app", "person", "staff"]


async def test_the_metadata_names_working_endpoints_and_every_grant(
    client: httpx.AsyncClient, settings: Settings
) -> None:
    answer = await client.get("/.well-known/oauth-authorization-server")
    assert answer.status_code == 200
    metadata = answer.json()
    base = settings.public_url
    assert metadata["issuer"] == base
    assert metadata["token_endpoint"] == f"{base}/oauth/token"
    assert metadata["revocation_endpoint"] == f"{base}/oauth/revoke"
    assert metadata["jwks_uri"] == f"{base}/.well-known/jwks.json"
    assert set(metadata["grant_types_supported"]) == {
        "client_credentials",
        "refresh_token",
        "urn:ietf:params:oauth:grant-type:token-exchange",
    }
    assert set(metadata["token_endpoint_auth_methods_supported"]) == {"client_secret_basic", "none"}
    assert metadata["response_types_supported"] == []
    assert (await client.get(metadata["jwks_uri"].removeprefix(base))).status_code == 200
    for endpoint in (metadata["token_endpoint"], metadata["revocation_endpoint"]):
        assert (await client.post(endpoint.removeprefix(base))).status_code == 401


async def test_the_issuer_is_the_one_in_the_tokens(client: httpx.AsyncClient, make: Make) -> None:
    metadata = (await client.get("/.well-known/oauth-authorization-server")).json()
    person = await make.person(collects=False)
    assert make.claims(person.token)["iss"] == metadata["issuer"]
