"""The failpoints as the code has them: read from its syntax, so that no list has to be kept."""

import ast

from tests.checkout import PACKAGE

RENAME = ("before the rename", "after the rename")
# Renames by which no step commits anything.
NOT_COMMITS = {
    "warehouse/upkeep.py": "selfspec gc sets aside what it removes",
    "base/file_digests.py": "digests of large files, remembered; without them they are made again",
    "base/packages.py": "a corpus file that a person asked for, by a command outside of every step",
    "base/home.py": "Dagster's configuration, the same bytes each time",
    "models/terms.py": "a person's acceptance of terms, by a command outside of every step",
    "packs/new_domain.py": "a domain pack that a person asked for, outside of every step",
    "packs/new_project.py": "a project that a person asked for, outside of every step",
    "models/precision.py": "the precision that was tried; without it it is tried again",
    "reports/exports/target.py": "a folder that a person asked for; tests/reports/exports kills between its renames",
    "reports/html_report/page.py": "a report that a person asked for, outside of every step",
    "reports/review/review_sheets.py": "a table of decisions that a person asked for, outside of every step",
    "reports/sql/sql_files.py": "a result that a person asked for, outside of every step",
}
MOVES = "base/files.py"
_NAMED = {"move": 2, "write_atomically": 2, "reached": 0}  # function -> which argument is the name


def in_the_code() -> set[str]:
    """Every failpoint of the package.

    Raises:
        AssertionError: a rename without a name, or past ``base.files.move``.
    """
    names: set[str] = set()
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        if name != "base/failpoints.py":
            names |= of_source(path.read_text(), name)
    return names


def of_source(text: str, name: str) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Call):
            continue
        where = f"{name}:{node.lineno}"
        called = ast.unparse(node.func)
        assert not _renames(called, node) or name in (*NOT_COMMITS, MOVES), f"{where}: rename with files.move"
        last = called.rpartition(".")[2]
        if last not in _NAMED or name in (*NOT_COMMITS, MOVES):
            continue
        place = _NAMED[last]
        argument = node.args[place] if len(node.args) > place else None
        assert isinstance(argument, ast.Constant), f"{where}: {last} needs a literal name for what it commits"
        point = str(argument.value)
        names |= {point} if last == "reached" else {f"{point}: {side}" for side in RENAME}
    return names


def _renames(called: str, node: ast.Call) -> bool:
    """``os.replace``, ``os.rename`` …, ``shutil.move``, and ``Path.rename`` or ``replace``, which take one argument."""
    if called in ("os.replace", "os.rename", "os.renames", "os.link", "os.symlink", "shutil.move"):
        return True
    method = called.rpartition(".")[2]
    return "." in called and method in ("rename", "replace") and len(node.args) == 1 and not node.keywords
