"""Prints what the soak counted."""

import pytest

from tests.soak import summary


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if summary.lines():
        terminalreporter.section("soak")
        for line in summary.lines():
            terminalreporter.write_line(line)
