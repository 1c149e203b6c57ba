"""Settings from `VITALKEEP_…` variables; the only place that reads the environment.

They are passed to `create_app`, never read at import.
"""

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import parse_qs, urlsplit

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

GOOGLE_CERTS = "https://www.googleapis.com/oauth2/v1/certs"
UNDECLARED = "not declared"
KEY_SERVICE = "gcpkms://"


def _address_or_path(value: object) -> object:
    address = isinstance(value, str) and value.startswith(KEY_SERVICE)
    return value if address or value is None else Path(str(value))


class Settings(BaseSettings):
    """What an operator can set. Every value has a default that is safe for development."""

    model_config = SettingsConfigDict(env_prefix="VITALKEEP_", frozen=True, extra="ignore")

    database_url: str | None = Field(
        default=None,
        repr=False,
        description="postgresql:// URL; without it the embedded PostgreSQL starts",
    )
    database_role: str = Field(
        default="vitalkeep_app",
        pattern=r"^([a-z_][a-z0-9_]{0,62})?$",
        description="role that requests run under; empty: as who logs in",
    )
    data: Path = Field(
        default=Path(".vitalkeep"), description="directory of the embedded database and keyring"
    )
    keyring: Annotated[str | Path | None, BeforeValidator(_address_or_path)] = Field(
        default=None,
        description="directory of the keys; default: `keyring` in the data directory. Or "
        "gcpkms://projects/…/cryptoKeys/…?directory=…",
    )
    pg_bindir: Path | None = Field(
        default=None, description="PostgreSQL binaries to use for the embedded database"
    )
    public_url: str = Field(
        default="http://127.0.0.1:8000", description="issuer of tokens, base of published links"
    )
    audience: str = Field(default="vitalkeep", description="audience of access tokens")
    development: bool = Field(
        default=False, description="allow `vitalkeep token` on a database that is not embedded"
    )
    pool_size: int = Field(default=6, ge=1, description="database connections a process holds")
    max_requests: int = Field(
        default=100, ge=1, description="requests a process works on at once; more get 503"
    )
    tombstone_days: int = Field(
        default=90, ge=1, description="how long deletions by a phone's own store can be read of"
    )
    record_periods: dict[str, int] = Field(
        default={},
        description="JSON: days that records are kept, by `<type>/<purpose>`, each a name or *",
    )
    rotate_hours: int = Field(
        default=24, ge=0, description="how old the newest master key gets; 0: only by hand"
    )
    backup_days: int = Field(
        default=35, ge=0, description="how long backups are kept; leavers' sealed ids as long"
    )
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    allow_private_notices: bool = Field(
        default=False, description="development: notices may go to private addresses and over http"
    )
    refresh_days: int = Field(default=90, ge=1, description="life of an unused refresh token")
    google_client_id: str | None = Field(
        default=None, description="OAuth client of the Google Cloud project, for connections"
    )
    google_client_secret: SecretStr | None = Field(default=None, description="its secret")
    google_authorize_url: str = "https://accounts.google.com/o/oauth2/v2/auth"
    google_token_url: str = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
    google_revoke_url: str = "https://oauth2.googleapis.com/revoke"
    google_certs_url: str = GOOGLE_CERTS
    google_fit_url: str = "https://www.googleapis.com/fitness/v1/users/me"
    google_health_url: str = "https://health.googleapis.com"
    google_health_keyset_url: str = (
        "https://www.gstatic.com/googlehealthapi/webhooks/webhooks_public_keyset.json"
    )
    google_health_webhook_secret: SecretStr | None = Field(
        default=None,
        description="what Google Health sends in Authorization with its notifications",
    )
    google_pull_minutes: int = Field(
        default=60, ge=1, description="how often a connection is pulled from"
    )
    google_first_days: int = Field(
        default=30, ge=1, le=3650, description="how far back the first pull of a type goes"
    )
    default_time_zone: str = Field(default="Asia/Tokyo", description="IANA zone of new persons")
    default_locale: str = Field(default="ja", description="language of new persons")
    controller_name: str = Field(default=UNDECLARED, description="who runs this, on receipts")
    controller_address: str = Field(default=UNDECLARED, description="its address, on receipts")
    controller_contact: str = Field(default=UNDECLARED, description="how to reach it, on receipts")
    storage_location: str = Field(default=UNDECLARED, description="where data lies, on receipts")
    jurisdiction: str = Field(default="JP", description="whose law applies, on receipts")

    @property
    def keyring_dir(self) -> Path:
        """Where the keys lie that are in no key service: `keyring`, or inside the data directory.

        Raises ValueError if the address of a key service names no directory.
        """
        if isinstance(self.keyring, str):
            (directory,) = parse_qs(urlsplit(self.keyring).query).get("directory", [""])
            if not directory:
                raise ValueError("VITALKEEP_KEYRING: end it with ?directory=… for the other keys")
            return Path(directory)
        return self.keyring if self.keyring is not None else self.data / "keyring"

    def with_database(self, url: str) -> "Settings":
        """A copy that uses this database; the scheme is turned into asyncpg's."""
        for scheme in ("postgres://", "postgresql://"):
            if url.startswith(scheme):
                url = "postgresql+asyncpg://" + url.removeprefix(scheme)
        return self.model_copy(update={"database_url": url})
