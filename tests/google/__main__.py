"""`python -m tests.google --port 8765`: the stand-in as a process of its own."""

import argparse

import uvicorn

from tests.google.standin import create_google
from tests.google.world import World


def main() -> None:
    """Serves on 127.0.0.1 until it is told to stop."""
    parser = argparse.ArgumentParser(prog="tests.google", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--redirect-uri", action="append", help="allowed; any without it")
    given = parser.parse_args()
    allowed = frozenset(given.redirect_uri) if given.redirect_uri else None
    world = World(redirect_uris=allowed)
    world.faults.in_process = False
    uvicorn.run(create_google(world=world), host="127.0.0.1", port=given.port, log_level="warning")


if __name__ == "__main__":
    main()
