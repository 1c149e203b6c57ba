"""The table of the order in which a person wants their sources to count."""

from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from vitalkeep.base.db import Table, holds, person_column


class SourcePriority(Table):
    """The order that a person chose; without a row the default one holds."""

    __tablename__ = "source_priorities"

    person_id: Mapped[UUID] = person_column(primary_key=True)
    sealed: Mapped[bytes] = mapped_column(
        info=holds("sealed", "apps and kinds of device, the one that counts first in front")
    )
