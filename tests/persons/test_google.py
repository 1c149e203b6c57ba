"""Google ID tokens, with certificates of our own making in place of Google's."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

import httpx
import pytest
import respx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from vitalkeep.base import clock
from vitalkeep.base.errors import DependencyUnavailable, InvalidGrant
from vitalkeep.base.keys import base64url
from vitalkeep.persons.google import LEEWAY_S, GoogleCertificates, GoogleIdentity

URL = "https://certs.example/oauth2/v1/certs"
NOON = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
NOW = int(NOON.timestamp())
AUDIENCES = ["phone.apps.googleusercontent.com", "web.apps.googleusercontent.com"]
PAYLOAD: dict[str, object] = {
    "iss": "https://accounts.google.com",
    "aud": AUDIENCES[0],
    "sub": "110169484474386276334",
    "email": "Hanako@Example.JP",
    "email_verified": True,
    "iat": NOW - 5,
    "exp": NOW + 3600,
    "nbf": NOW - 305,  # as the tokens of Google's one-tap sign-in have it
}
HANAKO = GoogleIdentity("https://accounts.google.com", "110169484474386276334", "hanako@example.jp")
KEYS = {kid: rsa.generate_private_key(65537, 2048) for kid in ("one", "two", "stranger")}


def certificate(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "federated-signon")])
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOON - timedelta(days=1))
        .not_valid_after(NOON + timedelta(days=14))
        .sign(key, hashes.SHA256())
    )
    return built.public_bytes(serialization.Encoding.PEM).decode()


def published(*kids: str, cache_control: str = "public, max-age=3600") -> httpx.Response:
    certs = {kid: certificate(KEYS[kid]) for kid in kids}
    return httpx.Response(200, json=certs, headers={"Cache-Control": cache_control})


def id_token(
    payload: Mapping[str, object] = PAYLOAD,
    header: Mapping[str, object] = MappingProxyType({}),
    key: str = "one",
) -> str:
    """An ID token as Google makes them; `header` overrides members of its header."""
    head = {"alg": "RS256", "kid": key, "typ": "JWT", **header}
    signed = ".".join(base64url(json.dumps(part).encode()) for part in (head, payload))
    signature = KEYS[key].sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{signed}.{base64url(signature)}"


def move_clock(monkeypatch: pytest.MonkeyPatch, **by: float) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOON + timedelta(**by))


@pytest.fixture(autouse=True)
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    move_clock(monkeypatch)


@pytest.fixture
def google() -> Iterator[respx.Route]:
    """Google's address; each test says what it answers."""
    with respx.mock(assert_all_called=False) as router:
        yield router.get(URL).mock(return_value=published("one"))


async def test_a_good_token_says_who_signed_in(google: respx.Route) -> None:
    certificates = GoogleCertificates(URL)
    assert await certificates.identity(id_token(), AUDIENCES) == HANAKO
    assert google.call_count == 1


async def test_both_spellings_of_the_issuer_are_one_identity(google: respx.Route) -> None:
    token = id_token({**PAYLOAD, "iss": "accounts.google.com"})
    assert await GoogleCertificates(URL).identity(token, AUDIENCES) == HANAKO
    assert google.called


@pytest.mark.parametrize(
    "change",
    [{"email_verified": value} for value in (False, None, "true", 1)]
    + [{"email": value} for value in (None, "", 7, ["a@b.c"])],
)
async def test_only_an_address_that_google_has_verified_is_used(
    google: respx.Route, change: dict[str, object]
) -> None:
    found = await GoogleCertificates(URL).identity(id_token({**PAYLOAD, **change}), AUDIENCES)
    assert (found.subject, found.email) == (HANAKO.subject, None)
    assert google.called


WRONG_CLAIMS: dict[str, list[object]] = {
    "aud": [None, "", "other.apps.googleusercontent.com", AUDIENCES, [AUDIENCES[0]], {}, 1],
    "iss": [None, "", "https://accounts.google.com/", "https://evil.example", ["x"], {}],
    "sub": [None, "", 7, True, [], "x" * 256],
    "exp": [None, NOW, NOW - 1, str(NOW + 9), float("inf"), float("nan"), 1e300, NOW + 1.5, True],
    "iat": [None, NOW - 0.5, NOW + LEEWAY_S + 1, "x", float("nan"), False, [], 10**400],
    "nbf": [NOW + LEEWAY_S + 1, "x", None, True],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in WRONG_CLAIMS.items() for value in values]
)
async def test_a_wrong_claim_is_refused(google: respx.Route, name: str, value: object) -> None:
    with pytest.raises(InvalidGrant):
        await GoogleCertificates(URL).identity(id_token({**PAYLOAD, name: value}), AUDIENCES)
    assert google.called


@pytest.mark.parametrize("name", ["aud", "iss", "sub", "exp", "iat"])
async def test_a_missing_claim_is_refused(google: respx.Route, name: str) -> None:
    payload = {key: value for key, value in PAYLOAD.items() if key != name}
    with pytest.raises(InvalidGrant):
        await GoogleCertificates(URL).identity(id_token(payload), AUDIENCES)
    assert google.called


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none"}, {"alg": "None"}, {"alg": "HS256"}, {"alg": "ES256"}, {"alg": None},
        {"alg": ["RS256"]}, {"kid": None}, {"kid": ""}, {"kid": ["one"]}, {"kid": "ONE"},
        {"kid": "../one"}, {"crit": ["exp"]}, {"crit": []},
    ],
)  # fmt: skip
async def test_a_wrong_header_is_refused(google: respx.Route, header: dict[str, object]) -> None:
    with pytest.raises(InvalidGrant):
        await GoogleCertificates(URL).identity(id_token(PAYLOAD, header), AUDIENCES)
    assert google.call_count <= 1


async def test_a_signature_by_another_key_is_refused(google: respx.Route) -> None:
    forged = id_token(PAYLOAD, {"kid": "one"}, "stranger")
    signed = forged.rpartition(".")[0]
    for token in (
        *(forged, signed + ".", signed + ".AAAA", signed, forged[:-4]),
        *(id_token() + more for more in (".", "=", "\n", "    ", "!!!!", ".AAAA", "\0")),
    ):
        with pytest.raises(InvalidGrant):
            await GoogleCertificates(URL).identity(token, AUDIENCES)
    assert google.called


DEEP = base64url(b"[" * 3000)
SHAPELESS = ["", "..", "a.b.c", "\ud800", "é.é.é", "x" * 9000, f"{DEEP}.{DEEP}.AA", "e30.e30.e30"]


@pytest.mark.parametrize("token", [*SHAPELESS, id_token({**PAYLOAD, "x": "y" * 8192})], ids=len)
async def test_what_is_no_token_is_refused_without_asking_google(
    google: respx.Route, token: str
) -> None:
    with pytest.raises(InvalidGrant):
        await GoogleCertificates(URL).identity(token, AUDIENCES)
    assert not google.called


async def test_an_app_without_google_client_ids_takes_no_token(google: respx.Route) -> None:
    with pytest.raises(InvalidGrant):
        await GoogleCertificates(URL).identity(id_token(), [])
    assert not google.called


@pytest.mark.parametrize("seconds", [-LEEWAY_S - 5, 0, 3599])
async def test_a_token_is_good_until_it_runs_out(
    google: respx.Route, monkeypatch: pytest.MonkeyPatch, seconds: int
) -> None:
    move_clock(monkeypatch, seconds=seconds)
    assert await GoogleCertificates(URL).identity(id_token(), AUDIENCES) == HANAKO
    assert google.called


@pytest.mark.parametrize("seconds", [-LEEWAY_S - 6, 3600, 10**9])
async def test_a_token_is_refused_before_and_after_its_time(
    google: respx.Route, monkeypatch: pytest.MonkeyPatch, seconds: int
) -> None:
    move_clock(monkeypatch, seconds=seconds)
    with pytest.raises(InvalidGrant):
        await GoogleCertificates(URL).identity(id_token(), AUDIENCES)
    assert google.called


async def test_certificates_are_kept_for_max_age(
    google: respx.Route, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificates = GoogleCertificates(URL)
    calls = []
    for seconds in (0, 1, 599, 600, 1199, 1201):
        move_clock(monkeypatch, seconds=seconds)
        google.mock(
            return_value=published("one", cache_control="public, max-age=600, no-transform")
        )
        assert await certificates.identity(id_token(), AUDIENCES) == HANAKO
        calls.append(google.call_count)
    assert calls == [1, 1, 1, 2, 2, 3]


@pytest.mark.parametrize(
    ("cache_control", "kept_s"),
    [("", 0), ("no-store", 0), ("max-age=x", 0), ("max-age=-1", 0), ("s-max-age=9", 0),
     ("max-age=9", 9), ('MAX-AGE="9"', 9), ("max-age=9999999999", 86_400)],
)  # fmt: skip
async def test_certificates_are_kept_no_longer_than_allowed(
    google: respx.Route, monkeypatch: pytest.MonkeyPatch, cache_control: str, kept_s: int
) -> None:
    google.mock(return_value=published("one", cache_control=cache_control))
    certificates = GoogleCertificates(URL)
    lasting = id_token({**PAYLOAD, "exp": NOW + 10**6})
    for seconds in (0, max(kept_s - 1, 0), kept_s):
        move_clock(monkeypatch, seconds=seconds)
        await certificates.identity(lasting, AUDIENCES)
    assert google.call_count == (2 if kept_s else 3)


async def test_a_new_key_is_found_and_unknown_ones_ask_once_a_minute(
    google: respx.Route, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificates = GoogleCertificates(URL)
    await certificates.identity(id_token(), AUDIENCES)
    calls = []
    for seconds in (1, 59, 60, 61, 119, 120):
        move_clock(monkeypatch, seconds=seconds)
        for _ in range(3):
            with pytest.raises(InvalidGrant):
                await certificates.identity(id_token(key="stranger"), AUDIENCES)
        calls.append(google.call_count)
    assert calls == [1, 1, 2, 2, 2, 3]
    google.mock(return_value=published("two"))
    move_clock(monkeypatch, seconds=180)
    assert await certificates.identity(id_token(key="two"), AUDIENCES) == HANAKO
    assert google.call_count == 4
    with pytest.raises(InvalidGrant):
        await certificates.identity(id_token(), AUDIENCES)


async def test_many_sign_ins_at_once_ask_google_once(google: respx.Route) -> None:
    async def slowly(_: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0.01)
        return published("one")

    google.mock(side_effect=slowly)
    certificates = GoogleCertificates(URL)
    found = await asyncio.gather(*(certificates.identity(id_token(), AUDIENCES) for _ in range(20)))
    assert (set(found), google.call_count) == ({HANAKO}, 1)


UNREADABLE = [
    httpx.ConnectError("down"), httpx.ReadTimeout("slow"), httpx.Response(500),
    httpx.Response(302, headers={"Location": "https://evil.example"}), httpx.Response(204),
    httpx.Response(200, content=b"<html>"), httpx.Response(200, content=b"\xff"),
    httpx.Response(200, content=b"[" * 100_000), httpx.Response(200, json=[]),
    httpx.Response(200, json={}), httpx.Response(200, json={"one": 1}),
    httpx.Response(200, json={"one": "not PEM"}), httpx.Response(404, json=published("one").json()),
    httpx.Response(200, json={"one": certificate(ec.generate_private_key(ec.SECP256R1()))}),
]  # fmt: skip


@pytest.mark.parametrize("answer", UNREADABLE, ids=str)
async def test_without_google_a_sign_in_waits_unless_its_certificate_is_kept(
    google: respx.Route, monkeypatch: pytest.MonkeyPatch, answer: httpx.Response | Exception
) -> None:
    google.mock(side_effect=[answer, published("one"), answer, published("one", "two")])
    certificates = GoogleCertificates(URL)
    for seconds in (0, 4):  # the second one doesn't even ask
        move_clock(monkeypatch, seconds=seconds)
        with pytest.raises(DependencyUnavailable):
            await certificates.identity(id_token(), AUDIENCES)
    assert google.call_count == 1
    move_clock(monkeypatch, seconds=5)
    assert await certificates.identity(id_token(), AUDIENCES) == HANAKO
    for seconds in (65, 100):  # nobody can say whether an unknown key is good; a kept one is
        move_clock(monkeypatch, seconds=seconds)
        with pytest.raises(DependencyUnavailable):
            await certificates.identity(id_token(key="two"), AUDIENCES)
        assert await certificates.identity(id_token(), AUDIENCES) == HANAKO
    assert google.call_count == 3
    move_clock(monkeypatch, seconds=125)
    assert await certificates.identity(id_token(key="two"), AUDIENCES) == HANAKO
