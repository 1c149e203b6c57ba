"""The retention rules as a document, from the rules themselves and the tables that they name."""

from collections.abc import Iterator

from vitalkeep.base.db import Table, tables_of_a_person
from vitalkeep.retention.rules import Rule

HEAD = """\
# Retention

Generated from the rules in `retention/rules.py`: `vitalkeep retention rules > docs/retention.md`
writes it, a test keeps it true. `vitalkeep retention plan` shows what is due on a
database, and what will be next.

| rule | what | table | kept for | from | why | ground | done by |
|---|---|---|---|---|---|---|---|
"""
PERIODS = """
**Health records** are kept as long as the person is here, unless the operator names periods: for
how long after it was measured a record of a type is kept for a purpose. The most exact entry
counts, the type before the purpose; a record that several purposes need, by the consents of the app
that sent it, is kept for the longest of their periods, and without end if one of them has none. A
consent that ran out counts like one in force, one that was withdrawn does not. Each becomes a rule
of the kind above (`steps_for_storage`), in `retention plan` and in the metric; what is due is
deleted within the hour and leaves a tombstone for the change feed. A phone that sends such a record
again has it stored until the next sweep. A sweep with periods looks through all records once for
each rule.

```sh
VITALKEEP_RECORD_PERIODS='{"*/storage": 1825, "heart_rate/storage": 730, "*/self_monitoring": 365}'
```
"""
STAYING = """
Whoever leaves takes along every row below and above that is theirs, whatever its time
([data-map.md](data-map.md)), the certificate apart, and the paper of a request made at the
operator's desk, which says nothing of whom it was about.

"""


def describe(rules: tuple[Rule, ...]) -> str:
    """All rules as Markdown, and what no rule names."""
    return HEAD + "".join(rows(rules)) + PERIODS + STAYING + "".join(staying(rules))


def rows(rules: tuple[Rule, ...]) -> Iterator[str]:
    """The lines of the rules."""
    for rule in rules:
        kept = "stays" if rule.kept is None else str(rule.kept)
        cells = (rule.what, rule.table, kept, rule.from_when, rule.basis, rule.statute)
        done_by = "nobody" if rule.kept is None else f"`{rule.task}`"
        yield f"| `{rule.name}` | {' | '.join(cells)} | {done_by} |\n"


def staying(rules: tuple[Rule, ...]) -> Iterator[str]:
    """What no rule names, of persons and of nobody."""
    named = {rule.table for rule in rules if rule.where == "true"}
    theirs = tables_of_a_person().keys()
    for whose, tables in (
        ("As long as the person is here", theirs - named),
        (
            "As long as the service runs, since they hold no person's rows",
            everything() - theirs - named,
        ),
    ):
        yield f"- **{whose}**, but for the rows named above: {', '.join(sorted(tables))}.\n"


def everything() -> set[str]:
    """The names of all tables."""
    return {table.name for table in Table.metadata.tables.values()}
