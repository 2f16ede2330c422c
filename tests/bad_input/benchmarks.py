"""Benchmark files that cannot be taken, each format through its reader."""

import gzip
import json
from typing import Any

from tests.bad_input import ways
from tests.bad_input.spoil import ITEMS, Spoil, add, all_of, benchmark, put, recipe, rows
from tests.bad_input.trial import Case, Kind

GOOD = {"id": "q", "input": "x", "references": ["y"]}
LABELS = {"labels": {"1": "yes", "0": "no"}}
TABLE = {"input": "{text}", "answer": "mood", "id": "id"}
ASKED = {"input": "{q}", "answer": "a"}
QUESTION = {"id": "a", "type": "yesno", "body": "Is it?", "snippets": [], "exact_answer": "yes"}
ENTITY = '<sentence id="s" text="aspirin and insulin"><entity id="e1" charOffset="{}" text="aspirin"/>{}</sentence>'
REPORT = {
    "table": {"table": [["a", "b"], ["c", "1"]]},
    "paragraphs": [{"order": 1, "text": "It rose."}],
    "questions": [{"uid": "u", "question": "How much?", "answer": ["1"], "scale": ""}],
}
TURNS = {
    "id": "c",
    "pre_text": ["x"],
    "post_text": [],
    "table": [["a"]],
    "annotation": {"dialogue_break": ["How much?"], "turn_program": ["1"], "exe_ans_list": [1.0]},
}


def read(reader: str, content: str | bytes | Any, **options: Any) -> Spoil:
    """The benchmark's file in another format, with its reader; what is no text becomes JSON."""
    text = content if isinstance(content, str | bytes) else json.dumps(content)
    return all_of(put(ITEMS, text), benchmark(reader=reader, options=options))


def jsonl(**changes: Any) -> Spoil:
    """A good item, and on line 2 one with other fields; None takes a field away."""
    changed = {**GOOD, "id": "second", **changes}
    return rows(ITEMS, GOOD, {key: value for key, value in changed.items() if value is not None})


def bioasq(**changes: Any) -> Spoil:
    return read("bioasq", {"questions": [{**QUESTION, **changes}]}, type=changes.get("type", "yesno"))


def squad(**changes: Any) -> Spoil:
    question = {"id": "a", "question": "Who?", "answers": [{"text": "x"}], **changes}
    return read("squad", {"data": [{"paragraphs": [{"context": "c", "qas": [question]}]}]})


def own(body: str) -> Spoil:
    """A reader of the pack's own."""
    text = f"from selfspec_assets.packs.pack import Item\n\ndef own(path):\n    {body}\n"
    return all_of(put("domains/botany/readers.py", text), benchmark(reader="own"))


F = "colours.jsonl"
CASES = (
    Case("no id", jsonl(id=None), f"{F}:2", "'id' is missing", "give 'id' a text value"),
    Case("a number as id", jsonl(id=7), f"{F}:2", "'id' is not text but int", "give 'id' a text value"),
    Case("no input", jsonl(input=None), f"{F}:2", "'input' is missing", "give 'input' a text value"),
    Case("a blank input", jsonl(input=" "), f"{F}:2", "'input' is empty", "give 'input' a text value"),
    Case("no references", jsonl(references=None), f"{F}:2", "'references' must be", "at least one reference"),
    Case("an empty list of references", jsonl(references=[]), f"{F}:2", "non-empty list", "at least one reference"),
    Case("a text as references", jsonl(references="y"), f"{F}:2", "list of texts", "at least one reference"),
    Case("a number as reference", jsonl(references=[4]), f"{F}:2", "list of texts", "at least one reference"),
    Case("a number as source", jsonl(source=4), f"{F}:2", "field 'source' is not text but int", "a text value"),
    Case("a blank reference", jsonl(references=[" "]), F, "item 'second' has no reference", "right answer"),
    Case("two of one id", jsonl(id="q"), F, "two items have the id 'q'", "make the ids unique"),
    Case("a field twice", put(ITEMS, '{"id": "a", "id": "b"}'), f"{F}:1", "'id' stands twice", "one JSON object"),
    Case("NaN", put(ITEMS, '{"id": NaN}'), f"{F}:1", "NaN is not a number", "one JSON object per line"),
    Case("half a surrogate", put(ITEMS, '{"id": "\\udfff"}'), f"{F}:1", "surrogate pair", "one JSON object per line"),
    Case("nested 100,000 deep", put(ITEMS, '{"a":' * 100_000), f"{F}:1", "nested too deep", "one JSON object per line"),
    Case("no JSON", add(ITEMS, "nonsense\n"), f"{F}:11", "is not JSON", "one JSON object per line"),
    Case("no object", put(ITEMS, '["q"]\n'), f"{F}:1", "is not a JSON object", "one JSON object per line"),
    Case("Latin-1", put(ITEMS, '{"id": "é"}'.encode("latin-1")), f"{F}:1", "is not UTF-8", "save it as UTF-8"),
    Case("an empty file", put(ITEMS, ""), F, "the benchmark file is empty", "at least one"),
    Case("cut gzip data", put(ITEMS, gzip.compress(b"{}" * 999)[:-9]), F, "cut off or damaged", "get the file again"),
    Case("gzip and rubbish", put(ITEMS, gzip.compress(b"{}") + b"rubbish"), F, "damaged", "get the file again"),
    Case("a gzip head alone", put(ITEMS, b"\x1f\x8b"), F, "cut off or damaged", "get the file again"),
    Case("twice the same file", benchmark(also=["colours.jsonl", "colours.jsonl"]), F, "two items have the id",
         "unique"),
    # iob
    Case("iob: an undeclared type", read("iob", "a\tB-X\n", types=["D"]), f"{F}:1", "unknown tag 'B-X'", "O, B-D"),
    Case("iob: a tag in small letters", read("iob", "a\tb-D\n", types=["D"]), f"{F}:1", "unknown tag 'b-D'", "use one"),
    Case("iob: a tag of nothing", read("iob", "a\tO\nb\tI-D\n", types=["D"]), f"{F}:2", "continues nothing",
         "begin an"),
    Case("iob: a line of one column", read("iob", "a\tO\nb\n", types=["D"]), f"{F}:2", "1 filled columns of 1",
         "separate"),
    Case("iob: spaces for tabs", read("iob", "a O\n", types=["D"]), f"{F}:1", "filled columns", "separate the columns"),
    Case("iob: no entity at all", read("iob", "a\tO\n", types=["D"]), F, "has no items", "check the file"),
    Case("iob: an empty file", read("iob", "\n \n", types=["D"]), F, "the file is empty", "get the file again"),
    # labelled_lines
    Case("lines: an undeclared label", read("labelled_lines", "a\t2\n", **LABELS), f"{F}:1", "label '2'",
         "use one of: 0, 1"),
    Case("lines: a near label", read("labelled_lines", "a\tgod\n", labels=["good", "bad"]), f"{F}:1", "'god'",
         "mean 'good'"),
    Case("lines: no label", read("labelled_lines", "a\t1\nb\n", **LABELS), f"{F}:2", "no text or no label",
         "write text"),
    Case("lines: no text", read("labelled_lines", "\t1\n", **LABELS), f"{F}:1", "no text or no label", "write text"),
    Case("lines: no such encoding", read("labelled_lines", "a\t1", **LABELS, encoding="latin-99"), F,
         "unknown encoding", "utf-8"),
    Case("lines: an encoding of bytes", read("labelled_lines", "a\t1", **LABELS, encoding="zlib"), F,
         "unknown encoding", "utf-8"),
    Case("lines: a NUL in the encoding", read("labelled_lines", "a\t1", **LABELS, encoding="a\0"), F, "unknown enc",
         "utf-8"),
    Case("lines: Latin-1", read("labelled_lines", b"a\t1\n\xe9\t1\n", **LABELS), f"{F}:2", "not UTF-8",
         "name its encoding"),
    # table, column_table
    Case("table: no such column", read("table", "id,tekst,mood\n", **TABLE), f"{F}:1", "no column 'text'",
         "did you mean 'tekst'?"),
    Case("table: a column twice", read("table", "id,text,text,mood\n1,a,b,c\n", **TABLE), f"{F}:1", "'text' twice",
         "rename"),
    Case("table: a short row", read("table", "id,text,mood\n1,a,b\n2,c\n", **TABLE), f"{F}:3",
         "2 columns instead of 3", "each line"),
    Case("table: a long row", read("table", "id,text,mood\n1,a,b,c\n", **TABLE), f"{F}:2", "4 columns instead of 3",
         "each"),
    Case("table: an open quote", read("table", 'id,text,mood\n1,"a,b\n', **TABLE), F, "is not valid CSV",
         "get the file again"),
    Case("table: an empty answer", read("table", "id,text,mood\n1,a,\n", **TABLE), f"{F}:2", "'mood' is empty",
         "give 'mood'"),
    Case("table: an undeclared label", read("table", "id,text,mood\n1,a,2\n", **TABLE, **LABELS), f"{F}:2",
         "label '2'", "use one"),
    Case("table: a header alone", read("table", "id,text,mood\n", **TABLE), F, "has no items", "check the file"),
    Case("table: an id twice", read("table", "id,text,mood\n1,a,b\n1,c,d\n", **TABLE), F, "two items have the id '1'",
         "unique"),
    Case("table: a NUL", read("table", "id,text,mood\n1,\0a,b\n", **TABLE, labels=["c"]), f"{F}:2", "label 'b'",
         "use one"),
    Case("table: an input of nothing", read("table", "id,text,mood\n1,a,b\n", input="", answer="mood"), F,
         "has no input", "question"),
    Case("columns: a third value",
         read("column_table", "t,q\na,maybe\n", input="{t} {question}", questions={"q": "Q?"}, **LABELS),
         f"{F}:2 column 'q'", "unknown label 'maybe'", "use one of: 0, 1"),
    # json, jsonl with options, instructions, iob of lists, brat
    Case("json: lines", read("json", '{"q": "x", "a": "y"}\n{"q": "z", "a": "y"}\n', **ASKED), f"{F}:2", "is not JSON",
         "the reader 'jsonl'"),
    Case("json: records elsewhere", read("json", {"data": [{"q": "x", "a": "y"}]}, **ASKED), F, "neither a filled list",
         "they may be in data"),
    Case("json: no such field", read("json", [{"query": "x", "a": "y"}], **ASKED), "[0]", "has no field 'q'",
         "use the fields that there are: query, a"),
    Case("json: a list as a question", read("json", [{"q": ["x"], "a": "y"}], **ASKED), "[0]", "not text but list",
         "'join'"),
    Case("json: no such choice", read("json", [{"q": "x", "a": "E", "c": ["y", "z"]}], **ASKED, choices="c"), F,
         "1 of 1 items cannot be used", "none of the choices"),
    Case("jsonl: half the options", read("jsonl", {"q": "x"}, input="{q}"), F, "not 'answer'", "give both"),
    Case("jsonl: an answer of nothing", read("jsonl", {"q": "x", "a": []}, **ASKED), f"{F}:1", "holds no answer",
         "give it an answer"),
    Case("alpaca: a conversation", read("instructions", [{"conversations": []}], format="alpaca"), "[0]",
         "'instruction' is missing", "give 'instruction'"),
    Case("iob: a tag without a name", read("iob", {"t": ["x"], "n": [1]}, types=["D"], tokens="t", tags="n"),
         "token 0", "tag 1 has no name", "'tag_names'"),
    Case("iob: tokens without tags", read("iob", {"t": ["x"]}, types=["D"], tokens="t"), F, "one of the options",
         "give both"),
    Case("brat: a file", read("brat", "x", types=["D"]), F, "is no folder", "name the folder"),
    # bioasq, squad, bigbench
    Case("bioasq: a list of questions", read("bioasq", [QUESTION], type="yesno"), F, "is not a JSON object",
         "named fields"),
    Case("bioasq: no questions", read("bioasq", {"questions": []}, type="yesno"), F, "not a filled list",
         "get the file again"),
    Case("bioasq: a new type", read("bioasq", {"questions": [{**QUESTION, "type": "essay"}]}, type="yesno"),
         "questions[0]", "unknown type 'essay'", "use one of: factoid"),
    Case("bioasq: maybe", bioasq(exact_answer="maybe"), "questions[0]", "answer 'maybe'", "use 'yes' or 'no'"),
    Case("bioasq: no answer", bioasq(type="list", exact_answer=[]), "questions[0]", "not a filled list",
         "list of synonym"),
    Case("bioasq: blank synonyms alone", bioasq(type="list", exact_answer=[["", " "]]), "questions[0]",
         "question 'a' has no reference", "give it a name"),
    Case("bioasq: snippets as text", bioasq(snippets="x"), "questions[0]", "'snippets' is not a list",
         "list of objects"),
    Case("bioasq: no question of the type", read("bioasq", {"questions": [QUESTION]}, type="list"), F, "has no items",
         "check"),
    Case("squad: no answer", squad(answers=[]), "qas[0]", "has no reference", "is_impossible: true"),
    Case("squad: empty answers alone", squad(answers=[{"text": ""}, {"text": " "}]), F, "item 'a' has no reference",
         "right answer"),
    Case("squad: no question", squad(question=None), "qas[0]", "'question' is not text", "give 'question'"),
    Case("squad: torn", read("squad", '{"data": [{"paragraphs": ['), f"{F}:1", "is not JSON", "get the file again"),
    Case("squad: a key twice", read("squad", '{"data": [], "data": [1]}'), F, "'data' stands twice", "correct it"),
    Case("squad: nested 100,000 deep", read("squad", "[" * 100_000), F, "nested too deep", "correct it"),
    Case("bigbench: no target", read("bigbench", {"examples": [{"input": "x"}]}), "examples[0]",
         "'target' is missing", "give"),
    Case("bigbench: two best", read("bigbench", {"examples": [{"input": "x", "target_scores": {"a": 1, "b": 1}}]}),
         "examples[0]", "2 best targets", "let one be the answer"),
    Case("bigbench: no scores", read("bigbench", {"examples": [{"input": "x", "target_scores": {"a": None}}]}),
         "examples[0]", "gives no target a score", "a number"),
    Case("bigbench: a score of NaN",
         read("bigbench", '{"examples": [{"input": "x", "target_scores": {"a": NaN, "b": 1}}]}'),
         F, "NaN is not a number", "correct it"),
    Case("bigbench: an endless score",
         read("bigbench", '{"examples": [{"input": "x", "target_scores": {"a": 1e999}}]}'),
         F, "too large a number", "correct it"),
    Case("bigbench: an undeclared label",
         read("bigbench", {"examples": [{"input": "x", "target": "maybe"}]}, labels=["yes"]),
         "examples[0]", "unknown label 'maybe'", "use one of: yes"),
    Case("bigbench: choices perhaps",
         read("bigbench", {"append_choices_to_input": "no", "examples": [{"input": "x", "target": "y"}]}),
         F, "'append_choices_to_input' is 'no'", "true or false"),
    # ddi
    Case("ddi: no XML", read("ddi", "plain text"), f"{F}:1", "is not valid XML", "get the file again"),
    Case("ddi: no sentence", read("ddi", "<document/>"), F, "holds no <sentence>", "DDI corpus"),
    Case("ddi: an entity outside", read("ddi", ENTITY.format("0-40", "")), "sentence 's'",
         "outside the sentence's 19", "charOffset"),
    Case("ddi: an entity backwards", read("ddi", ENTITY.format("6-0", "")), "sentence 's'", "lies at '6-0'",
         "correct its charOffset"),
    Case("ddi: no offset", read("ddi", ENTITY.format("", "")), "sentence 's'", "lies at ''", "correct its charOffset"),
    Case("ddi: a negative offset", read("ddi", ENTITY.format("-1-6", "")), "sentence 's'", "lies at",
         "correct its charOffset"),
    Case("ddi: a pair of a stranger", read("ddi", ENTITY.format("0-6", '<pair e1="e1" e2="e9" ddi="true"/>')),
         "sentence 's'", "names entity 'e9'", "correct e1 or e2"),
    Case("ddi: a label of its own", read("ddi", ENTITY.format("0-6", '<pair e1="e1" e2="e1" ddi="yes"/>')),
         "sentence 's'", "ddi='yes'", "'true' or 'false'"),
    Case("ddi: an entity from a file", read("ddi", '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><d>&x;</d>'),
         F, "undefined entity", "get the file again"),
    Case("ddi: a billion laughs", read("ddi", "<!DOCTYPE d [<!ENTITY a0 'ha'>" + "".join(
        f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 12)) + "]><d>&a11;</d>"), F, "not valid XML",
             "get the"),
    # tatqa, convfinqa
    Case("tatqa: a scale of its own",
         read("tatqa", [{**REPORT, "questions": [{**REPORT["questions"][0], "scale": "dozen"}]}]),
         "questions[0]", "unknown label 'dozen'", "use one of"),
    Case("tatqa: no answer", read("tatqa", [{**REPORT, "questions": [{**REPORT["questions"][0], "answer": []}]}]),
         "questions[0]", "has no reference", "a text, number or list"),
    Case("tatqa: no table", read("tatqa", [{**REPORT, "table": {"table": []}}]), "[0].table", "has no table",
         "list of rows"),
    Case("tatqa: a cell that is a number", read("tatqa", [{**REPORT, "table": {"table": [[1]]}}]), "[0]", "is [1]",
         "texts"),
    Case("tatqa: no order", read("tatqa", [{**REPORT, "paragraphs": [{"text": "x"}]}]), "paragraphs[0]", "'order'",
         "number"),
    Case("convfinqa: two questions, one value", read("convfinqa", [{**TURNS, "annotation": {
        "dialogue_break": ["a", "b"], "turn_program": ["1", "2"], "exe_ans_list": [1]}}]), "[0]", "2 questions",
             "one of each"),
    Case("convfinqa: a split of another length",
         read("convfinqa", [{**TURNS, "annotation": {**TURNS["annotation"], "qa_split": [0, 1]}}]),
         "[0]", "'qa_split' is [0, 1]", "each turn 0 or 1"),
    Case("convfinqa: no values",
         read("convfinqa", [{**TURNS, "annotation": {"dialogue_break": ["a"], "turn_program": ["1"]}}]),
         "[0]", "has no reference", "take the dev part"),
    Case("convfinqa: single turns", read("convfinqa", [{**TURNS, "annotation": {"cur_dial": []}}]), "[0]",
         "single turns", "dev.json"),
    # readers of a pack's own
    Case("own: it fails", own("yield {}['colour']"), F, "reader 'own' failed: KeyError('colour')", "or the reader"),
    Case("own: it returns nothing", own("return None"), F, "reader 'own' failed: TypeError", "or the reader"),
    Case("own: it gives no items", own("yield {'id': 'a'}"), F, "gives {'id': 'a'}", "or the reader"),
    Case("own: a text as references", own("yield Item('a', 'b', 'c')"), F, "gives references 'c'", "or the reader"),
    Case("own: no input", own("yield Item('a', '', ('c',))"), F, "item 'a' has no input", "a question"),
    Case("own: an input of bytes", own("yield Item('a', b'b', ('c',))"), F, "id and input as texts", "or the reader"),
    Case("own: no item", own("yield from ()"), F, "has no items", "check the file"),
)  # fmt: skip
SUPERVISED = recipe(iterations=1, adapter__data="supervised")
TRAINING = (
    Case("no training file", SUPERVISED, "domain.yaml", "needs a training split", "with the key 'train'"),
    Case("test items to train on", all_of(SUPERVISED, benchmark(train=F)), F,
         "is one of its test items", "name another file"),
    Case("a torn training file", all_of(SUPERVISED, benchmark(train="t.jsonl"), put("data/t.jsonl", "{")),
         "t.jsonl:1", "is not JSON", "one JSON object per line"),
)  # fmt: skip
TRAINING_KIND = Kind("training split", (ways.check, ways.make("training_items")), TRAINING, ways.benchmarks_made)
KIND = Kind("benchmark", (ways.check, ways.make("benchmarks")), CASES)
