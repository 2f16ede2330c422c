"""Multiple choice in running text: the options that stand at the end of a question, a line for each."""

import re
from string import ascii_uppercase

_OPTION = re.compile(r"(\(?)([A-Z])([).])(\s*)(.*)")  # "A) ...", "A. ...", "(A) ..."


def split_options(text: str) -> tuple[str, dict[str, str]]:
    """What is asked, in one line, and the options by their letters.

    The options are the last lines that run on from A in order, all in the dress of A's line: "A)", "A." or "(A)". Any
    other line goes on with the one before it, so that initials may stand where a line was wrapped ("Who won the",
    "C. Doe Cup?"). The same options given twice count once.

    Raises:
        ValueError: fewer than two options, one without a text, a letter that is skipped or stands twice, options of
            other words before the last ones, nothing asked. Says what is wrong, in the same words for all of a kind.
    """
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    start, options = _last_run(lines)
    if not options:
        raise ValueError("no options that run on from A")
    while (earlier := _last_run(lines[:start]))[1]:
        if earlier[1] != options:
            raise ValueError("two different blocks of options")
        start = earlier[0]
    if not start:
        raise ValueError("options without a question")
    if not all(options):
        raise ValueError("an option without a text")
    return " ".join(lines[:start]), dict(zip(ascii_uppercase, options, strict=False))


def _last_run(lines: list[str]) -> tuple[int, list[str]]:
    """Where the last two options or more begin, and their texts; none: the number of lines and []."""
    for start in range(len(lines) - 1, -1, -1):
        first = _OPTION.fullmatch(lines[start])
        if first and first[2] == "A" and len(options := _run(first, lines[start:])) > 1:
            return start, options
    return len(lines), []


def _run(first: re.Match[str], lines: list[str]) -> list[str]:
    """The texts of the options from A's line on; one letter alone may be an initial and is no run."""
    options: list[str] = []
    for line in lines:
        match = _OPTION.fullmatch(line)
        alike = match is not None and match.group(1, 3) == first.group(1, 3)
        if match and alike and match[2] == ascii_uppercase[len(options) : len(options) + 1]:
            options.append(match[5])
        # "R)I?" among options such as "A) x" is torn text: there is no space behind its letter.
        elif match and alike and bool(match[4]) == bool(first[4]):
            if len(options) > 1:
                raise ValueError("a letter of the options is skipped or stands twice")
            return []
        else:
            options[-1] = f"{options[-1]} {line}".strip()
    return options
