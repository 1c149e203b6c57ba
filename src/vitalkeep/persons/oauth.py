"""The grants of the token endpoint (RFC 6749, RFC 8693), each as one function.

A refusal that has to leave a trace (a refresh token used twice) is returned, not raised, so that
its transaction commits.
"""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base.errors import InvalidClient, InvalidGrant, InvalidTokenRequest, Problem
from vitalkeep.base.keys import Keyring
from vitalkeep.base.settings import Settings
from vitalkeep.persons import refresh
from vitalkeep.persons.clients import ClientCaller
from vitalkeep.persons.google import GoogleCertificates, GoogleIdentity
from vitalkeep.persons.organizations import find_staff
from vitalkeep.persons.sign_in import sign_in
from vitalkeep.persons.tokens import LIFETIME_S, AccessClaims, issue

TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105
APP_USER = "urn:vitalkeep:params:oauth:token-type:app-user"
ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"  # noqa: S105
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105
MAX_EXTERNAL_ID = 256


class TokenEndpoint:
    """What the grants need besides the request: keys, settings, Google's certificates."""

    def __init__(
        self, keyring: Keyring, settings: Settings, certificates: GoogleCertificates
    ) -> None:
        self.keyring = keyring
        self.settings = settings
        self.certificates = certificates

    async def identify(
        self, client: ClientCaller, form: Mapping[str, str]
    ) -> GoogleIdentity | None:
        """Whom Google says the subject token is of; None for every other grant.

        Raises InvalidGrant for a bad token, DependencyUnavailable when Google can't be asked.
        """
        if (form.get("grant_type"), form.get("subject_token_type")) != (TOKEN_EXCHANGE, ID_TOKEN):
            return None
        id_token = required(form, "subject_token")
        return await self.certificates.identity(id_token, client.google_client_ids)

    async def grant(
        self,
        connection: AsyncConnection,
        client: ClientCaller,
        form: Mapping[str, str],
        identity: GoogleIdentity | None,
    ) -> dict[str, object] | Problem:
        """The answer of POST /oauth/token. Raises InvalidTokenRequest, InvalidGrant and others."""
        match required(form, "grant_type"):
            case "client_credentials":
                require_secret(client)
                return self.answer(AccessClaims(client.client_id, client.client_id, "app", 0))
            case "refresh_token":
                return await self.renew(connection, client, required(form, "refresh_token"))
            case "urn:ietf:params:oauth:grant-type:token-exchange":
                return await self.exchange(connection, client, form, identity)
        raise InvalidTokenRequest(
            f"grant_type has to be client_credentials, refresh_token or {TOKEN_EXCHANGE}.",
            error="unsupported_grant_type",
        )

    async def exchange(
        self,
        connection: AsyncConnection,
        client: ClientCaller,
        form: Mapping[str, str],
        identity: GoogleIdentity | None,
    ) -> dict[str, object]:
        """An app's user id, or a Google ID token, for tokens of a person or a staff member."""
        if identity is not None:
            claims = await self.google(connection, client, form, identity)
        elif form.get("subject_token_type") == APP_USER:
            require_secret(client)
            user = required(form, "subject_token")
            if len(user) > MAX_EXTERNAL_ID:
                detail = "subject_token is longer than 256 characters."
                raise InvalidTokenRequest(detail, error="invalid_request")
            claims = await self.person(connection, client, str(client.client_id), user)
        else:
            raise InvalidTokenRequest(
                f"subject_token_type has to be {APP_USER} or {ID_TOKEN}.", error="invalid_request"
            )
        token = await refresh.start_family(
            connection, claims, public=client.public, days=self.settings.refresh_days
        )
        return {**self.answer(claims, token), "issued_token_type": ACCESS_TOKEN}

    async def google(
        self,
        connection: AsyncConnection,
        client: ClientCaller,
        form: Mapping[str, str],
        identity: GoogleIdentity,
    ) -> AccessClaims:
        """Claims for the person whom Google named, or with `audience=staff` the staff member."""
        if form.get("audience") != "staff":
            return await self.person(connection, client, identity.issuer, identity.subject)
        staff = None
        if identity.email is not None:
            staff = await find_staff(connection, self.keyring, identity.email)
        if staff is None:
            raise InvalidGrant("No active staff member has this verified e-mail address.")
        return AccessClaims(staff[0], client.client_id, "staff", staff[1])

    async def person(
        self, connection: AsyncConnection, client: ClientCaller, issuer: str, subject: str
    ) -> AccessClaims:
        """Claims for the person whom `issuer` calls `subject`; creates them on first use."""
        found: tuple[UUID, int] = await sign_in(
            connection, self.keyring, self.settings, issuer, subject
        )
        return AccessClaims(found[0], client.client_id, "person", found[1])

    async def renew(
        self, connection: AsyncConnection, client: ClientCaller, token: str
    ) -> dict[str, object] | Problem:
        """New tokens for a refresh token, or the refusal."""
        renewal = await refresh.renew(
            connection,
            token,
            client_id=client.client_id,
            public=client.public,
            days=self.settings.refresh_days,
        )
        if renewal is None:
            return InvalidGrant("The refresh token is not valid any more: sign in again.")
        return self.answer(renewal.claims, renewal.refresh_token)

    def answer(self, claims: AccessClaims, refresh_token: str | None = None) -> dict[str, object]:
        """The token response (RFC 6749 section 5.1); `scope` is the role."""
        body: dict[str, object] = {
            "access_token": issue(self.keyring, self.settings, claims),
            "token_type": "Bearer",
            "expires_in": LIFETIME_S,
            "scope": claims.role,
        }
        if refresh_token is not None:
            body["refresh_token"] = refresh_token
        return body


def required(form: Mapping[str, str], name: str) -> str:
    """A form field that has to be there. Raises InvalidTokenRequest."""
    value = form.get(name, "")
    if not value:
        raise InvalidTokenRequest(f"The field {name} is missing.", error="invalid_request")
    return value


def require_secret(client: ClientCaller) -> None:
    """Raises InvalidClient for a client that gave no secret."""
    if client.public:
        raise InvalidClient("This grant needs the client's secret, with HTTP Basic.")
