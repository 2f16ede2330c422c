"""Text is data wherever it is printed, and every terminal can take it."""

import ast
import json
import os
import subprocess
import sys

import pytest
from rich.cells import cell_len
from rich.table import Table

from selfspec_assets.base import printing
from selfspec_assets.base.errors import SelfspecError
from tests.checkout import MODULES
from tests.conftest import Project

NASTY = [
    r"Solve \[x = 2\] now",
    r"C:\dir\[/tmp]",
    "[/nothing]",
    "[bold]x[/bold]",
    "[link=https://example.org]x[/link]",
    ":pill: :smiley:",
    "12 'a' True None http://example.org",
    r"ends in a backslash\ ",
]
OBEYED = {"\x1b[31mred\x1b]0;title\x07": r"\x1b[31mred\x1b]0;title\x07", "a\rb\x08\x9b": r"a\rb\x08\x9b"}
OBEYED |= {"txt.\u202egnp.exe": r"txt.\u202egnp.exe"}


@pytest.fixture(autouse=True)
def colours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Colours on, so that a highlighted word would show."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")


@pytest.mark.parametrize(("text", "seen"), [*((text, text) for text in NASTY), *OBEYED.items()])
def test_text_is_printed_as_it_is(text: str, seen: str, capsys: pytest.CaptureFixture[str]) -> None:
    printing.line(text)
    assert capsys.readouterr().out == f"{seen}\n"
    printing.failure(SelfspecError(text, text, text))
    assert capsys.readouterr().err == f"\x1b[1;31merror\x1b[0m {seen}: {seen}\n  remedy: {seen}\n"
    printing.line((text, "bold"))
    assert capsys.readouterr().out == f"\x1b[1m{seen}\x1b[0m\n"
    table = Table(title=text, caption=text)
    table.add_column(text, footer=text)
    table.add_row(text)
    table.show_footer = True
    printing.table(table, 60)
    assert capsys.readouterr().out.count(seen) == 5


def test_a_long_line_stays_one(capsys: pytest.CaptureFixture[str]) -> None:
    printing.line("word " * 100)
    assert capsys.readouterr().out.count("\n") == 1


@pytest.mark.parametrize(
    ("encoding", "seen"),
    [
        ("ascii", r'a - b ... x <= -> # "q" \xe9 \u4e2d'),
        ("cp1252", "a – b … × <= -> † “q” é \\u4e2d"),
        ("utf-8", "a – b … × ≤ → † “q” é 中"),
    ],
)
def test_what_the_encoding_lacks_is_written_in_ascii(encoding: str, seen: str) -> None:
    assert printing.shown("a – b … × ≤ → † “q” é 中", encoding) == seen


def test_every_character_of_the_packages_own_words_has_one_in_ascii() -> None:
    """In what is printed by itself: the modules whose names say so, the plan, the scores."""
    names = ("print", "score", "ablation", "plan", "cli", "check", "garbage", "verification", "runner", "progress")
    for path in MODULES:
        if path.stem != "printing" and any(name in path.stem for name in names):
            constants = {node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)}
            for text in (text for text in constants if isinstance(text, str)):
                assert "\\" not in printing.shown("".join(c for c in text if ord(c) > 127), "ascii"), (path.name, text)


def test_nothing_else_prints() -> None:
    for path in MODULES:
        if path.stem != "printing":
            nodes = list(ast.walk(ast.parse(path.read_text())))
            modules = {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
            modules |= {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
            assert modules.isdisjoint({"rich.console", "rich.markup", "rich.progress"}), path.name
            calls = [node for node in nodes if isinstance(node, ast.Call)]
            assert not any(isinstance(call.func, ast.Name) and call.func.id == "print" for call in calls), path.name


ALL = """
import os, sys
from selfspec_assets.base import printing
from selfspec_assets.cli import app as cli
printing.prepare()
for command in {commands!a}:
    try:
        cli.app(command, standalone_mode=True)
    except SystemExit as ending:
        sys.stdout.flush()
        print(ascii(command[0]), "ended with", ending.code, flush=True)
os._exit(0)
"""
COMMANDS = [
    ["--help"],
    ["scores", "--help"],
    ["version"],
    ["check", "tiny"],
    ["check", "--domain", "botany"],
    ["benchmarks", "show", "colours"],
    ["plan", "tiny"],
    ["scores", "tiny", "--details"],
    ["scores", "t*y"],
    ["sql", "SELECT 'é → 中 …' AS \"×\", repeat('—', 200), * FROM losses"],
    ["sql", "SELECT × FROM"],
    ["gc"],
    ["verify"],
    ["run", "tiny"],
    ["run", "→"],
    ["no-such-command"],
]
QUICK = [command for command in COMMANDS if command not in (["check", "tiny"], ["run", "tiny"])]
TERMINALS = {
    "LC_ALL=C": ({"LC_ALL": "C"}, "ascii", QUICK),
    "Windows": ({"PYTHONIOENCODING": "cp1252"}, "cp1252", QUICK),
    "no UTF-8 mode": ({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, "ascii", COMMANDS),
    "UTF-8 where it is asked for": ({"LC_ALL": "C", "PYTHONIOENCODING": "utf-8"}, "utf-8", QUICK),
}


@pytest.mark.timeout(900)
@pytest.mark.parametrize("terminal", TERMINALS)
def test_every_command_on_a_terminal_that_is_not_utf8(begun: Project, terminal: str) -> None:
    begun.recipe["iterations"] = 1  # which is made
    begun.save()
    given, encoding, commands = TERMINALS[terminal]
    environment = {**os.environ, **given, "COLUMNS": "80"}
    del environment["FORCE_COLOR"]
    command = [sys.executable, "-c", ALL.format(commands=commands)]
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    said, complained = done.stdout.decode(encoding), done.stderr.decode(encoding)
    assert done.returncode == 0, complained
    assert "Traceback" not in said + complained
    assert said.count("ended with") == len(commands)
    assert "tiny x botany" in said if encoding == "ascii" else "tiny × botany" in said
    assert ("┏" in said) == (encoding == "utf-8")
    assert complained.count("\nerror") + complained.startswith("error") == 2
    boxes = [line for line in said.splitlines() if line[:1] and line[0] in "+|┏┃┡│├└"]
    assert len({cell_len(line) for line in boxes[:60] if "ended" not in line}) < 12
    assert "\\u2026" not in said


def test_json_is_json_whatever_the_values() -> None:
    value = {"a": float("nan"), "b": [1.5, float("-inf"), (float("inf"),)], 3: {"c": {None: b"x"}}, "d": "é"}
    parsed = json.loads(printing.as_json(value), parse_constant=pytest.fail)
    assert parsed == {"a": None, "b": [1.5, None, [None]], "3": {"c": {"None": "b'x'"}}, "d": "é"}
