"""`make chaos`: kills, looks, prints the table; exit 1 with the evidence of a broken promise."""

import argparse
import asyncio
import secrets
import shutil
import socket
import sys
import tempfile
from functools import partial
from pathlib import Path

from rich.console import Console

from chaos.batches import PromiseBroken
from chaos.story import tell, to_table


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("--rounds", type=int, default=50, help="kills of each target")
    parser.add_argument("--seed", type=int, default=None, help="of batches and of kill moments")
    given = parser.parse_args()
    seed = secrets.randbelow(10**6) if given.seed is None else given.seed
    console = Console(highlight=False)
    say = partial(console.print, soft_wrap=True)
    console.print(
        f"seed {seed}: `python -m chaos --rounds {given.rounds} --seed {seed}` repeats it"
    )
    scratch = Path(tempfile.mkdtemp(prefix="vitalkeep-chaos-"))
    try:
        tallies = asyncio.run(tell(scratch, free_port(), given.rounds, seed, say))
    except PromiseBroken as broken:
        console.print(f"BROKEN PROMISE: {broken}", style="red", markup=False)
        say(f"database and server log are kept in {scratch}")
        return 1
    shutil.rmtree(scratch)
    console.print(to_table(tallies))
    return 0


def free_port() -> int:
    """A port of the loopback address that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    sys.exit(main())
