"""Organizations, staff and teams from the command line."""

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.cli.commands import call, refusal

UNKNOWN = "7a1c5c0e-0f57-4c0a-9f51-6b1f1c2d3e4f"


def told(data: Path, *arguments: str) -> dict[str, Any]:
    """The JSON object that a command prints."""
    done = call(*arguments, "--data", data, "--json")
    assert done.exit_code == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.fixture
def org(data: Path) -> str:
    """The id of a new organization."""
    name = f"Center {uuid4()}"
    return str(told(data, "org", "add", name, "--kind", "guidance_provider")["organization_id"])


def hire(data: Path, org: str, role: str) -> str:
    """The address of a new staff member."""
    email = f"{uuid4()}@staff.example"
    told(data, "staff", "add", org, email, "--role", role)
    return email


def staff(data: Path, org: str) -> dict[str, tuple[str, str]]:
    """Role and state of an organization's staff by address."""
    listed = told(data, "staff", "list", org)["staff"]
    return {each["email"]: (each["role"], each["state"]) for each in listed}


def test_organizations_are_listed_with_what_they_are(data: Path, org: str) -> None:
    listed = {each["id"]: each for each in told(data, "org", "list")["organizations"]}
    assert listed[org].keys() == {"id", "name", "kind", "created_at"}
    assert listed[org]["kind"] == "guidance_provider"
    lines = call("org", "list", "--data", data, COLUMNS="40").stdout.splitlines()
    printed = next(line for line in lines if line.startswith(org))
    assert printed.split("  ")[1:3] == [listed[org]["name"], "guidance_provider"]


def test_staff_are_suspended_taken_back_and_given_another_role(data: Path, org: str) -> None:
    admin, nurse = hire(data, org, "administrator"), hire(data, org, "nurse")
    assert told(data, "staff", "suspend", nurse)["state"] == "suspended"
    assert staff(data, org)[nurse] == ("nurse", "suspended")
    assert "No active staff member" in refusal(call("token", "--staff", nurse, "--data", data))
    assert told(data, "staff", "resume", nurse.upper())["state"] == "active"
    assert told(data, "staff", "role", nurse, "coordinator")["role"] == "coordinator"
    assert staff(data, org) == {
        admin: ("administrator", "active"),
        nurse: ("coordinator", "active"),
    }


@pytest.mark.parametrize("slip", ["suspend", "role"])
def test_the_last_administrator_goes_only_by_force(data: Path, org: str, slip: str) -> None:
    admin = hire(data, org, "administrator")
    command = ["staff", slip, admin, *(["nurse"] if slip == "role" else [])]
    refused = refusal(call(*command, "--data", data))
    assert refused.startswith("This is the organization's last active administrator")
    assert staff(data, org)[admin] == ("administrator", "active")
    told(data, *command, "--force")
    assert staff(data, org)[admin] != ("administrator", "active")


def test_a_team_is_added_filled_listed_and_removed(data: Path, org: str) -> None:
    one, other = hire(data, org, "nurse"), hire(data, org, "physician")
    team = told(data, "team", "add", org, "東チーム", "--staff", one)["team_id"]
    (listed,) = told(data, "team", "list", org)["teams"]
    assert (listed["id"], listed["name"], len(listed["staff"])) == (team, "東チーム", 1)
    changed = told(data, "team", "members", org, team, "--staff", one, "--staff", other)
    assert listed["staff"][0] in changed["staff"]
    assert len(changed["staff"]) == 2
    assert "東チーム" in call("team", "list", org, "--data", data).stdout
    assert told(data, "team", "remove", org, team) == {"removed": team}
    assert told(data, "team", "list", org) == {"teams": []}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("staff", "list", "nonsense"), "ORG is not an id"),
        (("staff", "list", UNKNOWN), "There is no such organization"),
        (("staff", "suspend", "nobody@staff.example"), "No staff member has this address"),
        (("team", "list", UNKNOWN), "There is no such organization"),
        (("team", "add", UNKNOWN, "T"), "There is no such organization"),
        (("team", "remove", UNKNOWN, UNKNOWN), "Your organization has no such team"),
        (("team", "remove", UNKNOWN, "nonsense"), "TEAM is not an id"),
    ],
)
def test_what_does_not_exist_is_refused_in_one_line(
    data: Path, arguments: tuple[str, ...], message: str
) -> None:
    assert message in refusal(call(*arguments, "--data", data))


def test_a_role_or_member_that_cannot_be_is_refused(data: Path, org: str) -> None:
    nurse = hire(data, org, "nurse")
    wrong = refusal(call("staff", "role", nurse, "cook", "--data", data))
    assert wrong.startswith("The role has to be one of: nurse,")
    other = told(data, "org", "add", "Other", "--kind", "employer")["organization_id"]
    stranger = hire(data, other, "nurse")
    refused = refusal(call("team", "add", org, "T", "--staff", stranger, "--data", data))
    assert refused == "Everybody in a team has to work for its organization."
