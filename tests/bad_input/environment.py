"""Environment variables and arguments that cannot be taken."""

from tests.bad_input import ways
from tests.bad_input.spoil import RECIPE, Spoil, add, all_of, put, variable
from tests.bad_input.trial import Case, Kind

HOME, DATA, WAREHOUSE = "SELFSPEC_HOME", "SELFSPEC_DATA", "SELFSPEC_WAREHOUSE"
A_FILE = put("a-file", "x")
WRONG = [
    ("a file", A_FILE, "{project}/a-file", "is not a folder"),
    ("nowhere", all_of(), "{project}/nowhere", "is not a folder"),
    ("below a file", A_FILE, "{project}/a-file/x", "is not a folder"),
    ("a stranger's home", all_of(), "~no-such-person/x", "cannot be looked up"),
    ("5,000 letters", all_of(), "/" + "x" * 5000, "cannot be looked up"),
]


def named(name: str, before: Spoil, value: str) -> Spoil:
    return all_of(before, variable(name, value))


def arguments(*given: str) -> Spoil:
    return lambda project: list(given)


DATA_CASES = (
    Case("no SELFSPEC_DATA", variable(DATA, None), DATA, "it is not set", "set SELFSPEC_DATA to the folder"),
    Case("an empty SELFSPEC_DATA", variable(DATA, ""), DATA, "it is not set", "set SELFSPEC_DATA to the folder"),
    *(Case(f"SELFSPEC_DATA: {n}", named(DATA, b, v), DATA, reason, "set SELFSPEC_DATA") for n, b, v, reason in WRONG),
)
HOME_CASES = tuple(
    Case(f"SELFSPEC_HOME: {n}", named(HOME, b, v), HOME, reason, "point it at your project")
    for n, b, v, reason in WRONG
)
WAREHOUSE_CASES = (
    Case("the project's own is a file", put("warehouse", "x"), "warehouse", "is not a folder", "move it away"),
    Case("a file", named(WAREHOUSE, A_FILE, "{project}/a-file"), WAREHOUSE, "is not a folder", "name a folder"),
    Case("a device", variable(WAREHOUSE, "/dev/null"), WAREHOUSE, "is not a folder", "name a folder"),
    Case(
        "a stranger's home", variable(WAREHOUSE, "~no-such-person"), WAREHOUSE, "cannot be looked up", "name a folder"
    ),
    Case("5,000 letters", variable(WAREHOUSE, "/" + "x" * 5000), WAREHOUSE, "cannot be looked up", "name a folder"),
    Case("below a file", named(WAREHOUSE, A_FILE, "{project}/a-file/x"), "a-file", "cannot be written", "run again"),
    Case(
        "a read-only place",
        variable(WAREHOUSE, "/sys/selfspec"),
        "/sys/selfspec",
        "cannot be written",
        "right to write",
    ),
)
INSTANCE_CASES = (
    Case(".dagster is a file", put(".dagster", "x"), ".dagster", "cannot be written: File exists", "run again"),
    Case(
        "a folder for its settings", put(".dagster/dagster.yaml/x", "x"), ".dagster", "cannot be written", "run again"
    ),
)
ARGUMENTS = (
    Case("an unknown recipe", arguments("run", "tinny"), "recipe 'tinny'", "no such recipe", "did you mean 'tiny'?"),
    Case("a file that is not there", arguments("run", "x.yaml"), "recipe 'x.yaml'", "no such recipe", "choose one of"),
    Case("a recipe of 5,000 letters", arguments("run", "x" * 5000), "recipe 'xxx", "no such recipe", "choose one of"),
    Case("a recipe's name with a NUL", arguments("run", "a\0b"), "recipe 'a", "no such recipe", "choose one of"),
    Case("a glob that fits nothing", arguments("check", "zz*"), "recipes 'zz*'", "no recipe's name matches",
         "there are"),
    Case("a name with a space",
         lambda p: (add(RECIPE, "")(p), (p.folder / RECIPE).rename(p.folder / "recipes/a b.yaml"),
         ["run", "a b"])[-1], "a b.yaml", "cannot be the name of a recipe", "rename the file"),
    Case("an unknown domain", arguments("run", "tiny", "--domain", "zoology"), "--domain zoology", "no such", "botany"),
    Case("too many iterations", arguments("run", "tiny", "--iterations", "9"), "--iterations 9", "has 2",
         "raise 'iter"),
    Case("scores before a run", arguments("scores", "tiny"), "selfspec.duckdb", "no published", "selfspec run"),
    Case("an unknown benchmark", arguments("benchmarks", "show", "colour"), "benchmark 'colour'", "not in any",
         "colours"),
    Case("an unknown pack", arguments("benchmarks", "show", "colours", "--domain", "alchemy"), "alchemy", "no such",
         "botany"),
    Case("a pack by a path", arguments("benchmarks", "show", "x", "--domain", "../botany"), "../botany", "no such",
         "botany"),
)  # fmt: skip
KINDS = (
    Kind("data folder", (ways.check, ways.make("benchmarks"), ways.make("corpus")), DATA_CASES),
    Kind("home", (ways.command("check", "tiny"), ways.command("run", "tiny"), ways.command("sql", "x")), HOME_CASES),
    Kind("warehouse", (ways.make("seeds"),), WAREHOUSE_CASES),
    Kind("instance", (ways.command("run", "tiny"),), INSTANCE_CASES),
    Kind("argument", (ways.command(),), ARGUMENTS),
)
