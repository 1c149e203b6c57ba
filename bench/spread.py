"""Connections spread evenly over the server's processes, as a balancer in front spreads them.

Which process accepts a connection is chance, and with four of them chance decides the rate.
"""

import asyncio
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path

from bench.world import PORT, Pusher, Wire, children_of


async def renew_evenly(pushers: Sequence[Pusher], server_pid: int) -> None:
    """Gives every pusher a new connection, so that no process has two more than another.

    More are opened at once than needed, since a process that has nothing to do takes all that come
    one by one.
    """
    processes = [pid for pid in children_of(server_pid) if is_worker(pid)] or [server_pid]
    share = -(-len(pushers) // len(processes))
    held: dict[int, list[Wire]] = {process: [] for process in processes}
    for _ in range(300):
        for wire in await asyncio.gather(*(open_wire() for _ in range(4 * len(pushers)))):
            mine = held[owner(wire.local_port, processes)]
            if len(mine) < share:
                mine.append(wire)
            else:
                wire.writer.close()
        evenly = [wire for turn in zip_longest(*held.values()) for wire in turn if wire]
        if len(evenly) >= len(pushers):
            for pusher, wire in zip(pushers, evenly, strict=False):
                pusher.wire.writer.close()
                pusher.wire = wire
            return
        await asyncio.sleep(0.1)  # a process may still be starting
    counts = {process: len(mine) for process, mine in held.items()}
    raise RuntimeError(f"the connections would not spread: {counts}")


async def open_wire() -> Wire:
    """A connection that a process has accepted."""
    wire = await Wire.open()
    await wire.request("GET", "/healthz", "")
    return wire


def is_worker(pid: int) -> bool:
    """Whether it serves; the supervisor also has a process that keeps track of semaphores."""
    return b"resource_tracker" not in Path(f"/proc/{pid}/cmdline").read_bytes()


def owner(port: int, processes: Sequence[int]) -> int:
    """The process that accepted the connection which comes from a local port."""
    inode = next(
        fields[9]
        for fields in (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
        if fields[1].endswith(f":{PORT:04X}") and fields[2].endswith(f":{port:04X}")
    )
    for process in processes:
        for descriptor in Path(f"/proc/{process}/fd").iterdir():
            if str(descriptor.readlink()) == f"socket:[{inode}]":
                return process
    raise RuntimeError("no process holds the connection")
