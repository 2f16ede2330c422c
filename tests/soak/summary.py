"""The table that ``make test-soak`` ends with."""

_lines: list[tuple[str, str]] = []


def add(what: str, found: object) -> None:
    _lines.append((what, str(found)))


def lines() -> list[str]:
    width = max((len(what) for what, _ in _lines), default=0)
    return [f"{what:<{width}}  {found}" for what, found in _lines]
