"""The closing line: how many bad inputs were tried, and how many of them were caught."""

import pytest

from tests.bad_input.trial import counts


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    tried, caught = counts()
    if tried:
        terminalreporter.write_line(f"bad inputs tried {tried}, caught {caught}")
