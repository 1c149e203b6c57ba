"""`vitalkeep keys rotate`, killed by itself at the step whose number is the first argument.

Run as a program: what is durable by then is what a `kill -9` leaves.
"""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

from vitalkeep.cli import keyring, main
from vitalkeep.erasure import epochs, key_backup
from vitalkeep.erasure.epochs import Told


@contextmanager
def die_at_the_step() -> Iterator[Told]:
    """In place of the progress bar."""
    steps = count(1)

    def told(_step: str, _done: int, _total: int) -> None:
        if next(steps) == LAST:
            os.kill(os.getpid(), signal.SIGKILL)

    yield told


if __name__ == "__main__":
    LAST = int(sys.argv.pop(1))
    for module in (epochs, key_backup):
        vars(module)["BATCH"] = 2
    keyring.show_steps = die_at_the_step
    main.main()
