"""The operator's desk from the command line: two operators, a certificate in a file."""

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.cli.commands import call, refusal

UNKNOWN = "7a1c5c0e-0f57-4c0a-9f51-6b1f1c2d3e4f"
FIRST, SECOND = "佐藤 由紀", "Suzuki Ichiro"


def told(data: Path, *arguments: str) -> dict[str, Any]:
    """The JSON object that a command prints."""
    done = call(*arguments, "--data", data, "--json")
    assert done.exit_code == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.fixture(scope="module")
def client(data: Path) -> str:
    """An app's id."""
    return str(told(data, "client", "add", "Harbor app")["client_id"])


@pytest.fixture
def person(data: Path, client: str) -> str:
    """What the app calls a new user of its own."""
    name = f"user-{uuid4()}"
    told(data, "token", "--client", client, "--person", name)
    return name


def enter(data: Path, client: str, person: str, *more: str) -> dict[str, Any]:
    """The first operator enters a request."""
    who = ("--client", client, "--person", person, "--operator", FIRST)
    return told(data, "persons", "erase", *who, "--identity-check", "passport", *more)


def listed(data: Path, request_id: str) -> dict[str, Any]:
    """The request as the list has it."""
    found = told(data, "persons", "erasure-requests")["requests"]
    return next(each for each in found if each["request_id"] == request_id)


def test_two_operators_erase_a_person_and_get_a_certificate_that_verifies(
    data: Path, client: str, person: str, tmp_path: Path
) -> None:
    entered = enter(data, client, person, "--agent", "parent", "--note", "窓口 12")
    assert entered.keys() == {
        "request_id", "approve_until", "deleted", "erasure_id", "records", "recipients",
        "relatives", "kept",
    }  # fmt: skip
    assert not entered["deleted"]
    assert len(entered["kept"]) == 3
    request_id = entered["request_id"]
    pending = listed(data, request_id)
    assert (pending["state"], pending["operator"], pending["note"]) == ("pending", FIRST, "窓口 12")
    assert person not in json.dumps(pending)
    plain = call("persons", "erasure-requests", "--data", data, COLUMNS="40").stdout
    assert any(line.startswith(request_id) and FIRST in line for line in plain.splitlines())

    file = tmp_path / "certificate.json"
    approve = ("persons", "approve-erasure", request_id, "--operator")
    same = refusal(call(*approve, "佐藤　由紀", "--out", file, "--data", data))
    assert "ask another operator" in same
    wrong = ("--client", client, "--person", "somebody-else")
    assert "no such user" in refusal(call(*approve, SECOND, *wrong, "--data", data))
    assert not file.exists()
    right = ("--client", client, "--person", person)
    done = told(data, *approve, SECOND, *right, "--out", str(file))
    assert done["erasure_id"] == entered["erasure_id"]
    verified = told(data, "erasures", "verify", str(file))
    assert (verified["valid"], verified["route"]) == (True, "operator")
    assert "exists already" in refusal(call(*approve, SECOND, "--out", file, "--data", data))
    assert told(data, *approve, SECOND)["certificate"] == done["certificate"]
    answered = listed(data, request_id)
    assert (answered["state"], answered["answered_by"]) == ("approved", SECOND)
    assert answered["erasure_id"] == done["erasure_id"]
    again = ("--client", client, "--person", person, "--operator", FIRST)
    gone = call("persons", "erase", *again, "--identity-check", "passport", "--data", data)
    assert "no such user" in refusal(gone)


def test_a_request_is_refused_with_a_reason(data: Path, client: str, person: str) -> None:
    request_id = enter(data, client, person)["request_id"]
    refuse = ("persons", "refuse-erasure", request_id, "--operator", SECOND, "--reason")
    assert "--reason has to be one of" in refusal(call(*refuse, "no time", "--data", data))
    done = told(data, *refuse, "identity_not_proven")
    assert done == {"request_id": request_id, "state": "refused"}
    assert listed(data, request_id)["refusal"] == "identity_not_proven"
    late = call("persons", "approve-erasure", request_id, "--operator", SECOND, "--data", data)
    assert refusal(late) == "The request was refused already."


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("approve-erasure", "nonsense"), "REQUEST is not an id"),
        (("approve-erasure", UNKNOWN), "There is no such request"),
        (("refuse-erasure", UNKNOWN, "--reason", "withdrawn"), "There is no such request"),
        (("erase", "--person", "x", "--identity-check", "passport"), "no such app"),
    ],
    ids=["no id", "approve", "refuse", "app"],
)
def test_what_does_not_exist_is_refused_in_one_line(
    data: Path, arguments: tuple[str, ...], message: str
) -> None:
    client = ("--client", UNKNOWN) if arguments[0] == "erase" else ()
    done = call("persons", *arguments, *client, "--operator", SECOND, "--data", data)
    assert message in refusal(done)
