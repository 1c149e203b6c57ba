"""Where notices go: set by an organization's administrators, or by the operator."""

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.cli.commands import call, refusal
from tests.make import Make
from vitalkeep.base.embedded import embedded_database

PATH = "/v1/organization/notices"
URL = "https://notices.harbor.jp.example/vitalkeep"


async def test_the_secret_is_told_once_and_is_another_each_time(make: Make) -> None:
    admin = await make.staff(role="administrator")
    assert (await admin.get(PATH)).status_code == 404
    first = await admin.request("PUT", PATH, json={"url": URL})
    second = await admin.request("PUT", PATH, json={"url": URL + "/2"})
    assert (first.status_code, second.status_code) == (200, 200)
    secrets = [each.json().pop("secret") for each in (first, second)]
    assert len(set(secrets)) == 2
    assert all(each.startswith("whsec_") for each in secrets)
    known = (await admin.get(PATH)).json()
    assert known == {
        "url": URL + "/2",
        "state": "active",
        "created_at": second.json()["created_at"],
    }
    for _ in range(2):
        assert (await admin.request("DELETE", PATH)).status_code == 204
    assert (await admin.get(PATH)).status_code == 404


async def test_administrators_set_their_own_organization_s_only(make: Make) -> None:
    admin, other = [await make.staff(role="administrator") for _ in range(2)]
    await admin.request("PUT", PATH, json={"url": URL})
    assert (await other.get(PATH)).status_code == 404
    await other.request("DELETE", PATH)
    assert (await admin.get(PATH)).json()["url"] == URL


@pytest.mark.parametrize(
    "url", ["http://notices.jp.example/", "https://10.0.0.1/", "https://2130706433/", "about:blank"]
)
async def test_a_url_that_notices_cannot_go_to_is_refused(make: Make, url: str) -> None:
    admin = await make.staff(role="administrator")
    answer = await admin.request("PUT", PATH, json={"url": url})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert answer.json()["errors"] == [{"pointer": "/url", "code": "url_refused"}]
    assert url not in answer.text
    assert (await admin.get(PATH)).status_code == 404


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A data directory whose database runs."""
    directory = tmp_path_factory.mktemp("notices") / "data"
    with embedded_database(directory):
        yield directory


def told(data: Path, *arguments: str) -> dict[str, Any]:
    """The JSON object that a command prints."""
    done = call(*arguments, "--data", data, "--json")
    assert done.exit_code == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_the_operator_sets_shows_and_removes_the_url_of_an_app_and_an_organization(
    data: Path,
) -> None:
    org = told(data, "org", "add", "Harbor Guidance", "--kind", "guidance_provider")
    client = told(data, "client", "add", "Aruku")
    for group, given in (("org", org["organization_id"]), ("client", client["client_id"])):
        assert "No URL" in refusal(call(group, "notices", given, "--data", data))
        made = told(data, group, "notices", given, "--url", URL)
        assert made.pop("secret").startswith("whsec_")
        assert made == {"url": URL, "state": "active"} == told(data, group, "notices", given)
        assert told(data, group, "notices", given, "--remove")["state"] == "removed"
        assert "No URL" in refusal(call(group, "notices", given, "--data", data))


def test_the_operator_is_told_of_unknown_ids_and_of_urls_that_cannot_be(data: Path) -> None:
    unknown = str(uuid4())
    for group in ("org", "client"):
        refused = call(group, "notices", unknown, "--url", URL, "--data", data)
        assert "There is no such" in refusal(refused)
    client = told(data, "client", "add", "Aruku")["client_id"]
    inside = ("client", "notices", client, "--url", "http://127.0.0.1:9000/", "--data", data)
    assert "https://" in refusal(call(*inside))
    allowed = call(*inside, "--json", VITALKEEP_ALLOW_PRIVATE_NOTICES="true")
    assert json.loads(allowed.stdout)["url"] == "http://127.0.0.1:9000/"
    assert call(*inside, "--remove").exit_code == 2
