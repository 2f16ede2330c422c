"""Seeds that cannot be taken."""

import gzip
from typing import Any

from tests.bad_input import ways
from tests.bad_input.spoil import SEEDS, Spoil, add, cut, folder, gone, link, put, rows
from tests.bad_input.trial import Case, Kind
from tests.conftest import seed_rows

GOOD = seed_rows()[0]
FIELDS = ("id", "task", "demonstrates", "instruction", "output", "source")


def second(**changes: Any) -> Spoil:
    """A good seed, and on line 2 one with other fields; None takes a field away."""
    changed = {**GOOD, "id": "second", **changes}
    return rows(SEEDS, GOOD, {key: value for key, value in changed.items() if value is not None})


CASES = (
    *(Case(f"no {f}", second(**{f: None}), "botany.jsonl:2", f"'{f}' is missing", f"give '{f}'") for f in FIELDS),
    Case("no input", second(input=None), "botany.jsonl:2", "'input' is missing", "give 'input' a text"),
    *(Case(f"blank {f}", second(**{f: " \n"}), "botany.jsonl:2", f"'{f}' is empty", f"give '{f}'") for f in FIELDS),
    *(Case(f"a number as {f}", second(**{f: 3}), "botany.jsonl:2", "not text but int", f"give '{f}'") for f in FIELDS),
    Case("a list as input", second(input=["a"]), "botany.jsonl:2", "not text but list", "give 'input' a text"),
    Case("an unknown field", second(answer="x"), "botany.jsonl:2", "unknown field 'answer'", "known: id, task"),
    Case("a misspelt field", second(inputs="x"), "botany.jsonl:2", "unknown field 'inputs'", "did you mean 'input'?"),
    Case("a passage anywhere", second(passage="under"), "botany.jsonl:2", "'passage' is 'under'", "'input' (the input"),
    Case("two of one id", second(id=GOOD["id"]), "botany.jsonl:2", "was used at", "make it unique"),
    Case("a field twice", add(SEEDS, '{"id": "a", "id": "b"}\n'), "botany.jsonl:12", "'id' stands twice", "one JSON"),
    Case("half a surrogate", add(SEEDS, '{"id": "\\ud800"}\n'), "botany.jsonl:12", "surrogate", "one JSON object"),
    Case("NaN", add(SEEDS, '{"id": NaN}\n'), "botany.jsonl:12", "NaN is not a number", "one JSON object"),
    Case("no JSON", add(SEEDS, "id: a\n"), "botany.jsonl:12", "is not JSON", "one JSON object per line"),
    Case("single quotes", add(SEEDS, "{'id': 'a'}\n"), "botany.jsonl:12", "is not JSON", "one JSON object per line"),
    Case("a list of seeds", put(SEEDS, "[{}]"), "botany.jsonl:1", "is not a JSON object", "one JSON object per line"),
    Case(
        "one over many lines",
        put(SEEDS, '{\n"id": "a"}'),
        "botany.jsonl:1",
        "goes on over several lines",
        "one JSON object per",
    ),
    Case("a torn last line", cut(SEEDS, -20), "botany.jsonl:11", "is not JSON", "one JSON object per line"),
    Case("nested 100,000 deep", add(SEEDS, "[" * 100_000), "botany.jsonl:12", "nested too deep", "one JSON object"),
    Case("a number of 5,000 digits", add(SEEDS, f'{{"id": {"9" * 5000}}}'), "botany.jsonl:12", "not JSON", "one JSON"),
    Case(
        "Latin-1", put(SEEDS, '{"id": "é"}\n'.encode("latin-1")), "botany.jsonl:1", "is not UTF-8", "save it as UTF-8"
    ),
    Case("UTF-16", put(SEEDS, '{"id": "a"}\n'.encode("utf-16")), "botany.jsonl:1", "is not UTF-8", "save it as UTF-8"),
    Case("old line ends", put(SEEDS, '{"a": 1}\r{"b": 2}\r'), "botany.jsonl:1", "is not JSON", "one JSON object"),
    Case("an empty file", put(SEEDS, ""), "botany.jsonl", "the seed file is empty", "add at least one"),
    Case("blank lines alone", put(SEEDS, "\n \n\n"), "botany.jsonl", "the seed file is empty", "add at least one"),
    Case("cut gzip data", put(SEEDS, gzip.compress(b'{"id": 1}' * 99)[:-9]), "botany.jsonl", "cut off", "get the file"),
    Case("no file", gone(SEEDS), "domain.yaml", "seeds/botany.jsonl does not exist", "write that file"),
    Case("a folder", folder(SEEDS), "botany.jsonl", "cannot be read: Is a directory", "can be read"),
    Case("a link to nowhere", link(SEEDS, "nowhere"), "domain.yaml", "does not exist", "write that file"),
)
KIND = Kind("seeds", (ways.check, ways.make("seeds")), CASES)
