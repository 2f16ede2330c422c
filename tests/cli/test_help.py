"""Every command's help shows how it is typed, and shells can complete it."""

from collections.abc import Iterator
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from selfspec_assets.cli.app import app


def commands(group: Any, *words: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, command in getattr(group, "commands", {}).items():
        yield (*words, name), command
        yield from commands(command, *words, name)


@pytest.mark.parametrize(("words", "command"), commands(get_command(app)), ids=lambda value: str(value))
def test_the_help_has_an_example(words: tuple[str, ...], command: Any) -> None:
    shown = CliRunner().invoke(app, [*words, "--help"])
    assert shown.exit_code == 0
    assert f"selfspec {' '.join(words)}" in (command.epilog or "")
    assert "Example: selfspec" in " ".join(shown.stdout.split())


def test_bash_completes_commands() -> None:
    environment = {"_SELFSPEC_COMPLETE": "complete_bash", "COMP_WORDS": "selfspec exp", "COMP_CWORD": "1"}
    done = CliRunner().invoke(app, [], env=environment, prog_name="selfspec")
    assert "export" in done.stdout.split()
