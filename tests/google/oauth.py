"""The authorization server: consent screen, tokens, revocation, certificates."""

import base64
import hashlib
from datetime import timedelta
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from cryptography.hazmat.primitives.asymmetric import rsa
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, RedirectResponse

from tests.google.accounts import CODE_LIFE, Code, User, bad_grant
from tests.google.catalog import FIT_SCOPES, GOOGLEHEALTH, HEALTH_SCOPES, IDENTITY_SCOPES
from tests.google.refusals import Refused
from tests.google.world import Here, World
from tests.persons.fake_google import KEY, certificates, id_token

PROFILE: Final = f"{GOOGLEHEALTH}profile.readonly"
KNOWN_SCOPES: Final = {*FIT_SCOPES, *HEALTH_SCOPES, *IDENTITY_SCOPES.values(), PROFILE}
ASKED: Final = {
    "response_type": "code",
    "access_type": "offline",
    "prompt": "consent",
    "include_granted_scopes": "true",
    "code_challenge_method": "S256",
}
CERTIFICATE_ID: Final = "one"


router = APIRouter()


@router.get("/o/oauth2/v2/auth")
async def authorize(request: Request, world: Here) -> RedirectResponse:
    """The consent screen and the user's answer in one."""
    asked = dict(request.query_params)
    check_request(world, asked)
    user = user_of(world, asked)
    scopes, target = requested_scopes(asked), {"state": asked["state"]}
    agreed = agreed_scopes(user, scopes)
    if not agreed:
        return back(asked["redirect_uri"], {"error": "access_denied", **target})
    user.granted |= set(agreed)
    whole = tuple(dict.fromkeys((*agreed, *sorted(user.granted))))
    code = Code(
        user, whole, asked["redirect_uri"], asked["code_challenge"], asked.get("nonce"),
        world.clock() + CODE_LIFE,
    )  # fmt: skip
    given = {**target, "code": world.tokens.add_code(code), "scope": " ".join(whole)}
    return back(asked["redirect_uri"], {**given, "authuser": "0", "prompt": "consent"})


@router.post("/token")
async def token(request: Request, world: Here) -> JSONResponse:
    """Codes and refresh tokens become access tokens."""
    form = dict(parse_qsl((await request.body()).decode()))
    check_client(world, form, request.headers.get("authorization"))
    grant = form.get("grant_type")
    if grant == "authorization_code":
        body = exchange_code(world, form)
    elif grant == "refresh_token":
        body = exchange_refresh(world, form)
    else:
        raise Refused(400, "unsupported_grant_type", f"Invalid grant_type: {grant or ''}")
    return JSONResponse(body, headers={"Cache-Control": "no-store"})


@router.post("/revoke")
async def revoke(request: Request, world: Here) -> JSONResponse:
    """Everything of the token's user goes, whichever scope the token had."""
    form = dict(parse_qsl((await request.body()).decode()))
    name = form.get("token") or request.query_params.get("token", "")
    user = world.tokens.owner(name)
    if user is None:
        raise Refused(400, "invalid_token", "Token expired or revoked")
    world.tokens.revoke(user)
    return JSONResponse({})


@router.get("/oauth2/v1/certs")
async def x509_certificates() -> JSONResponse:
    """Certificates by key id."""
    return JSONResponse(certificates().json(), headers={"Cache-Control": "max-age=3600"})


@router.get("/oauth2/v3/certs")
async def jwks() -> JSONResponse:
    """The same keys as a JWK set."""
    return JSONResponse(to_jwks(KEY.public_key()), headers={"Cache-Control": "max-age=3600"})


def check_request(world: World, asked: dict[str, str]) -> None:
    """Whether the client asks as a client should. Raises Refused: a page, never a redirect."""
    if asked.get("client_id") != world.client_id:
        raise Refused(401, "invalid_client", "The OAuth client was not found.")
    uri, known = asked.get("redirect_uri", ""), world.redirect_uris
    if not urlsplit(uri).netloc or (known is not None and uri not in known):
        raise Refused(400, "redirect_uri_mismatch", "The redirect URI is not registered.")
    wrong = [name for name, value in ASKED.items() if asked.get(name) != value]
    wrong += [name for name in ("state", "code_challenge", "scope") if not asked.get(name)]
    if wrong:
        raise Refused(400, "invalid_request", f"Missing or wrong: {', '.join(wrong)}")
    unknown = [each for each in requested_scopes(asked) if each not in KNOWN_SCOPES]
    if unknown:
        raise Refused(400, "invalid_scope", f"Some requested scopes were invalid: {unknown}")


def requested_scopes(asked: dict[str, str]) -> tuple[str, ...]:
    """The scopes under their long names."""
    return tuple(dict.fromkeys(IDENTITY_SCOPES.get(s, s) for s in asked["scope"].split()))


def user_of(world: World, asked: dict[str, str]) -> User:
    """Who answers: whom the hint names, else who is signed in."""
    hint = asked.get("login_hint")
    named = (user for user in world.users.values() if hint in (user.email, user.sub))
    return next(named, world.signed_in)


def agreed_scopes(user: User, scopes: tuple[str, ...]) -> tuple[str, ...]:
    """What the user ticks. Who is asked for an identity too can tick nothing else."""
    if user.agrees == "none":
        return ()
    identity = set(IDENTITY_SCOPES.values())
    wanted = set(scopes) if user.agrees == "all" else set(user.agrees) | identity
    return tuple(scope for scope in scopes if scope in wanted)


def back(uri: str, parameters: dict[str, str]) -> RedirectResponse:
    """Back to the client, with more parameters behind those it has."""
    joint = "&" if urlsplit(uri).query else "?"
    return RedirectResponse(f"{uri}{joint}{urlencode(parameters)}", 302)


def check_client(world: World, form: dict[str, str], header: str | None) -> None:
    """Id and secret, in the form or in Basic. Raises Refused."""
    given = form.get("client_id"), form.get("client_secret")
    scheme, _, encoded = (header or "").partition(" ")
    if scheme.lower() == "basic":
        name, _, secret = base64.b64decode(encoded).decode().partition(":")
        given = name, secret
    if given != (world.client_id, world.client_secret):
        raise Refused(401, "invalid_client", "The OAuth client was not found.")


def exchange_code(world: World, form: dict[str, str]) -> dict[str, Any]:
    """The token response for a code, which is spent even if the rest is wrong. Raises Refused."""
    code = world.tokens.take_code(form.get("code", ""))
    if form.get("redirect_uri") != code.redirect_uri:
        raise Refused(400, "redirect_uri_mismatch", "Bad Request")
    digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
    if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != code.challenge:
        raise bad_grant("Invalid code verifier.")
    answer = granted(world, code.user, code.scopes, code.nonce)
    answer["refresh_token"] = world.tokens.add_refresh(code.user, code.scopes)
    return with_refresh_life(world, answer)


def exchange_refresh(world: World, form: dict[str, str]) -> dict[str, Any]:
    """The token response for a refresh token, which stays good. Raises Refused."""
    found = world.tokens.use_refresh(form.get("refresh_token", ""))
    return with_refresh_life(world, granted(world, found.user, found.scopes, None))


def with_refresh_life(world: World, answer: dict[str, Any]) -> dict[str, Any]:
    """Says how long the refresh token lives, where that is limited."""
    life = world.tokens.refresh_life
    limit = {"refresh_token_expires_in": life // timedelta(seconds=1)} if life else {}
    return answer | limit


def granted(world: World, user: User, scopes: tuple[str, ...], nonce: str | None) -> dict[str, Any]:
    """A new access token, and an ID token if the scopes hold `openid`."""
    answer = {
        "access_token": world.tokens.add_access(user, scopes),
        "expires_in": world.tokens.access_life // timedelta(seconds=1),
        "scope": " ".join(scopes),
        "token_type": "Bearer",
    }
    if "openid" in scopes:
        issued = int(world.clock().timestamp())
        claims: dict[str, object] = {"azp": world.client_id, "iat": issued, "exp": issued + 3600}
        if IDENTITY_SCOPES["email"] in scopes:
            claims |= {"email": user.email, "email_verified": True}
        claims |= {"nonce": nonce} if nonce else {}
        answer["id_token"] = id_token(world.client_id, user.sub, claims=claims)
    return answer


def to_jwks(key: rsa.RSAPublicKey) -> dict[str, Any]:
    """A set of one key."""
    numbers = key.public_numbers()
    parts = {
        name: base64.urlsafe_b64encode(number.to_bytes((number.bit_length() + 7) // 8, "big"))
        for name, number in (("n", numbers.n), ("e", numbers.e))
    }
    texts = {name: part.rstrip(b"=").decode() for name, part in parts.items()}
    return {"keys": [{"kty": "RSA", "alg": "RS256", "use": "sig", "kid": CERTIFICATE_ID, **texts}]}
