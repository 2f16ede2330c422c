"""Packs that cannot be taken: ``domain.yaml``, templates, readers, and files outside the pack."""

from tests.bad_input import ways
from tests.bad_input.spoil import PACK, Spoil, add, all_of, benchmark, folder, gone, link, pack, put, without
from tests.bad_input.trial import Case, Kind

LIST, ANSWER = "domains/botany/list.j2", "domains/botany/answer.j2"
READERS = "domains/botany/readers.py"
WHOLE = "{{ instruction }} {{ input }} {{ passage }}"
COLOURS = {"name": "colours", "task": "colour", "instruction": "Name it.", "file": "colours.jsonl"}
TYPES = [
    ("contract", "1"),
    ("title", ""),
    ("title", 3),
    ("language", "english"),
    ("language", False),
    ("prompts", "list.j2"),
    ("banned_words", "photograph"),
    ("banned_words", [1]),
    ("published__corpus", 7),
    ("published__benchmarks", {}),
    ("published__benchmarks", []),
]
BENCHMARK_TYPES = [
    ("name", "Colours"),
    ("name", "my colours"),
    ("task", ""),
    ("instruction", ""),
    ("instruction", ["Name it."]),
    ("file", 3),
    ("also", "more.jsonl"),
    ("options", ["type"]),
    ("metrics", ["accuracy"]),
    ("licence", 4),
]
OUTSIDE = ["../../seeds/botany.jsonl", "/etc/passwd", "data/../../x", "..", "a/../../../b", "~/../x"]
NO_NAME = ["", " ", "a\0b", "a\nb"]
FORBIDDEN = [
    ("a loop", "{% for i in range(9) %}x{% endfor %}", "for is not"),
    ("a macro", "{% macro a() %}{% endmacro %}", "macro is not"),
    ("set", "{% set a = 1 %}", "assign is not"),
    ("an attribute", "{{ input.__class__ }}", "getattr is not"),
    ("an item", "{{ input['__class__'] }}", "getitem is not"),
    ("a call", "{{ input.upper() }}", "call is not"),
    ("a global", "{{ lipsum() }}", "call is not"),
    ("a product", "{{ 'a' * 1000000000 }}", "mul is not"),
    ("a power", "{{ 9 ** 999999999 }}", "pow is not"),
    ("a format", "{{ '%1000000000d' % 1 }}", "mod is not"),
    ("the attr filter", "{{ input | attr('__class__') }}", "filter 'attr'"),
    ("a wide filter", "{{ input | center(1000000000) }}", "filter 'center'"),
    ("an unknown filter", "{{ input | uper }}", "filter 'uper'"),
    ("an unknown test", "{% if input is empty %}x{% endif %}", "test 'empty'"),
    ("include", "{% include '/etc/passwd' %}", "may not include"),
    ("import", "{% import 'x' as y %}", "may not include"),
    ("from", "{% from 'x' import y %}", "may not include"),
    ("extends", "{% extends '/etc/passwd' %}", "may not include"),
    ("a block", "{% block a %}{% endblock %}", "block is not"),
]
READER_OPTIONS = [
    ("no such reader", {"reader": "jsonlines"}, "needs a readers.py", "shared reader"),
    ("an unknown option", {"reader": "bigbench", "options": {"prefixx": "a"}}, "'prefixx'", "did you mean 'prefix'?"),
    ("a missing option", {"reader": "iob"}, "option 'types'", "options: types"),
    ("no labels", {"reader": "labelled_lines", "options": {"labels": []}}, "declares no label", "options: labels"),
    ("no types", {"reader": "iob", "options": {"types": {}}}, "declares no label", "options: types"),
    ("labels of numbers", {"reader": "labelled_lines", "options": {"labels": [0, 1]}}, "option 'labels'", "options:"),
    ("keys of numbers", {"reader": "labelled_lines", "options": {"labels": {0: "no"}}}, "option 'labels'", "options:"),
    ("no separator", {"reader": "labelled_lines", "options": {"labels": ["a"], "separator": ""}}, "'separator'", "opt"),
    ("a long separator", {"reader": "table", "options": {"input": "{a}", "answer": "b", "separator": "||"}},
     "'separator'", "options:"),
    ("one column", {"reader": "iob", "options": {"types": ["D"], "columns": 1}}, "option 'columns'", "options:"),
    ("an unknown type", {"reader": "bioasq", "options": {"type": "summary"}}, "option 'type'", "options: type"),
    ("begin nowhere", {"reader": "iob", "options": {"types": ["D"], "begin": "never"}}, "option 'begin'", "options:"),
    ("yes for a text", {"reader": "squad", "options": {"unanswerable": True}}, "'unanswerable'", "options: unans"),
    ("options for jsonl", {"options": {"encoding": "latin-1"}}, "option 'encoding'", "options: input, answer"),
]  # fmt: skip
OWN_READERS = [
    ("a readers.py that is no Python", "def own(path:\n", "importing it failed", "correct the module"),
    ("a readers.py that imports nothing", "import no_such_module\n", "importing it failed", "correct the module"),
    ("a readers.py that exits", "raise SystemExit(0)\n", "importing it failed", "correct the module"),
    ("a readers.py without it", "other = 1\n", "has no function 'own'", "define it"),
    ("a reader that is a number", "own = 3\n", "has no function 'own'", "define it"),
    ("a hint at no type", "def own(path, *, a: 'Nope' = 1): yield\n", "cannot be a reader", "write it as: def"),
]


def reader(text: str) -> Spoil:
    return all_of(put(READERS, text), benchmark(reader="own"))


def prompts(**changes: str) -> Spoil:
    return pack(**{f"prompts__{name}": value for name, value in changes.items()})


CASES = (
    *(Case(f"{k}: {v!r}", pack(**{k: v}), "domain.yaml", f"key '{k.replace('__', '.')}", "correct the value") for k,
         v in TYPES),
    *(
        Case(f"benchmark {k}: {v!r}", benchmark(**{k: v}), "domain.yaml:", f"published.benchmarks.0.{k}", "correct the")
        for k, v in BENCHMARK_TYPES
    ),
    *(
        Case(f"no {k}", without(PACK, k), "domain.yaml:1", f"'{k}' is missing", "add it")
        for k in ("contract", "title", "prompts")
    ),
    Case("another contract", pack(contract=2), "domain.yaml:", "for contract 2", "upgrade selfspec"),
    Case("no published data", pack(published=None), "domain.yaml", "no published data", "add a 'published:' section"),
    *(
        Case(f"no prompts.{k}", without(PACK, "prompts", k), "domain.yaml:", f"'prompts.{k}' is missing", "add it")
        for k in ("instructions", "response")
    ),
    Case("a misspelt key", pack(titel="x"), "domain.yaml:", "unknown key 'titel'", "did you mean 'title'?"),
    Case("a misspelt benchmark key", benchmark(trian="x"), "domain.yaml:", "0.trian'", "did you mean 'train'?"),
    Case("two of one name", pack(published__benchmarks=[COLOURS, dict(COLOURS)]), "domain.yaml", "two are called",
         "rename"),
    Case("a tag", add(PACK, "x: !!python/name:os.system\n"), "domain.yaml:", "tags are not taken", "remove it"),
    Case("an alias", add(PACK, "x: &a [1]\ny: *a\n"), "domain.yaml:", "aliases are not", "write the value out"),
    Case("a key twice", add(PACK, "title: again\n"), "domain.yaml:", "'title' stands twice", "keep one"),
    Case("Latin-1", put(PACK, b"title: \xe9\n"), "domain.yaml:1", "is not UTF-8", "save it as UTF-8"),
    Case("an empty file", put(PACK, ""), "domain.yaml", "must hold a mapping", "docs"),
    Case("no pack", gone("domains/botany"), "domains/botany", "no such domain pack", "choose one of"),
    Case("bundled files that are not there", pack(bundled={"corpus": "c.jsonl", "benchmarks": [COLOURS]}),
         "domain.yaml", "bundled file 'c.jsonl' is missing", "add "),
    *(
        Case(f"prompt {name!r}", prompts(instructions=name), "domain.yaml:", "'prompts.instructions': points outside",
             "correct")
        for name in OUTSIDE
    ),
    *(
        Case(f"prompt {name!r}", prompts(response=name), "domain.yaml:", "is not a file's name", "correct the value")
        for name in NO_NAME
    ),
    *(
        Case(f"benchmark {k}", benchmark(**{k: v}), "domain.yaml:", "points outside", "correct the value")
        for k, v in (("file", "../x.jsonl"), ("also", ["/etc/passwd"]), ("train", "../../x"))
    ),
    Case("seeds outside", pack(published__seeds="../../seeds/botany.jsonl"), "domain.yaml:", "points outside",
         "correct"),
    Case("a corpus outside", pack(published__corpus="/etc/passwd"), "domain.yaml:", "points outside", "correct the"),
    Case("a name of 5,000 letters", prompts(instructions="x" * 5000), "botany", "cannot be looked up",
         "correct the name"),
    Case("a link out of the pack", link(LIST, "/etc/passwd"), "botany", "'list.j2' points outside",
         "keep files inside"),
    Case("a link to the project", link(LIST, "../../recipes/tiny.yaml"), "botany", "points outside",
         "keep files inside"),
    Case("a link to itself", link(LIST, "list.j2"), "botany", "cannot be looked up", "correct the name"),
    Case("a template that is not there", gone(LIST), "list.j2", "does not exist", "add it"),
    Case("a folder as template", folder(LIST), "list.j2", "cannot be read: Is a directory", "can be read"),
    Case("Latin-1 in a template", put(LIST, "Gr\xfc\xdfe {{ count }}".encode("latin-1")), "list.j2:1", "not UTF-8",
         "save"),
    Case("a template of a megabyte", put(LIST, "x" * 10**6), "list.j2", "more than 100,000", "shorten it"),
    Case("an unknown variable", put(LIST, "a\n{{ counts }}"), "list.j2:2", "variable 'counts'",
         "did you mean 'count'?"),
    Case("a Jinja global", put(LIST, "{{ self }}"), "list.j2:1", "unknown template variable 'self'",
         "known here: count"),
    Case("a variable never used", put(ANSWER, "{{ instruction }}"), "answer.j2", "never uses 'input'",
         "add {{ input }}"),
    Case("an open brace", put(ANSWER, "one\n{{ instruction "), "answer.j2:2", "broken template", "correct the line"),
    Case("an open if", put(ANSWER, "{% if input %}"), "answer.j2:1", "broken template", "correct the line"),
    Case("brackets 5,000 deep", put(LIST, "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}"), "list.j2", "too deep",
         "flatter"),
    Case("branches 300 deep", put(LIST, "{% if count %}" * 300 + "{% endif %}" * 300), "list.j2", "too deep",
         "flatter"),
    Case("a text below a number", put(LIST, "{% if count < 'a' %}{% endif %}"), "list.j2", "rendering failed",
         "template"),
    *(Case(name, put(ANSWER, f"{WHOLE}\n{text}"), "answer.j2:2", reason, "a template knows") for name, text,
         reason in FORBIDDEN),
    *(
        Case(name, benchmark(**changes), "domain.yaml", f"{reason}", remedy)
        for name, changes, reason, remedy in READER_OPTIONS
    ),
    *(Case(name, reader(text), "readers.py", reason, remedy) for name, text, reason, remedy in OWN_READERS),
)  # fmt: skip
KIND = Kind("pack", (ways.check, ways.make("benchmarks")), CASES)
