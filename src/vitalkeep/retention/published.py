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
STAYING = """
Whoever leaves takes along every row below and above that is theirs, whatever its time
([data-map.md](data-map.md)), the certificate apart, and the paper of a request made at the
operator's desk, which says nothing of whom it was about.

"""


def describe(rules: tuple[Rule, ...]) -> str:
    """All rules as Markdown, and what no rule names."""
    return HEAD + "".join(rows(rules)) + STAYING + "".join(staying(rules))


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
