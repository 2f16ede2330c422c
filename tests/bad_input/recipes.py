"""Recipes that cannot be taken."""

import datetime
import gzip
from typing import Any

from tests.bad_input import ways
from tests.bad_input.spoil import RECIPE, Spoil, add, folder, gone, link, put, recipe, without
from tests.bad_input.trial import Case, Kind

COMMIT = "0" * 40
LAUGHS = "a: &a [x, x]\n" + "".join(
    f"{b}: &{b} [{'*' + a}, {'*' + a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)
TYPES = [
    ("seed", "three"),
    ("seed", 3.5),
    ("seed", True),
    ("seed", [3]),
    ("domains", "botany"),
    ("domains", ["Botany"]),
    ("domains", [1]),
    ("iterations", "two"),
    ("data", "public"),
    ("base_model", "./model"),
    ("base_model.model", ""),
    ("base_model.dtype", "float16"),
    ("base_model.quantization", "int8"),
    ("instructions.target", "all"),
    ("instructions.later_iterations", "old"),
    ("instructions.temperature", "warm"),
    ("instructions.temperature", True),
    ("instructions.top_p", "nan"),
    ("passages.k", "five"),
    ("passages.k", [3, "x"]),
    ("passages.p_ret", None),
    ("passages.p_ret.normalise", "l2"),
    ("passages.retriever", "bm26"),
    ("passages.options", {"idf": "bm25+"}),
    ("passages.options", {"k2": 1.0}),
    ("responses.contrast.form", "ratio"),
    ("responses.contrast.alpha", False),
    ("adapter.learning_rate", "fast"),
    ("adapter.learning_rate", {"start": 1}),
    ("adapter.start", "last"),
    ("adapter.data", "all"),
    ("scores.shots", 5),
    ("scores.shots", [0, 0.5]),
    ("scores.base_variants", ["chat"]),
    ("scores.benchmarks", "colours"),
]
RANGES = [
    ("seed", -1),
    ("seed", 2**63),
    ("iterations", 0),
    ("iterations", 10),
    ("domains", []),
    ("instructions.target", 0),
    ("instructions.target", 10**9),
    ("instructions.min_kept", -4),
    ("instructions.max_requests", 0),
    ("instructions.tasks_per_prompt", 1),
    ("instructions.tasks_per_prompt", 101),
    ("instructions.seeds_per_prompt", 0),
    ("instructions.temperature", 0),
    ("instructions.temperature", float("inf")),
    ("instructions.top_p", 1.5),
    ("instructions.top_p", float("nan")),
    ("instructions.max_rouge_l", 0),
    ("instructions.batch_size", 0),
    ("passages.k", 51),
    ("passages.k", -1),
    ("passages.max_words", 0),
    ("passages.p_ret.temperature", float("inf")),
    ("passages.p_ret.temperature", -1),
    ("responses.max_new_tokens", 0),
    ("responses.contrast.alpha", 1.01),
    ("responses.contrast.alpha", float("nan")),
    ("adapter.r", 0),
    ("adapter.dropout", 1.0),
    ("adapter.dropout", -0.1),
    ("adapter.learning_rate", 0),
    ("adapter.learning_rate", float("nan")),
    ("adapter.epochs", 0),
    ("adapter.max_length", 0),
    ("scores.shots", []),
    ("scores.shots", [21]),
    ("scores.resamples", 99),
    ("scores.items_per_benchmark", 0),
    ("scores.batch_size", 0),
]
MISSPELT = [
    ("sed", "seed"),
    ("iteration", "iterations"),
    ("instructions.targets", "target"),
    ("instructions.temprature", "temperature"),
    ("passages.max_word", "max_words"),
    ("passages.p_ret.normalize", "normalise"),
    ("responses.contrast.alfa", "alpha"),
    ("adapter.learning-rate", "learning_rate"),
    ("scores.shot", "shots"),
]
REQUIRED = [
    "base_model",
    "data",
    "domains",
    "iterations",
    "instructions",
    "responses",
    "adapter",
    "scores",
    "base_model.model",
    "instructions.target",
    "responses.max_new_tokens",
    "adapter.max_length",
    "scores.max_new_tokens",
]


def model(name: str, revision: str | None) -> Spoil:
    return recipe(base_model={"model": name, "revision": revision})


def key(dotted: str, value: object) -> dict[str, object]:
    return {dotted.replace(".", "__"): value}


def grounded_but(key: str, value: object) -> dict[str, Any]:
    """``instructions.inputs: corpus`` with what belongs to it, but for one key."""
    needed: dict[str, object] = {"show": "same_task", "novelty": "task", "tasks_per_prompt": 4}
    values: dict[str, object] = {"inputs": "corpus", **needed, key: value}
    return {f"instructions__{name}": each for name, each in values.items()}


CASES = (
    *(Case(f"{k}: {v!r}", recipe(**key(k, v)), "tiny.yaml:", f"key '{k}", "correct the value") for k, v in TYPES),
    *(Case(f"{k}: {v!r}", recipe(**key(k, v)), "tiny.yaml:", f"key '{k}", "correct the value") for k, v in RANGES),
    *(
        Case(f"misspelt {k}", recipe(**key(k, 1)), "tiny.yaml:", f"unknown key '{k}'", f"did you mean '{right}'?")
        for k, right in MISSPELT
    ),
    *(
        Case(f"no {k}", without(RECIPE, *k.split(".")), "tiny.yaml:", f"key '{k}' is missing", "add it")
        for k in REQUIRED
    ),
    Case("min_kept above target", recipe(instructions__min_kept=17), "tiny.yaml:", "min_kept (17)", "correct"),
    Case("seeds fill the list", recipe(instructions__tasks_per_prompt=3), "tiny.yaml:", "must be below", "correct"),
    *(
        Case(
            f"inputs: corpus and {k}", recipe(**grounded_but(k, v)), "tiny.yaml:", f"'{k}' must be", "correct the value"
        )
        for k, v in (("show", "mixed"), ("novelty", "instruction"), ("tasks_per_prompt", 9))
    ),
    Case("micro batch does not divide", recipe(adapter__micro_batch_size=3), "tiny.yaml:", "must divide", "correct"),
    Case("shots fall", recipe(scores__shots=[2, 0]), "tiny.yaml:", "rising order", "correct the value"),
    Case("a shot twice", recipe(scores__shots=[0, 0]), "tiny.yaml:", "each number once", "correct the value"),
    Case("a domain twice", recipe(domains=["botany", "botany"]), "tiny.yaml:", "stands twice", "correct the value"),
    Case("k for one iteration of two", recipe(passages__k=[3]), "tiny.yaml:", "lists 1 values", "correct the value"),
    Case(
        "temperature without softmax", recipe(passages__p_ret__temperature=2), "tiny.yaml:", "softmax only", "correct"
    ),
    Case("bundled data, another model", recipe(data="bundled"), "tiny.yaml:", "own small world", "correct the value"),
    Case("a reference of two rounds", recipe(adapter__data="seeds"), "tiny.yaml:", "must be 1", "correct the value"),
    Case("hub id without revision", model("a/b", None), "tiny.yaml:", "needs 'revision'", "correct the value"),
    Case("a branch as revision", model("a/b", "main"), "tiny.yaml:", "40 hex digits", "correct the value"),
    Case("a short commit", model("a/b", COMMIT[:12]), "tiny.yaml:", "40 hex digits", "correct the value"),
    Case("a commit in capitals", model("a/b", "A" * 40), "tiny.yaml:", "40 hex digits", "correct the value"),
    Case("a commit and a line end", model("a/b", COMMIT + "\n"), "tiny.yaml:", "40 hex digits", "correct the value"),
    Case("a revision of a folder", model("./model", COMMIT), "tiny.yaml:", "hub only", "correct the value"),
    Case("neither folder nor id", model("mpt 30b", COMMIT), "tiny.yaml:", "neither 'embedded'", "correct the value"),
    Case("an id of three parts", model("a/b/c", COMMIT), "tiny.yaml:", "Hugging Face id", "correct the value"),
    Case("a key twice", add(RECIPE, "seed: 4\n"), "tiny.yaml:", "key 'seed' stands twice", "keep one"),
    Case(
        "a deep key twice", put(RECIPE, "adapter:\n  r: 1\n  r: 2\n"), "tiny.yaml:3", "key 'r' stands twice", "keep one"
    ),
    Case("a merge key", add(RECIPE, "<<: {seed: 9}\n"), "tiny.yaml:", "nothing is inherited", "write the keys out"),
    Case("an alias", add(RECIPE, "x: &a [1]\ny: *a\n"), "tiny.yaml:", "alias '*a'", "write the value out"),
    Case("a billion laughs", put(RECIPE, LAUGHS), "tiny.yaml:2", "aliases are not taken", "write the value out"),
    Case(
        "a list within itself", put(RECIPE, "a: &a [*a]\n"), "tiny.yaml:1", "aliases are not taken", "write the value"
    ),
    Case("nested 100,000 deep", put(RECIPE, "a: " + "[" * 100_000), "tiny.yaml:1", "nested more than 20", "flatter"),
    Case(
        "a call as tag", add(RECIPE, "x: !!python/object/apply:os.system [ls]\n"), "tiny.yaml:", "!!python", "remove it"
    ),
    Case(
        "a Python name as tag", add(RECIPE, "x: !!python/name:os.system\n"), "tiny.yaml:", "tags are not", "remove it"
    ),
    Case("a tag of its own", add(RECIPE, "x: !env HOME\n"), "tiny.yaml:", "tag '!env'", "plain value"),
    Case("a set as domains", add(RECIPE, "x: !!set {a, b}\n"), "tiny.yaml:", "tag '!!set'", "plain value"),
    Case("bytes as text", add(RECIPE, "x: !!binary aGk=\n"), "tiny.yaml:", "tag '!!binary'", "plain value"),
    Case("a date as seed", recipe(seed=datetime.date(2024, 1, 1)), "tiny.yaml:", "key 'seed'", "correct the value"),
    Case("a date that is none", add(RECIPE, "x: 2024-13-45\n"), "tiny.yaml", "cannot be read", "correct the value"),
    Case("a number of 5,000 digits", add(RECIPE, f"x: {'9' * 5000}\n"), "tiny.yaml", "cannot be read", "correct the"),
    Case("a number as key", add(RECIPE, "1: 2\n"), "tiny.yaml:", "Keys should be strings", "correct"),
    Case("yes as key", add(RECIPE, "yes: 2\n"), "tiny.yaml:", "Keys should be strings", "correct"),
    Case("a list as key", add(RECIPE, "? [a]\n: 2\n"), "tiny.yaml:", "a key is no name", "write a text as key"),
    Case("two documents", add(RECIPE, "---\nseed: 1\n"), "tiny.yaml:", "not valid YAML", "correct the line"),
    Case("a tab", put(RECIPE, "a:\n\tb: 1\n"), "tiny.yaml:2", "not valid YAML", "correct the line"),
    Case("an open bracket", put(RECIPE, "a: [1\nb: 2\n"), "tiny.yaml:2", "not valid YAML", "correct the line"),
    Case("an open quote", put(RECIPE, 'a: "b\n'), "tiny.yaml:", "not valid YAML", "correct the line"),
    Case("a NUL", put(RECIPE, "a: 1\nb: \0\n"), "tiny.yaml:2", "special characters", "correct the line"),
    Case("Latin-1", put(RECIPE, b"# caf\xe9\na: 1\n"), "tiny.yaml:1", "is not UTF-8", "save it as UTF-8"),
    Case("Latin-1 on line 2", put(RECIPE, b"a: 1\nb: \xfc\n"), "tiny.yaml:2", "is not UTF-8", "save it as UTF-8"),
    Case("UTF-16", put(RECIPE, "a: 1\n".encode("utf-16")), "tiny.yaml:1", "is not UTF-8", "save it as UTF-8"),
    Case("cut gzip data", put(RECIPE, gzip.compress(b"a: 1\n" * 99)[:-9]), "tiny.yaml", "cut off", "get the file"),
    Case("an empty file", put(RECIPE, ""), "tiny.yaml", "must hold a mapping", "docs/recipe.md"),
    Case("comments alone", put(RECIPE, "# all\n"), "tiny.yaml", "must hold a mapping", "docs/recipe.md"),
    Case("a list", put(RECIPE, "- 1\n"), "tiny.yaml", "must hold a mapping", "docs/recipe.md"),
    Case("a text", put(RECIPE, "tiny\n"), "tiny.yaml", "must hold a mapping", "docs/recipe.md"),
    Case("no file", gone(RECIPE), "recipe 'tiny'", "no such recipe", "write recipes/tiny.yaml"),
    Case("a folder", folder(RECIPE), "recipe 'tiny'", "no such recipe", "choose one of"),
    Case("a link to itself", link(RECIPE, "tiny.yaml"), "recipe 'tiny'", "no such recipe", "choose one of"),
    Case("a link to nowhere", link(RECIPE, "nowhere"), "recipe 'tiny'", "no such recipe", "choose one of"),
)
KIND = Kind("recipe", (ways.command("check", "tiny"), ways.command("run", "tiny")), CASES)
