"""What an operator has to know of the epochs: how old, how much they wrap, what waits for them."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from vitalkeep.base import clock
from vitalkeep.base.keys import Keyring, KeyringError
from vitalkeep.erasure.models import Erasure
from vitalkeep.persons.models import Epoch, PersonKeyRow


@dataclass(frozen=True, slots=True)
class Status:
    """Numbers of persons and erasures are by epoch; ages are in hours.

    `lost_epochs` wrap living persons' keys and are not in the keyring. `ages` begin when an epoch
    was registered. `waiting` counts erasures that are not shredded yet, `waiting_hours` is the
    oldest one's time. `backup` is absent before the first rotation.
    """

    keyring: str
    epoch: int
    epochs: dict[str, int]
    ages: dict[str, float]
    lost_epochs: dict[str, int]
    retired: list[int]
    waiting: dict[str, int]
    waiting_hours: float
    backup: dict[str, object]
    token_keys: list[str]
    certificate_keys: list[str]


async def describe(connection: AsyncConnection, keyring: Keyring) -> Status:
    """The state of the epochs. `retired` have a master key that should go and did not yet."""
    wrapped = await count_by_epoch(connection)
    epochs = (await connection.execute(select(Epoch).order_by(Epoch.epoch))).all()
    waits = select(Erasure.epoch, func.count(), func.min(Erasure.erased_at))
    waits = waits.where(Erasure.stage == "erased").group_by(Erasure.epoch).order_by(Erasure.epoch)
    waiting = (await connection.execute(waits)).all()
    present = keyring.epochs()
    return Status(
        keyring=keyring.name,
        epoch=keyring.epoch,
        epochs={str(epoch): wrapped.get(epoch, 0) for epoch in present},
        ages={str(row.epoch): hours_since(row.made_at) for row in epochs if row.epoch in present},
        lost_epochs={str(epoch): wrapped[epoch] for epoch in wrapped if epoch not in present},
        retired=[r.epoch for r in epochs if r.wraps is None and r.destroyed_at is None],
        waiting={str(row[0]): row[1] for row in waiting},
        waiting_hours=max((hours_since(row[2]) for row in waiting if row[2]), default=0.0),
        backup=describe_backup(keyring),
        token_keys=[key.kid for key in keyring.token_keys],
        certificate_keys=[key.kid for key in keyring.certificate_keys],
    )


async def count_by_epoch(connection: AsyncConnection) -> dict[int, int]:
    """How many persons' keys each epoch wraps."""
    query = select(PersonKeyRow.epoch, func.count()).group_by(PersonKeyRow.epoch)
    rows = await connection.execute(query.order_by(PersonKeyRow.epoch))
    return {row[0]: row[1] for row in rows}


def describe_backup(keyring: Keyring) -> dict[str, object]:
    """The newest backup of the key table; empty if there is none, or what is wrong with it."""
    try:
        backup = keyring.find_backup()
    except KeyringError as error:
        return {"error": str(error)}
    if backup is None:
        return {}
    age = hours_since(backup.written_at)
    return {"epoch": backup.epoch, "persons": backup.persons, "hours": age}


def hours_since(moment: datetime) -> float:
    """Hours from a moment to now."""
    return round((clock.now() - moment).total_seconds() / 3600, 2)
