"""Takes one erasure to its end, killed by itself at the step whose name is the first argument.

Run as a program: what is durable by then is what a `kill -9` leaves. The second argument is the
erasure's id.
"""

import asyncio
import os
import signal
import sys
from uuid import UUID

from vitalkeep.base.db import create_engine
from vitalkeep.base.keyrings import open_keyring
from vitalkeep.cli.database import read_settings
from vitalkeep.erasure.journal import finish


def die_at(last: str, step: str) -> None:
    """Ends the process as `kill -9` does, at the last step."""
    if step == last:
        os.kill(os.getpid(), signal.SIGKILL)


async def work(last: str, erasure_id: UUID) -> None:
    """Finishes the erasure with the operator's settings."""
    settings = read_settings()
    settings = settings.with_database(settings.database_url or "")
    engine, keyring = create_engine(settings), open_keyring(settings)
    await finish(engine, keyring, settings, erasure_id, lambda step: die_at(last, step))


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1], UUID(sys.argv[2])))
