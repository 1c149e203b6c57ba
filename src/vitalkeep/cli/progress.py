"""The progress bar of bulk commands, on standard error and only on a terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from vitalkeep.cli.output import errors


@contextmanager
def show_progress(
    what: str, noun: str = "records"
) -> Iterator[Callable[[float, float | None, int], None]]:
    """A bar; call what comes back with how much is done, of how much, and how many things."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn(f"{{task.fields[records]:,}} {noun}, {{task.fields[rate]:,.0f}}/s"),
        TimeRemainingColumn(),
    )
    begun = monotonic()
    with Progress(*columns, console=errors, disable=not errors.is_terminal) as bar:
        task = bar.add_task(what, total=None, records=0, rate=0.0)

        def advance(done: float, total: float | None, records: int) -> None:
            rate = records / max(monotonic() - begun, 0.001)
            bar.update(task, completed=done, total=total, records=records, rate=rate)

        yield advance
