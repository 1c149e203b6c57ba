"""Forged access tokens: several hundred that an attacker could send, and none is taken."""

import base64
import hmac
import json
import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given
from hypothesis import strategies as st

from vitalkeep.base import clock
from vitalkeep.base.errors import Unauthenticated
from vitalkeep.base.keys import DirectoryKeyring, base64url, init_keyring
from vitalkeep.base.settings import Settings
from vitalkeep.persons.tokens import (
    LEEWAY_S,
    LIFETIME_S,
    P256_ORDER,
    AccessClaims,
    issue,
    verify,
)

Json = dict[str, object]
NOON = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
NOW = int(NOON.timestamp())
SETTINGS = Settings(public_url="https://keep.example", audience="vitalkeep")
CLAIMS = AccessClaims(uuid4(), uuid4(), "person", 7)


@pytest.fixture(scope="module")
def keyring(tmp_path_factory: pytest.TempPathFactory) -> DirectoryKeyring:
    directory = tmp_path_factory.mktemp("tokens") / "keyring"
    init_keyring(directory)
    return DirectoryKeyring(directory)


@pytest.fixture(autouse=True)
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    move_clock(monkeypatch, timedelta(0))


def move_clock(monkeypatch: pytest.MonkeyPatch, by: timedelta) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOON + by)


def encode(value: object) -> str:
    return base64url(json.dumps(value).encode())


def parts(token: str) -> tuple[Json, Json]:
    """Header and payload, read without checking anything."""
    header, payload, _ = token.split(".")
    return (
        json.loads(base64.urlsafe_b64decode(header + "==")),
        json.loads(base64.urlsafe_b64decode(payload + "==")),
    )


def sign(keyring: DirectoryKeyring, header: str, payload: str) -> str:
    """An ES256 signature as `issue` would make it, over any header and payload whatever."""
    private = keyring.token_keys[-1].private
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    return sign_with(private, header, payload)


def sign_with(private: ec.EllipticCurvePrivateKey, header: str, payload: str) -> str:
    r, s = decode_dss_signature(private.sign(f"{header}.{payload}".encode(), ec.ECDSA(SHA256())))
    raw = r.to_bytes(32, "big") + min(s, P256_ORDER - s).to_bytes(32, "big")
    return f"{header}.{payload}.{base64url(raw)}"


def good(keyring: DirectoryKeyring) -> tuple[Json, Json]:
    return parts(issue(keyring, SETTINGS, CLAIMS))


def wrongly_claimed(keyring: DirectoryKeyring) -> Iterator[str]:
    """Signed with the real key; one claim is missing, of another kind, or out of bounds."""
    header, payload = good(keyring)
    yield from (
        sign(keyring, encode(header), encode({k: v for k, v in payload.items() if k != name}))
        for name in payload
    )
    infinite: list[object] = [float("inf"), float("-inf"), float("nan"), 10**400]
    no_time: list[object] = [
        *infinite,
        True,
        False,
        None,
        "",
        str(NOW),
        [NOW],
        {},
        NOW + 0.5,
        1e300,
    ]
    no_text: list[object] = [None, True, 0, 1.5, "", "x", [], {}, ["x"], [[]], "\0", "é" * 40]
    some_id = str(CLAIMS.subject)
    no_id = [*no_text, some_id.upper(), f"{{{some_id}}}", f"urn:uuid:{some_id}", some_id + " ", 7]
    wrong: dict[str, list[object]] = {
        "exp": [*no_time, NOW, NOW - 1, 0, -1, NOW + LIFETIME_S + 1, NOW + 10**9],
        "iat": [*no_time, NOW - 1, 0, NOW + LEEWAY_S + 1, NOW + LIFETIME_S, -NOW],
        "nbf": [*no_time, NOW + LEEWAY_S + 1, NOW + LIFETIME_S],
        "iss": [
            *no_text,
            "https://keep.example/",
            "https://KEEP.example",
            ["https://keep.example"],
        ],
        "aud": [*no_text, "Vitalkeep", ["vitalkeep"], ["vitalkeep", "x"], "vitalkeep "],
        "sub": no_id,
        "client_id": no_id,
        "role": [*no_text, "admin", "App", ["app"], {"app": 1}],
        "epoch": [None, True, False, -1, 1.0, "0", [], float("nan"), 0.5],
        "jti": [None, True, 0, [], {}],
    }
    for name, values in wrong.items():
        for value in values:
            yield sign(keyring, encode(header), encode({**payload, name: value}))
    for text in ("null", "[]", "1", '"x"', "{", "", "\ufeff{}", "[" * 900, "NaN"):
        yield sign(keyring, encode(header), base64url(text.encode()))
    ahead = NOW + LEEWAY_S + 1
    for both in ({"iat": NOW + 20, "exp": NOW + 10}, {"iat": ahead, "exp": ahead + 1, "nbf": NOW}):
        yield sign(keyring, encode(header), encode({**payload, **both}))


def wrongly_headed(keyring: DirectoryKeyring) -> Iterator[str]:
    """Signed with the real key; the header is not the one of an access token."""
    header, payload = good(keyring)
    own = keyring.token_keys[-1].public_jwk()
    wrong: dict[str, list[object]] = {
        "typ": [None, "JWT", "jwt", "AT+JWT", "application/at+jwt", "at+jwt ", ["at+jwt"], 1, ""],
        "alg": [None, "none", "NoNe", "HS256", "RS256", "es256", "ES384", "EdDSA", ["ES256"], {}],
        "kid": [
            None, "", " ", "../../etc/passwd", "/dev/null", "' OR '1'='1", "a;b", "x" * 65, "0", 0,
            True, [own["kid"]], {}, own["kid"] + "=", own["kid"] + "\n", "\0", "file:///dev/null",
            "https://evil.example/key", own["kid"][:-1], own["kid"].swapcase(), [[]], 1.5,
        ],
        "crit": [["exp"], ["b64"], [], None, "exp"],
        "b64": [False],
        "jku": ["https://evil.example/jwks.json", ""],
        "x5u": ["https://evil.example/cert.pem", "file:///etc/passwd"],
        "x5c": [["MIIB"], []],
        "jwk": [own, {}, {"kty": "oct", "k": "AA"}],
        "zip": ["DEF"],
        "cty": ["JWT"],
    }  # fmt: skip
    for name, values in wrong.items():
        for value in values:
            yield sign(keyring, encode({**header, name: value}), encode(payload))
    for name in header:
        missing = {k: v for k, v in header.items() if k != name}
        yield sign(keyring, encode(missing), encode(payload))
    for text in ("null", "[]", '"ES256"', "{", "[" * 2000, '{"a":' * 400, "NaN"):
        yield sign(keyring, base64url(text.encode()), encode(payload))
    deep = '{"kid":' + "[" * 600 + "]" * 600 + "," + json.dumps(header)[1:]
    yield sign(keyring, base64url(deep.encode()), encode({**payload, "exp": 0}))


def signed_with_public_keys(keyring: DirectoryKeyring) -> Iterator[str]:
    """Confusion of algorithms: HMACs with everything that is public for a secret."""
    header, payload = good(keyring)
    public = keyring.token_keys[-1].private.public_key()
    own = keyring.token_keys[-1].public_jwk()
    info = serialization.PublicFormat.SubjectPublicKeyInfo
    pem = public.public_bytes(serialization.Encoding.PEM, info)
    der = public.public_bytes(serialization.Encoding.DER, info)
    x = base64.urlsafe_b64decode(own["x"] + "=")
    publics = [pem, pem.strip(), der, json.dumps(own).encode(), own["x"].encode(), x, b"", b"\0"]
    digests = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512", "ES256": "sha512"}
    for alg, digest in digests.items():
        for head in ({**header, "alg": alg}, {"alg": alg, "typ": "JWT"}, {"alg": alg}):
            signed = f"{encode(head)}.{encode(payload)}"
            for secret in publics:
                yield f"{signed}.{base64url(hmac.digest(secret, signed.encode(), digest))}"


def not_signed(keyring: DirectoryKeyring) -> Iterator[str]:
    """No signature, one by a stranger's key, or one of numbers that fit every message."""
    header, payload = good(keyring)
    body = encode(payload)
    for alg in ("none", "None", "NONE", "NoNe", "", "null"):
        for signature in ("", "AA", "A" * 86):
            yield f"{encode({**header, 'alg': alg})}.{body}.{signature}"
    for stranger in (ec.generate_private_key(ec.SECP256R1()) for _ in range(10)):
        yield sign_with(stranger, encode(header), body)
    for raw in (bytes(64), b"\xff" * 64, bytes(63) + b"\1", bytes(31) + b"\1" + bytes(31) + b"\1"):
        yield f"{encode(header)}.{body}.{base64url(raw)}"


def deformed(keyring: DirectoryKeyring) -> Iterator[str]:
    """A good token, changed: cut, stretched, re-signed by arithmetic, or with a flipped bit."""
    token = issue(keyring, SETTINGS, CLAIMS)
    head, body, signature = token.split(".")
    yield from (token[:length] for length in range(0, len(token), 9))
    yield from (
        token + tail for tail in (".", ".e30", " ", "\n", "=", "==", "\0", "A", "AAAA", "é")
    )
    yield from (lead + token for lead in (".", " ", "\n", "Bearer ", "\ufeff", "A", "\ud800"))
    yield from (f"{head}.{body}.{x}" for x in ("", signature + "=", signature[:-1], signature * 2))
    yield from (f"{head}.{body}", f"{head}..{signature}", f".{body}.{signature}", "..", "", ".")
    yield from (f"{body}.{head}.{signature}", f"{head}.{body}.{body}.{signature}", token + token)
    yield from (f"{head}=.{body}.{signature}", f"{head}.{body}=.{signature}", head + "\n" + token)
    yield from (f"{head}+.{body}.{signature}", f"{head}.{body}/.{signature}", f"{head},{body}")
    raw = base64.urlsafe_b64decode(signature + "==")
    other_s = (P256_ORDER - int.from_bytes(raw[32:], "big")).to_bytes(32, "big")
    yield f"{head}.{body}.{base64url(raw[:32] + other_s)}"
    for last in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_":
        if last != signature[-1]:
            yield token[:-1] + last
    for segment, at in ((head, 0), (body, len(head) + 1), (signature, len(head) + len(body) + 2)):
        for place in range(at, at + len(segment), 7):
            flipped = chr(ord(token[place]) ^ 1)
            yield token[:place] + flipped + token[place + 1 :]
    header, payload = good(keyring)
    yield sign(keyring, encode(header), encode({**payload, "long": "x" * 4096}))


def strange(_keyring: DirectoryKeyring) -> Iterator[str]:
    """Nothing like a token: refresh tokens, identifiers, scripts, other kinds of credentials."""
    yield from (secrets.token_urlsafe(n) for n in range(1, 97, 3))
    yield from (f"vkr_{secrets.token_urlsafe(32)}", str(uuid4()), "null", "{}", "a.b.c", "Bearer x")
    yield from (
        "' OR 1=1--",
        "../../etc/passwd",
        "\u2028",
        "\ud800",
        "٣.٣.٣",
        "x" * 5000,
        "." * 4000,
    )


FORGERIES = [
    wrongly_claimed,
    wrongly_headed,
    signed_with_public_keys,
    not_signed,
    deformed,
    strange,
]


@pytest.mark.parametrize("forge", FORGERIES)
def test_no_forged_token_is_accepted(
    keyring: DirectoryKeyring, forge: Callable[[DirectoryKeyring], Iterator[str]]
) -> None:
    for number, token in enumerate(forge(keyring)):
        with pytest.raises(Unauthenticated):
            pytest.fail(f"{forge.__name__} {number}: {verify(keyring, SETTINGS, token)} {token}")


def test_there_are_more_than_three_hundred_forgeries(keyring: DirectoryKeyring) -> None:
    assert len({token for forge in FORGERIES for token in forge(keyring)}) > 300


def test_the_forger_signs_as_issue_does(keyring: DirectoryKeyring) -> None:
    # Without this, every forgery could be refused for a signature made wrongly.
    header, payload = good(keyring)
    not_before = {**payload, "nbf": NOW + LEEWAY_S, "later": "ignored"}
    for body in (payload, not_before):
        assert verify(keyring, SETTINGS, sign(keyring, encode(header), encode(body))) == CLAIMS


@given(
    st.text() | st.from_regex(r"[A-Za-z0-9_-]{0,80}(\.[A-Za-z0-9_-]{0,90}){0,4}", fullmatch=True)
)
def test_no_random_text_is_accepted(keyring: DirectoryKeyring, text: str) -> None:
    with pytest.raises(Unauthenticated):
        verify(keyring, SETTINGS, text)


@given(st.data())
def test_no_changed_character_goes_unnoticed(
    keyring: DirectoryKeyring, data: st.DataObject
) -> None:
    token = issue(keyring, SETTINGS, CLAIMS)
    place = data.draw(st.integers(0, len(token) - 1))
    character = data.draw(st.characters().filter(lambda drawn: drawn != token[place]))
    with pytest.raises(Unauthenticated):
        verify(keyring, SETTINGS, token[:place] + character + token[place + 1 :])


def test_a_forgery_that_has_run_out_is_not_called_expired(
    keyring: DirectoryKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    header, body, _ = issue(keyring, SETTINGS, CLAIMS).split(".")
    forged = sign_with(ec.generate_private_key(ec.SECP256R1()), header, body)
    move_clock(monkeypatch, timedelta(hours=1))
    with pytest.raises(Unauthenticated) as refusal:
        verify(keyring, SETTINGS, forged)
    assert refusal.type is Unauthenticated
