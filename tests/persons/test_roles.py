"""Roles: the table in the code is the one in the documentation, and nobody has more."""

import re
from pathlib import Path
from typing import get_args
from uuid import uuid4

import pytest

from vitalkeep.base.errors import Forbidden
from vitalkeep.persons.access import StaffCaller
from vitalkeep.persons.roles import POWERS, REFUSALS, Power, StaffRole, has_power, require_power

PAGE = Path(__file__).resolve().parents[2] / "docs" / "care.md"


def documented() -> dict[str, set[str]]:
    """The marks of the documentation's table."""
    rows = [line.strip("|").split("|") for line in PAGE.read_text().splitlines() if "|" in line]
    head = re.findall(r"`(\w+)`", "|".join(rows[0]))
    return {
        re.findall(r"`(\w+)`", row[0])[0]: {
            power for power, mark in zip(head, row[1:], strict=True) if mark.strip() == "yes"
        }
        for row in rows[2:]
    }


def test_the_documentation_says_what_each_role_may_do() -> None:
    assert documented() == {role: set(powers) for role, powers in POWERS.items()}
    assert set(POWERS) == set(get_args(StaffRole))
    assert set(REFUSALS) == set(get_args(Power))


def test_who_reads_does_not_manage_and_who_manages_sees_no_case() -> None:
    for powers in POWERS.values():
        assert not {"read_records", "manage"} <= powers
        assert not {"see_cases", "manage"} <= powers
        assert not {"read_records", "assign"} <= powers


@pytest.mark.parametrize("power", get_args(Power))
def test_an_unknown_role_may_do_nothing(power: Power) -> None:
    nobody = StaffCaller(uuid4(), uuid4(), "Center", "guidance_provider", "chief")
    assert not has_power("chief", power)
    with pytest.raises(Forbidden):
        require_power(nobody, power)
