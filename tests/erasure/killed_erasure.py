"""`vitalkeep worker --once`, killed by itself at a step of one erasure.

The first argument is the step's name, the second the erasure's id. Run as a program: what is
durable by then is what a `kill -9` leaves.
"""

import os
import signal
import sys
from functools import partial
from typing import Any
from uuid import UUID

from vitalkeep.cli.main import main
from vitalkeep.erasure import journal

FINISH = journal.finish


async def finish(
    last: str, doomed: UUID, engine: Any, keyring: Any, settings: Any, erasure_id: UUID
) -> Any:
    """Finishes an erasure as ever; the doomed one ends the process at that step."""

    def die(step: str) -> None:
        if step == last and erasure_id == doomed:
            os.kill(os.getpid(), signal.SIGKILL)

    return await FINISH(engine, keyring, settings, erasure_id, die)


if __name__ == "__main__":
    vars(journal)["finish"] = partial(finish, sys.argv[1], UUID(sys.argv[2]))
    sys.argv[1:] = ["worker", "--once"]
    main()
