"""What the command line says of itself."""

import json

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from tests.cli.commands import call, run
from vitalkeep import __version__
from vitalkeep.cli.main import app

PROMISED = {
    *("dev", "demo", "serve", "migrate", "token", "openapi", "version"),
    *("client", "org", "staff", "policy", "keys", "erasures", "check", "retention", "connections"),
}


def commands() -> dict[str, str]:
    """Every command and group with the first line of its help."""
    found = get_command(app)
    assert isinstance(found, TyperGroup)
    return {name: (each.help or "").splitlines()[0] for name, each in found.commands.items()}


def test_help_explains_each_command() -> None:
    done = run("--help")
    assert done.returncode == 0, done.stderr
    assert commands().keys() >= PROMISED
    lines = {line.strip(" │").partition(" ")[0]: line for line in done.stdout.splitlines()}
    for name, help_line in commands().items():
        assert help_line, f"{name} explains nothing"
        assert help_line.split(";")[0][:60] in lines[name]


def test_no_command_at_all_shows_the_help() -> None:
    assert "erasures" in call().output


@pytest.mark.parametrize(
    "command",
    [
        *("client add", "org add", "staff add", "policy add", "token", "keys init", "keys status"),
        *(
            "erasures list",
            "erasures verify",
            "erasures replay",
            "erasures scrub",
            "check",
            "retention plan",
            "connections list",
            "connections pull",
            "connections move",
            "openapi",
            "migrate",
            "demo",
            "dev",
            "version",
        ),
    ],
)
def test_every_command_takes_json(command: str) -> None:
    shown = call(*command.split(), "--help")
    assert shown.exit_code == 0
    assert "--json" in shown.stdout


@pytest.mark.parametrize("command", ["client add", "token", "migrate", "keys init", "dev"])
def test_commands_that_need_a_database_take_its_directory(command: str) -> None:
    assert "--data" in call(*command.split(), "--help").stdout


def test_the_version_is_the_package_s() -> None:
    assert run("version").stdout == f"{__version__}\n"
    assert json.loads(call("version", "--json").stdout) == {"version": __version__}


def test_openapi_prints_the_document_indented_or_on_one_line() -> None:
    indented, single = call("openapi").stdout, call("openapi", "--json").stdout
    assert json.loads(indented) == json.loads(single)
    assert json.loads(single)["info"]["title"] == "vitalkeep"
    assert single.count("\n") == 1


@pytest.mark.parametrize("port", ["0", "65536", "eighty"])
def test_a_port_that_cannot_be_is_refused(port: str) -> None:
    refused = call("dev", "--port", port)
    assert refused.exit_code == 2
    assert "Invalid value for '--port'" in refused.stderr
