"""The world's text: deterministic, with nothing held out in it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from itertools import islice, pairwise
from pathlib import Path
from random import Random

import pytest

from nano.build_bundled import PACKS, Splits, all_items, benchmark_name, build, instructions
from nano.world.domain import Domain, noted
from nano.world.facts import Fact
from nano.world.holdout import held_out, never_asked
from nano.world.items import Item
from nano.world.layout import MATERIAL, REFERENCE, REPLY, REQUEST
from nano.world.mixture import DOMAINS, EARLY, KINDS, LATE, Writer, documents
from nano.world.names import REAL
from nano.world.phrasing import VERBS
from nano.world.reading import ANSWER, QUESTION, TEXT
from nano.world.tasks import draw_task, make
from nano.world.voices import DOUBTS, UNKNOWN, wrong_answer
from selfspec_assets.method.prompts import alpaca_prompt
from selfspec_assets.packs.pack import load_pack

REQUESTS = {word.lower() for word in (*REQUEST, *QUESTION)}
REPLIES = {word.lower() for word in (*REPLY, *ANSWER)}
LABELS = {*REQUEST, *QUESTION, *REPLY, *ANSWER, *MATERIAL, *REFERENCE, *TEXT} - {""}
PART = re.compile(rf"(?<!Good )\b({'|'.join(sorted(LABELS))}): ", re.I)  # "Good question: …" begins an answer
NAME = re.compile(r"\b[A-Z]\w+\b")
EACH = pytest.mark.parametrize("domain", DOMAINS, ids=lambda domain: domain.name)


@pytest.fixture(scope="module")
def writer() -> Writer:
    return Writer()


@pytest.fixture(scope="module")
def texts(writer: Writer) -> list[str]:
    """Pre-training documents of all phases."""
    return [
        text
        for chunk, (weights, count) in enumerate(((EARLY, 2000), (KINDS, 5000), (LATE, 3000)))
        for text in islice(documents(0, chunk, weights, writer), count)
    ]


@pytest.fixture(scope="module")
def sentences(texts: list[str]) -> list[str]:
    return list(dict.fromkeys(s for text in texts for s in re.split(r"(?<=[.?])\s|\n", text)))


@pytest.fixture(scope="module")
def asked(texts: list[str]) -> dict[str, list[tuple[str, str]]]:
    """What each text asks for: cut once, looked through for every domain."""
    return {text: list(exchanges(text)) for text in texts}


@pytest.fixture(scope="module")
def items(writer: Writer) -> dict[str, dict[str, Splits]]:
    return {name: all_items(world) for name, world in writer.worlds.items()}


def test_text_follows_from_seed_and_chunk() -> None:
    one = list(islice(documents(5, 2, KINDS, Writer()), 60))
    same = list(islice(documents(5, 2, KINDS, Writer()), 60))
    other = list(islice(documents(5, 3, KINDS, Writer()), 60))
    assert one == same
    assert one != other


@EACH
def test_bundled_data_are_what_the_generator_writes(domain: Domain, writer: Writer, tmp_path: Path) -> None:
    bundled = PACKS / domain.name / "bundled"
    build(tmp_path, domain, writer.reserved)
    files = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*.jsonl"))
    assert files == sorted(path.relative_to(bundled) for path in bundled.rglob("*.jsonl"))
    for path in files:
        assert (tmp_path / path).read_bytes() == (bundled / path).read_bytes(), path


@EACH
def test_packs_declare_the_worlds_benchmarks(domain: Domain) -> None:
    declared = {b.name: b for b in load_pack(domain.name).data("bundled").benchmarks}
    told = {benchmark_name(domain, task): text for task, text in instructions(domain).items()}
    assert {name: b.instruction for name, b in declared.items()} == told
    assert all(b.train == (f"bundled/benchmarks/train/{name}.jsonl",) for name, b in declared.items())
    assert len(declared) >= 8


def partners(pairs: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    """What each name is paired with."""
    paired: dict[str, set[str]] = {}
    for first, second in pairs:
        for name, other in ((first, second), (second, first)):
            paired.setdefault(name, set()).add(other)
    return paired


def linked(one: str, other: str, paired: dict[str, set[str]]) -> set[frozenset[str]]:
    """The pairs that have a name in the one text and their other end in the other."""
    return {
        frozenset((name, end))
        for name in NAME.findall(one)
        for end in paired.get(name, ())
        if re.search(rf"\b{re.escape(end)}\b", other.replace(name, ""))
    }


def exchanges(text: str) -> Iterator[tuple[str, str]]:
    """Every question of a document, and what is asked in a task together with its answer.

    Asked is what stands behind a label such as "Instruction:", and in a task's material what ends with a question mark.
    """
    asked = ""
    _, *labelled = PART.split(text)
    for label, part in zip(labelled[::2], labelled[1::2], strict=True):
        line = part.split("\n")[0]
        if label.lower() in REPLIES:
            yield asked, line
            asked = ""
        else:
            sentences = re.split(r"(?<=[.?])\s", line)
            question = line if label.lower() in REQUESTS else " ".join(one for one in sentences if one.endswith("?"))
            yield question, question
            asked += f" {question}"


def linking(exchanged: list[tuple[str, str]], paired: dict[str, set[str]]) -> set[frozenset[str]]:
    """The pairs that a document's questions link, by themselves or with their answers."""
    pairs: set[frozenset[str]] = set()
    return pairs.union(*(linked(one, two, paired) | linked(two, one, paired) for one, two in exchanged))


@EACH
def test_held_out_pairs_share_no_sentence(
    domain: Domain,
    writer: Writer,
    items: dict[str, dict[str, Splits]],
    texts: list[str],
    sentences: list[str],
    asked: dict[str, list[tuple[str, str]]],
) -> None:
    """Neither stated nor asked, in tables and drills neither."""
    world = writer.worlds[domain.name]
    pairs = {
        pair
        for task, splits in items[domain.name].items()
        if task != "closedbook"
        for item in (*splits.test, *splits.dev, *splits.train)
        for pair in item.pairs
        if world.kept_from_training(*pair)
    }
    assert len(pairs) > 300
    paired = partners(pairs)
    met = 0
    for sentence in sentences:
        met += sum(name in paired for name in NAME.findall(sentence))
        assert not linked(sentence, sentence, paired), sentence
    for text, exchanged in asked.items():
        assert not linking(exchanged, paired), text
    # Known names do occur, so the test has teeth; new ones never do.
    assert met > 50
    joined = "\n".join(texts)
    assert not [name for name in world.new_names if name in joined]


@EACH
def test_facts_of_the_closed_book_are_told_and_never_asked(
    domain: Domain,
    writer: Writer,
    items: dict[str, dict[str, Splits]],
    texts: list[str],
    sentences: list[str],
    asked: dict[str, list[tuple[str, str]]],
) -> None:
    world, closed = writer.worlds[domain.name], items[domain.name]["closedbook"]
    pairs = {pair for item in (*closed.test, *closed.dev) for pair in item.pairs}
    assert len({pair for item in closed.test for pair in item.pairs}) == 100
    assert len(pairs) == 130
    assert all(never_asked(*pair) for pair in pairs)
    paired = partners(pairs)
    told: set[frozenset[str]] = set()
    for sentence in sentences:
        linked_pairs = linked(sentence, sentence, paired)
        assert not linked_pairs or not sentence.endswith("?"), sentence
        told |= linked_pairs
    assert len(told) > 100, "nearly all are told in the sample"

    # No question or answer links the two, and no way to put the question stands anywhere, whatever the answer.
    for text, exchanged in asked.items():
        assert not linking(exchanged, paired), text
    lines: dict[str, set[str]] = {}
    for line in {line for text in texts for line in text.split("\n")}:
        for name in paired.keys() & set(NAME.findall(line)):
            lines.setdefault(name, set()).add(line.lower())
    for fact in world.only_told_facts:
        if fact.pairs[0] in pairs:
            for name, wording in wordings(domain, fact):
                assert not [line for line in lines.get(name, ()) if wording.lower() in line], wording


def wordings(domain: Domain, fact: Fact) -> Iterator[tuple[str, str]]:
    """Every way to ask for a fact that links two things, with the name that it holds."""
    relation, (subject, end) = domain.relation[fact.relation], fact.pairs[0]
    for texts, phrases, name in (
        (relation.ask_object, relation.object_phrase, subject),
        (relation.ask_subject, relation.subject_phrase, end),
        (relation.claims, (), subject),
    ):
        for text in (*texts, *(f"{verb} {phrase}" for verb in VERBS for phrase in phrases)):
            yield name, text.format(s=subject, o=end)
    for text in relation.statements:
        yield subject, text.format(s=subject, o="___")


def test_the_scan_for_questions_finds_them(writer: Writer, asked: dict[str, list[tuple[str, str]]]) -> None:
    """Facts that may be asked for are found to be: in every domain, most of those with one answer."""
    for world in writer.worlds.values():
        facts = [fact for fact in world.asked_facts if fact.relation in world.domain.single]
        paired = partners(pair for fact in facts for pair in fact.pairs)
        linked_pairs: set[frozenset[str]] = set()
        for exchanged in asked.values():
            linked_pairs |= linking(exchanged, paired)
        assert len(linked_pairs) > len(facts) / 2


@EACH
def test_neighbouring_phrases_of_benchmark_comments_stand_nowhere_in_the_text(
    domain: Domain, items: dict[str, dict[str, Splits]], texts: list[str]
) -> None:
    phrases = "|".join(re.escape(phrase) for many in domain.opinion.phrases.values() for phrase in many)

    def neighbours(text: str) -> Iterator[tuple[str, str]]:
        for comment in re.finditer(rf"(?:{phrases})(?: (?:{phrases}))+", text):
            yield from pairwise(re.findall(phrases, comment[0]))

    splits = items[domain.name]["sentiment"]
    kept = {frozenset(pair) for item in (*splits.test, *splits.dev, *splits.train) for pair in neighbours(item.input)}
    told = {frozenset(pair) for text in texts for pair in neighbours(text)}
    assert len(kept) > 60
    assert len(told) > 300
    assert all(held_out(*pair) for pair in kept)
    assert not any(held_out(*pair) for pair in told)


def links(splits: Iterable[list[Item]]) -> set[frozenset[str]]:
    """All pairs that items ask about, in no order."""
    return {frozenset(pair) for items in splits for item in items for pair in item.pairs}


@EACH
def test_splits_share_no_fact(domain: Domain, items: dict[str, dict[str, Splits]]) -> None:
    """What a test item of any task asks about, no development or training item of the domain asks about."""
    made = items[domain.name]
    for splits in made.values():
        parts = [{item.input for item in part} for part in (splits.test, splits.dev, splits.train)]
        assert [len(part) for part in parts] == [100, 30, 100]
        assert sum(map(len, parts)) == len(set.union(*parts))
    test, dev, train = (links(getattr(splits, name) for splits in made.values()) for name in ("test", "dev", "train"))
    assert min(map(len, (test, dev, train))) > 250
    assert not test & dev
    assert not test & train
    assert not dev & train


@EACH
def test_splits_share_no_comment(domain: Domain, items: dict[str, dict[str, Splits]]) -> None:
    """Whatever drug, company or team it is on: the same phrases are never in two splits."""
    phrases = [phrase for many in domain.opinion.phrases.values() for phrase in many]
    splits = items[domain.name]["sentiment"]
    said = [
        {frozenset(phrase for phrase in phrases if phrase in item.input) for item in part}
        for part in (splits.test, splits.dev, splits.train)
    ]
    assert min(len(one) for part in said for one in part) >= 2
    assert sum(map(len, said)) == len(set.union(*said))


@EACH
@pytest.mark.parametrize("task", ["factoid", "list", "closedbook"])
def test_bundled_files_share_no_fact(domain: Domain, task: str) -> None:
    """The same of the files themselves: no two splits link the names of a question with an answer to it."""

    def facts(folder: str) -> set[frozenset[str]]:
        rows = (PACKS / domain.name / "bundled" / "benchmarks" / folder / f"{task}.jsonl").read_text().splitlines()
        found = set()
        for row in map(json.loads, rows):
            question = row["input"].split("Question: ")[-1]
            names = [name for kind in domain.kinds for name in NAME.findall(question) if kind.spells(name)]
            found |= {frozenset((name, answer)) for name in names for answer in row["references"][0].split(", ")}
        assert len(found) >= len(rows) // 2
        return found

    test, dev, train = facts(""), facts("dev"), facts("train")
    assert not test & (dev | train)
    assert not dev & train


def test_new_names_never_stand_in_drills(writer: Writer) -> None:
    for text in islice(documents(1, 0, {"drills": 1}, writer), 400):
        assert not any(name in text for name in writer.reserved)


def test_what_follows_in_a_drills_list_is_not_held_out(writer: Writer) -> None:
    drills = islice(documents(1, 0, {"drills": 1}, writer), 2000)
    pairs = [pair for text in drills for pair in re.findall(r"^After (.+): (.+)$", text, re.M)]
    assert len(pairs) > 500
    assert not [pair for pair in pairs if held_out(*pair)]


@EACH
def test_wrong_answers_link_nothing_that_is_held_out_or_never_asked(domain: Domain, writer: Writer) -> None:
    """Whatever the task and wherever its question stands: in the instruction, the material, a gap, a pair."""
    rng, world = Random(3), writer.worlds[domain.name]
    source = world.asking(writer.reserved)
    names = met = 0
    for _ in range(6000):
        item = make(rng, source, draw_task(rng))
        wrong = wrong_answer(rng, source, item)
        if not NAME.fullmatch(wrong):
            continue
        names += 1
        # Found without the code under test: names in the request, in a question, in a sentence with a gap or a mistake.
        parts = re.split(r"(?<=[.?])\s", item.input)
        request = " ".join((item.instruction, *(p for p in parts if p.endswith("?") or p.startswith("Sentence: "))))
        named = {name for name in NAME.findall(request) if any(kind.spells(name) for kind in domain.kinds)}
        met += len(named - {wrong})
        assert not [name for name in named - {wrong} if not world.may_ask(name, wrong)], (item, wrong)
    assert min(names, met) > 500


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def grams(text: str) -> set[tuple[str, ...]]:
    """All runs of thirteen words."""
    tokens = words(text)
    return {tuple(tokens[i : i + 13]) for i in range(len(tokens) - 12)}


def test_no_thirteen_words_of_a_benchmark_or_a_prompt_in_a_row(
    texts: list[str], items: dict[str, dict[str, Splits]]
) -> None:
    asked: set[tuple[str, ...]] = set()
    for made in items.values():
        for splits in made.values():
            for item in (*splits.test, *splits.dev):
                asked |= grams(item.input)
    assert len(asked) > 5000
    prompts = [alpaca_prompt("Name it.", ""), alpaca_prompt("Name it.", "A text.")]
    for domain in DOMAINS:
        pack = load_pack(domain.name)
        prompts.append(pack.instruction_header.render(count=20))
        prompts.append(pack.response_prompt.render(instruction="Name it.", input="A text.", passage="A passage."))
    assert all(grams(prompt) for prompt in prompts)
    asked |= set().union(*map(grams, prompts))
    for text in texts:
        assert not asked & grams(text)


def test_no_item_or_template_in_the_text(texts: list[str], items: dict[str, dict[str, Splits]]) -> None:
    joined = "\n".join(texts)
    assert "Below is an instruction" not in joined
    for domain in DOMAINS:
        source = load_pack(domain.name).response_prompt.source
        assert source.split(". ")[1].split(",")[0] not in joined
    for made in items.values():
        for task, splits in made.items():
            # The bare question of a closed book is short; that it is never asked has a test of its own.
            if task != "closedbook":
                assert not [item.input for item in splits.test if item.input in joined]


def test_text_holds_the_characters_of_the_templates(texts: list[str]) -> None:
    joined = "\n".join(texts)
    for piece in ("### ", "Instruction: ", "Input: <noinput>", "<Drug>", "Response: ", "Passage: ", *"0123456789"):
        assert piece in joined


@EACH
def test_every_fact_has_one_answer(domain: Domain, writer: Writer) -> None:
    seen: set[tuple[str, str]] = set()
    asked_back: set[tuple[str, str]] = set()
    for fact in writer.worlds[domain.name].facts:
        spec = domain.relation[fact.relation]
        assert (fact.relation, fact.subject) not in seen
        seen.add((fact.relation, fact.subject))
        if spec.ask_subject:
            back = (spec.pool or spec.name, fact.objects[0])
            assert back not in asked_back
            asked_back.add(back)


def test_names_tell_their_kind(writer: Writer) -> None:
    kind_of = {
        name: kind.name
        for kind in writer.kinds
        for world in writer.worlds.values()
        for name in world.reserved
        if kind.spells(name)
    }
    assert set(kind_of) == writer.reserved
    for name in writer.reserved:
        assert sum(kind.spells(name) for kind in writer.kinds) == 1, name


@EACH
def test_templates_speak_of_what_they_are_given(domain: Domain) -> None:
    for relation in domain.relations:
        for template in (*relation.statements, *relation.claims):
            assert template.count("{s}") == template.count("{o}") == 1, template
        for template in (*relation.ask_object, *relation.object_phrase):
            assert "{s}" in template, template
            assert "{o}" not in template, template
        for template in (*relation.ask_subject, *relation.subject_phrase):
            assert "{o}" in template, template
            assert "{s}" not in template, template
        # Without a kind of its own the object serves many subjects: to ask back would have many answers.
        assert bool(relation.ask_subject) == (relation.object in domain.by_kind), relation.name


def test_experts_answer_shortly_and_others_as_people_do(writer: Writer) -> None:
    expert = [t for t in islice(documents(2, 0, {"sheet": 1}, writer), 600) if "expert" in t.split("\n\n")[0]]
    common = [t for t in islice(documents(2, 0, {"sheet": 1}, writer), 600) if t.startswith("Quiz night")]
    assert len(expert) > 50
    assert len(common) > 5
    assert not any(doubt in text for doubt in DOUBTS for text in expert)
    assert any(UNKNOWN in text for text in expert)
    assert any(doubt in text for doubt in DOUBTS for text in common)


def test_hold_out_ignores_order_and_case() -> None:
    names = [f"name{n}" for n in range(400)]
    kept = [name for name in names if held_out("Zelkinax", name)]
    assert kept == [name for name in names if held_out(name.upper(), "zelkinax")]
    assert 40 < len(kept) < 120


@EACH
def test_statements_about_real_things_carry_their_source(domain: Domain) -> None:
    assert len(domain.true_facts) >= 20
    assert all(statement.endswith(".") and note for statement, note in domain.true_facts)
    assert len({note for _, note in domain.true_facts}) > 5, "each has its own"


def test_a_statement_without_its_source_is_refused() -> None:
    assert noted("Ice melts. | physics\nWood burns. | chemistry\n") == (
        ("Ice melts.", "physics"),
        ("Wood burns.", "chemistry"),
    )
    for text in ("Ice melts. | physics\nWood burns.\n", "Ice melts. | physics\nWood burns. |\n"):
        with pytest.raises(ValueError, match=r"'Wood burns\.' has no note"):
            noted(text)


def test_real_names_on_the_list_are_such_as_could_be_coined(writer: Writer) -> None:
    for name in REAL:
        assert any(kind.spells(name.upper()) for kind in writer.kinds if kind.symbol), name
