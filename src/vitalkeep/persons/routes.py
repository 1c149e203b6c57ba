"""Routes of callers: tokens, keys, discovery, and the person's own account."""

from datetime import datetime
from typing import Annotated
from urllib.parse import parse_qsl
from zoneinfo import available_timezones

from fastapi import APIRouter, Depends, Request, Response
from pydantic import AfterValidator, BaseModel, Field
from sqlalchemy import select, update

from vitalkeep.base.bodies import RequestBody
from vitalkeep.base.db import Connection, request_transaction
from vitalkeep.base.errors import (
    DependencyUnavailable,
    Forbidden,
    InvalidClient,
    InvalidGrant,
    InvalidRequest,
    InvalidTokenRequest,
    Problem,
    Unauthenticated,
    problems,
)
from vitalkeep.base.limits import read_body
from vitalkeep.base.outcomes import REPEATABLE
from vitalkeep.base.wire import problem_response
from vitalkeep.persons import oauth, refresh
from vitalkeep.persons.access import SignedInPerson
from vitalkeep.persons.clients import require_client
from vitalkeep.persons.gate import take_gate
from vitalkeep.persons.models import Person
from vitalkeep.persons.tokens import verify

router = APIRouter()
FORM_LIMIT = 64 * 1024
ZONES = available_timezones()
# Source of the form and of the 35 characters it gets: RFC 5646 sections 2.1 and 4.4.1.
LOCALE = "^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$"


class TokenResponse(BaseModel):
    """Tokens and how long the access token is good, in seconds."""

    access_token: str
    token_type: str
    expires_in: int
    scope: str
    refresh_token: str | None = None
    issued_token_type: str | None = None


def known_zone(name: str) -> str:
    """The name, if the time zone database has it. Raises ValueError."""
    if name not in ZONES:
        raise ValueError("not an IANA time zone")
    return name


class Account(BaseModel):
    """The person's account."""

    time_zone: str = Field(examples=["Asia/Tokyo"], description="IANA zone")
    locale: str = Field(examples=["ja"], description="BCP 47 language tag")
    created_at: datetime


class AccountChange(RequestBody):
    """What the person can change; absent members stay as they are."""

    time_zone: Annotated[str, AfterValidator(known_zone)] | None = None
    locale: Annotated[str, Field(pattern=LOCALE, max_length=35)] | None = None


def form_body(*fields: str) -> dict[str, object]:
    """The OpenAPI request body of a route that reads an urlencoded form itself."""
    schema = {
        "type": "object",
        "required": [fields[0]],
        "properties": {field: {"type": "string"} for field in fields},
    }
    content = {"application/x-www-form-urlencoded": {"schema": schema}}
    return {"requestBody": {"required": True, "content": content}, "security": [{"client": []}, {}]}


async def read_form(request: Request) -> dict[str, str]:
    """The urlencoded form; before the connection among a route's parameters, so that a slow
    sender holds none. Raises InvalidTokenRequest when a field is given twice or not text.
    """
    body = await read_body(request, FORM_LIMIT)
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=20)
    except (UnicodeDecodeError, ValueError):
        raise InvalidTokenRequest("The form can't be read.", error="invalid_request") from None
    form = dict(pairs)
    if len(form) != len(pairs):
        raise InvalidTokenRequest("A field is given twice.", error="invalid_request")
    return form


TokenForm = Annotated[dict[str, str], Depends(read_form)]


@router.post(
    "/oauth/token",
    tags=["oauth"],
    response_model=TokenResponse,
    response_model_exclude_none=True,
    responses=problems(InvalidTokenRequest, InvalidClient, InvalidGrant, DependencyUnavailable),
    openapi_extra=form_body(
        "grant_type",
        "subject_token_type",
        "subject_token",
        "audience",
        "refresh_token",
        "client_id",
    ),
)
async def create_token(request: Request, form: TokenForm) -> TokenResponse | Response:
    """Exchange a credential for an access token.

    The client authenticates with HTTP Basic; an app on a phone gives `client_id` in the form.
    """
    endpoint: oauth.TokenEndpoint = request.app.state.token_endpoint
    async with request_transaction(request) as connection:
        client = await require_client(
            connection, request.headers.get("authorization"), form.get("client_id")
        )
    # Google may be slow: no connection is held while it is asked.
    identity = await endpoint.identify(client, form)
    async with request_transaction(request) as connection:
        answer = await endpoint.grant(connection, client, form, identity)
    if isinstance(answer, Problem):
        return problem_response(request, answer)
    return TokenResponse.model_validate(answer)


@router.post(
    "/oauth/revoke",
    tags=["oauth"],
    status_code=200,
    responses=problems(InvalidTokenRequest, InvalidClient),
    openapi_extra={**form_body("token", "token_type_hint", "client_id"), **REPEATABLE},
)
async def revoke_token(request: Request, form: TokenForm, connection: Connection) -> Response:
    """Sign out (RFC 7009): a refresh token ends its family; either kind refuses the access tokens
    that its subject holds. An unknown token is answered the same.
    """
    client = await require_client(
        connection, request.headers.get("authorization"), form.get("client_id")
    )
    token = oauth.required(form, "token")
    if not await refresh.revoke(connection, token, client.client_id):
        try:
            claims = verify(request.app.state.keyring, request.app.state.settings, token)
        except Unauthenticated:
            return Response(status_code=200)
        if claims.client_id == client.client_id:
            await refresh.sign_out(connection, claims.role, claims.subject)
    return Response(status_code=200)


@router.get("/.well-known/jwks.json", tags=["oauth"])
async def get_jwks(request: Request) -> dict[str, list[dict[str, str]]]:
    """The public keys: ES256 for access tokens, EdDSA for certificates of erasure (RFC 7517)."""
    keyring = request.app.state.keyring
    return {"keys": [key.public_jwk() for key in (*keyring.token_keys, *keyring.certificate_keys)]}


@router.get("/.well-known/oauth-authorization-server", tags=["oauth"])
async def get_authorization_server(request: Request) -> dict[str, str | list[str]]:
    """Where the endpoints are and what they take (RFC 8414)."""
    base = request.app.state.settings.public_url.rstrip("/")
    return {
        "issuer": base,
        "token_endpoint": f"{base}/oauth/token",
        "revocation_endpoint": f"{base}/oauth/revoke",
        "jwks_uri": f"{base}/.well-known/jwks.json",
        "grant_types_supported": ["client_credentials", "refresh_token", oauth.TOKEN_EXCHANGE],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "none"],
        "revocation_endpoint_auth_methods_supported": ["client_secret_basic", "none"],
        "response_types_supported": [],
        "scopes_supported": ["app", "person", "staff"],
        "service_documentation": f"{base}/docs",
    }


@router.get("/v1/me", tags=["account"], responses=problems(Unauthenticated, Forbidden))
async def get_me(person: SignedInPerson, connection: Connection) -> Account:
    """The signed-in person's account."""
    query = select(Person.time_zone, Person.locale, Person.created_at)
    row = (await connection.execute(query.where(Person.person_id == person.person_id))).first()
    if row is None:
        raise Unauthenticated("This account has been deleted.")
    return Account(time_zone=row.time_zone, locale=row.locale, created_at=row.created_at)


@router.patch(
    "/v1/me",
    tags=["account"],
    responses=problems(Unauthenticated, Forbidden, InvalidRequest),
    openapi_extra=REPEATABLE,
)
async def update_me(
    person: SignedInPerson, connection: Connection, change: AccountChange
) -> Account:
    """Change the time zone or the language."""
    values = change.model_dump(exclude_none=True)
    if values:
        await take_gate(connection, person.person_id)
        mine = update(Person).where(Person.person_id == person.person_id)
        await connection.execute(mine.values(**values))
    return await get_me(person, connection)
