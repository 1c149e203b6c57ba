"""Connections spread evenly over the server's processes, as a balancer in front spreads them.

Which process accepts a connection is chance, and with four of them chance decides the rate.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from bench.world import PORT, Pusher, children_of


async def renew_evenly(pushers: Sequence[Pusher], server_pid: int) -> None:
    """Connects every pusher anew until no process has two connections more than another."""
    processes = [pid for pid in children_of(server_pid) if is_worker(pid)] or [server_pid]
    for _ in range(100):
        held = Counter(dict.fromkeys(processes, 0))
        for pusher in pushers:
            await pusher.wire.renew()
            await pusher.wire.request("GET", "/healthz", "")
            held[owner(pusher.wire.local_port, processes)] += 1
        if max(held.values()) - min(held.values()) <= 1:
            return
    raise RuntimeError("the connections would not spread")


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
