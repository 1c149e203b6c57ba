"""Operator set-up: what the commands add works against the application."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI

from tests.cli.commands import call, refusal, run, run_json
from tests.make import APP_USER, TOKEN_EXCHANGE
from vitalkeep.app import create_app
from vitalkeep.base import devdb
from vitalkeep.base.keys import DirectoryKeyring
from vitalkeep.base.outbound import inside_client
from vitalkeep.base.settings import Settings


@pytest_asyncio.fixture
async def served(data: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application on the commands' own database."""
    call("migrate", "--data", data)
    assert call("client", "add", "Keyring maker", "--data", data).exit_code == 0
    running = devdb.find_running(data)
    assert running is not None
    settings = Settings(data=data).with_database(running.url)
    app = create_app(settings, DirectoryKeyring(settings.keyring_dir))
    async with inside_client(app) as client:
        yield client
    await app.state.engine.dispose()


def printed(output: str, name: str) -> str:
    """The value on the line of this name."""
    found = re.search(rf"^{name}  (\S+)$", output, re.MULTILINE)
    assert found, output
    return found[1]


def new_app(data: Path) -> str:
    return str(json.loads(call("client", "add", "A", "--data", data, "--json").stdout)["client_id"])


def new_organization(data: Path) -> str:
    added = call("org", "add", "O", "--kind", "employer", "--data", data, "--json")
    return str(json.loads(added.stdout)["organization_id"])


async def test_an_added_client_can_sign_its_users_in(data: Path, served: httpx.AsyncClient) -> None:
    options = ("--redirect-uri", "https://a.example/b", "--google-client-id", "g.example")
    added = run_json("client", "add", "Walk", *options, "--data", data)
    assert added.keys() == {"client_id", "client_secret"}
    form = {
        "grant_type": TOKEN_EXCHANGE,
        "subject_token_type": APP_USER,
        "subject_token": "user-1",
    }
    auth = (added["client_id"], added["client_secret"])
    answer = await served.post("/oauth/token", auth=auth, data=form)
    assert answer.status_code == 200, answer.text


async def test_a_token_for_an_app_s_user_reads_their_account(
    data: Path, served: httpx.AsyncClient
) -> None:
    made = run_json("token", "--client", new_app(data), "--person", "user-7", "--data", data)
    bearer = {"Authorization": f"Bearer {made['access_token']}"}
    assert (await served.get("/v1/me", headers=bearer)).status_code == 200


async def test_a_staff_member_s_token_lists_their_cases(
    data: Path, served: httpx.AsyncClient
) -> None:
    organization = run_json("org", "add", "Center", "--kind", "guidance_provider", "--data", data)
    assert organization.keys() == {"organization_id"}
    email = f"{uuid4()}@staff.example"
    place = (organization["organization_id"], email)
    added = run_json("staff", "add", *place, "--role", "nurse", "--data", data)
    assert UUID(added["staff_id"])
    token = call("token", "--staff", email, "--data", data).stdout.strip()
    answer = await served.get("/v1/cases", headers={"Authorization": f"Bearer {token}"})
    assert answer.json() == {"cases": []}


async def test_an_added_policy_is_published_as_it_is_in_the_file(
    data: Path, served: httpx.AsyncClient, tmp_path: Path
) -> None:
    text = "あなたのデータは [b] あなたのもの。\n"
    (tmp_path / "policy.txt").write_text(text, encoding="utf-8")
    name = ("--id", str(uuid4()), "--version", "1", "--locale", "ja", "--title", "[/規約]")
    arguments = ("policy", "add", tmp_path / "policy.txt", *name, "--data", data)
    added = run_json(*arguments)
    found = (await served.get(f"/v1/policies/{added['id']}/1/ja")).json()
    assert (found["text"], found["title"], found["sha256"]) == (text, "[/規約]", added["sha256"])
    assert refusal(call(*arguments)).startswith("This version exists already")


def test_without_json_ids_and_secrets_stand_on_lines_of_their_own(data: Path) -> None:
    client = call("client", "add", "Walk", "--data", data).stdout
    assert UUID(printed(client, "client_id"))
    assert len(printed(client, "client_secret")) >= 40
    kind = ("--kind", "medical_institution")
    organization = call("org", "add", "Clinic", *kind, "--data", data).stdout
    organization_id = UUID(printed(organization, "organization_id"))
    place = (str(organization_id), f"{uuid4()}@staff.example")
    staff = call("staff", "add", *place, "--role", "physician", "--data", data).stdout
    assert UUID(printed(staff, "staff_id"))


def test_without_json_a_token_stands_alone_for_the_shell(data: Path) -> None:
    user = ("--client", new_app(data), "--person", "user-1")
    token = call("token", *user, "--data", data).stdout
    assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+\n", token)


def test_the_directory_may_come_from_the_environment(data: Path) -> None:
    client = run_json("client", "add", "Walk", VITALKEEP_DATA=data)["client_id"]
    user = ("--client", client, "--person", "user-1")
    assert call("token", *user, "--data", data).exit_code == 0


def test_the_operator_s_database_wins_over_a_directory(app: FastAPI, data: Path) -> None:
    settings = app.state.settings
    theirs = {
        "VITALKEEP_DATABASE_URL": settings.database_url,
        "VITALKEEP_KEYRING": settings.keyring_dir,
    }
    client = run_json("client", "add", "Walk", **theirs, VITALKEEP_DATA=data)["client_id"]
    user = ("--client", client, "--person", "user-1")
    refused = refusal(call("token", *user, **theirs))
    assert "VITALKEEP_DEVELOPMENT=true" in refused
    assert call("token", *user, **theirs, VITALKEEP_DEVELOPMENT="true").exit_code == 0
    assert refusal(call("token", *user, "--data", data)).startswith("There is no such app")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("org", "add", "O", "--kind", "club"), "The kind has to be one of: medical_institution,"),
        (("staff", "add", "nonsense", "a@b.example", "--role", "nurse"), "ORG is not an id"),
        (("staff", "add", str(uuid4()), "a@b.example", "--role", "nurse"), "no such organization"),
        (("token", "--client", "nonsense", "--person", "u"), "--client is not an id"),
        (("token", "--client", str(uuid4()), "--person", "u"), "There is no such app"),
        (("token", "--staff", "nobody@b.example"), "No active staff member has this address"),
        (("token", "--person", "u"), "give --client ID --person EXTERNAL_ID, or --staff EMAIL"),
    ],
)
def test_what_does_not_exist_is_refused_in_one_line(
    data: Path, arguments: tuple[str, ...], message: str
) -> None:
    assert message in refusal(call(*arguments, "--data", data))


def test_an_address_role_or_text_that_cannot_be_is_refused(data: Path, tmp_path: Path) -> None:
    place = ("staff", "add", new_organization(data))
    taken = (f"{uuid4()}@staff.example", "--role", "nurse", "--data", data)
    assert call(*place, *taken).exit_code == 0
    assert refusal(call(*place, *taken)) == "That address belongs to a staff member already."
    wrong = refusal(call(*place, "a@b.example", "--role", "cook", "--data", data))
    assert wrong.startswith("The role has to be one of: nurse,")
    (tmp_path / "latin").write_bytes(b"caf\xe9")
    name = ("--id", "p", "--version", "1", "--locale", "fr", "--title", "t", "--data", data)
    unread = refusal(call("policy", "add", tmp_path / "latin", *name))
    assert unread == f"{tmp_path / 'latin'} can't be read as UTF-8 text"


def test_a_user_sees_the_refusal_on_standard_error_and_no_traceback(data: Path) -> None:
    refused = run("org", "add", "O", "--kind", "club", "--json", "--data", data)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert re.fullmatch(r"error: The kind has to be one of: .*\n", refused.stderr)


def test_a_directory_in_the_name_of_a_markup_tag_is_named_in_full(tmp_path: Path) -> None:
    (tmp_path / "[b]").write_text("a file")
    assert str(tmp_path / "[b]") in refusal(call("client", "add", "A", "--data", tmp_path / "[b]"))
