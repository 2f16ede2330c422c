"""The three packs with published benchmarks: what is read, from small native files and from the published ones."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.method.scoring.metrics import normalise
from selfspec_assets.packs.contract import Benchmark
from selfspec_assets.packs.items import load_items, read_benchmark
from selfspec_assets.packs.pack import Pack, load_pack
from selfspec_assets.packs.records import Item, Remark, Seed, load_seeds
from selfspec_assets.planning.pack_check import check_pack
from tests.checkout import ROOT
from tests.native_samples import FIQA, NATIVE, SPORTQA
from tests.published_data import CASE_STUDY, DATA, REAL, published_file

ALL = [(domain, name) for domain, samples in NATIVE.items() for name in samples]
PUBLISHED = [(domain, name, count) for domain, counts in REAL.items() for name, count in counts.items()]


@pytest.fixture(scope="module")
def packs() -> Iterator[dict[str, Pack]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SELFSPEC_HOME", str(ROOT))
        yield {name: load_pack(name) for name in NATIVE}


def benchmark(pack: Pack, name: str) -> Benchmark:
    return next(benchmark for benchmark in pack.data("published").benchmarks if benchmark.name == name)


def sample(pack: Pack, name: str, folder: Path, content: str | bytes | None = None) -> list[Item]:
    path = folder / "file"
    text = NATIVE[pack.name][name] if content is None else content
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return list(pack.reader(benchmark(pack, name))(path))


def published(pack: Pack, name: str, monkeypatch: pytest.MonkeyPatch) -> list[Item]:
    for relative in () if name in CASE_STUDY else (benchmark(pack, name).file, *benchmark(pack, name).also):
        published_file(relative)
    monkeypatch.setenv("SELFSPEC_DATA", str(DATA))
    return load_items(pack, benchmark(pack, name), "published")


# The declarations


def test_the_packs_have_the_benchmarks_that_the_project_promises(packs: dict[str, Pack]) -> None:
    declared = {name: [b.name for b in pack.data("published").benchmarks] for name, pack in packs.items()}
    assert declared == {name: list(samples) for name, samples in NATIVE.items()}


@pytest.mark.parametrize(("domain", "name"), ALL)
def test_every_benchmark_says_where_it_is_from_and_its_licence(packs: dict[str, Pack], domain: str, name: str) -> None:
    declared = benchmark(packs[domain], name)
    assert declared.obtain
    assert declared.licence
    assert "\n" not in declared.how_to_get
    assert f"`{name}`" in (ROOT / "domains" / domain / "README.md").read_text(encoding="utf-8")


# From file to question


def test_opinions(packs: dict[str, Pack], tmp_path: Path) -> None:
    sentence = "Sentence: Karstow up, Sorvane down\nTarget:"
    assert sample(packs["finance"], "fiqa_sa", tmp_path) == [
        Item("12-0", f"{sentence} Karstow", ("positive",)),
        Item("12-1", f"{sentence} Sorvane", ("negative",)),
        Item("15-0", "Sentence: Does $PLWK trade today?\nTarget: PLWK", ("neutral",)),
    ]


def test_phrases(packs: dict[str, Pack], tmp_path: Path) -> None:
    assert sample(packs["finance"], "financial_phrasebank", tmp_path) == [
        Item("line-1", "Köln's ferry line doubled its profit .", ("positive",)),
        Item("line-2", "The office is in Bergen ; write to a@b .", ("neutral",)),
    ]


def test_headlines(packs: dict[str, Pack], tmp_path: Path) -> None:
    items = sample(packs["finance"], "gold_headlines", tmp_path)
    assert len(items) == 18
    assert (
        items[0].input == "Headline: Gold gains, silver lags\nQuestion: Does the headline speak of the price of gold?"
    )
    assert [item.references[0] for item in items[:9]] == ["yes", "yes", "no", "no", "yes", "no", "no", "no", "yes"]
    assert [item.item_id for item in items if item.references[0] == "yes"][-1] == "line-3:PastNews"


def test_conversations(packs: dict[str, Pack], tmp_path: Path) -> None:
    first, second = sample(packs["finance"], "convfinqa", tmp_path)
    assert first.references == ("140",)
    assert second.references == ("28%", "0.28")
    assert second.input == (
        "Context: sales by region , in thousands . the north grew .\nTable:\n | 2012 | 2011\nnorth | $ 640 | $ 500\n"
        "Question: what was the change in sales?\nAnswer: 140\nQuestion: and in percent of 2011?"
    )


def test_tables(packs: dict[str, Pack], tmp_path: Path) -> None:
    items = sample(packs["finance"], "tatqa", tmp_path)
    assert [item.references[0] for item in items] == ["Marketing", "1.2 million", "20%", "2021, 2020"]


def test_contracts(packs: dict[str, Pack], tmp_path: Path) -> None:
    answer = "Marta Quill <Person>, Tarnwick Mills <Organization>, Oslo <Location>"
    asked = "Marta Quill of Tarnwick Mills in Oslo"
    assert sample(packs["finance"], "fin_ner", tmp_path) == [Item("line-3", asked, (answer,))]


def test_sports(packs: dict[str, Pack], tmp_path: Path) -> None:
    statements = sample(packs["sports"], "sports_understanding", tmp_path)
    assert statements[0].input == "Statement: Ilse Varnholt punched the cross away"
    assert [item.references for item in statements] == [("plausible",), ("implausible",)]
    assert sample(packs["sports"], "sportqa", tmp_path) == [
        Item("question-0", "Which sport has a scrum?\nA) Golf\nB) Rugby\nC) Tennis\nD) Judo", ("B",)),
        Item("question-1", "When was the club founded?\nA) 1901-02-03\nB) 1911-02-03\nC) unknown", ("C",)),
        Item("question-2", "J.P. Tarrick played for whom?\nA) Oslo\nB) Bergen", ("A",)),
    ]


def fiqa(**change: object) -> str:
    opinion = FIQA["15"]["info"][0]
    return json.dumps({**FIQA, "15": {**FIQA["15"], "info": [{**opinion, **change}]}})


def sportqa(**change: object) -> str:
    return json.dumps([*SPORTQA, {**SPORTQA[0], **change}])


MALFORMED: list[tuple[str, str, str, str, str]] = [
    ("finance", "fiqa_sa", "[1]", "", "not a JSON object"),
    ("finance", "fiqa_sa", "{}", "", "holds no sentences"),
    ("finance", "fiqa_sa", fiqa(target=" "), ": key '15'.info[0]", "'target' is empty"),
    ("finance", "fiqa_sa", fiqa(sentiment_score="high"), ": key '15'.info[0]", "'high' is no number"),
    ("finance", "fiqa_sa", fiqa(sentiment_score="1.5"), ": key '15'.info[0]", "no number from -1 to 1"),
    ("finance", "fiqa_sa", fiqa(sentiment_score=None), ": key '15'.info[0]", "'sentiment_score' is not text"),
    ("finance", "fiqa_sa", '{"1": {"sentence": "a", "info": []}}', ": key '1'", "no reference"),
    ("finance", "fiqa_sa", '{"1": {"sentence": "a"}}', ": key '1'", "'info' is not a list"),
    ("finance", "financial_phrasebank", "It rose .@good\n", ":1", "unknown label 'good'"),
    ("finance", "fin_ner", "Oslo NNP - I-LOC\nBank NNP - I-CITY\n", ":2", "unknown tag 'I-CITY'"),
    ("sports", "sportqa", sportqa(Answer=""), ": [3]", "'Answer' is empty"),
    ("sports", "sportqa", sportqa(Question=3), ": [3]", "'Question' is not text"),
]


@pytest.mark.parametrize(("domain", "name", "content", "place", "reason"), MALFORMED)
def test_malformed_file(
    packs: dict[str, Pack], tmp_path: Path, domain: str, name: str, content: str, place: str, reason: str
) -> None:
    with pytest.raises(SelfspecError) as caught:
        sample(packs[domain], name, tmp_path, content)
    assert caught.value.place.removeprefix(str(tmp_path / "file")) == place
    assert reason in caught.value.reason
    assert caught.value.remedy


@pytest.mark.parametrize(("change", "what"), [
    ({"Question": "Who won?"}, "no options that run on from A"),
    ({"Question": "Who?\nA) x\nB) y\nB) z\nC) w"}, "a letter of the options is skipped or stands twice"),
    ({"Answer": "E"}, "an answer that is none of the options"),
    ({"Answer": "Both"}, "an answer that is none of the options"),
])  # fmt: skip
def test_torn_questions_of_sportqa_are_left_out_and_counted(
    packs: dict[str, Pack], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, str], what: str
) -> None:
    """One in twenty at most: 19 sound items and a torn one are read, 18 and a torn one are refused."""
    monkeypatch.setenv("SELFSPEC_DATA", str(tmp_path))
    one = benchmark(packs["sports"], "sportqa")
    path = tmp_path / one.file
    path.parent.mkdir(parents=True)
    torn = {**SPORTQA[0], **change}
    path.write_text(json.dumps([torn, *[SPORTQA[0]] * 19]))
    found = read_benchmark(packs["sports"], one, "published")
    assert [item.item_id for item in found.items] == [f"question-{number}" for number in range(1, 20)]
    assert found.remarks == [Remark(what, f"{path}: [0]", drops=True)]
    path.write_text(json.dumps([torn, *[SPORTQA[0]] * 18]))
    with pytest.raises(SelfspecError, match="1 of 19 items cannot be used") as caught:
        load_items(packs["sports"], one, "published")
    assert what in caught.value.remedy


# The published files


@pytest.mark.parametrize(("domain", "name", "count"), PUBLISHED)
def test_published_files_load(
    packs: dict[str, Pack], monkeypatch: pytest.MonkeyPatch, domain: str, name: str, count: int
) -> None:
    assert len(published(packs[domain], name, monkeypatch)) == count


def test_published_answers(packs: dict[str, Pack], monkeypatch: pytest.MonkeyPatch) -> None:
    def answers(domain: str, name: str) -> Counter[str]:
        return Counter(item.references[0] for item in published(packs[domain], name, monkeypatch))

    assert answers("finance", "fiqa_sa") == {"positive": 589, "negative": 293, "neutral": 72}
    assert answers("sports", "sports_understanding") == {"implausible": 153, "plausible": 147}
    assert answers("sports", "bbh_sports_understanding") == {"no": 135, "yes": 115}
    names = Counter(kind for item in published(packs["finance"], "fin_ner", monkeypatch)
                    for kind in re.findall(r"<(\w+)>(?:, |$)", item.references[0]))  # fmt: skip
    assert set(names) == {"Person", "Organization", "Location"}
    percentages = [a for a in answers("finance", "tatqa").elements() if re.fullmatch(r"-?[\d.,]+%", a)]
    assert len(percentages) == 261 + 7 + 20  # computed, copied without the sign, copied with it


# The sports case study, which comes with the pack


def test_the_case_study_is_there_without_a_data_folder(packs: dict[str, Pack], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SELFSPEC_DATA", raising=False)
    monkeypatch.setenv("SELFSPEC_HOME", str(ROOT))
    items = {name: load_items(packs["sports"], benchmark(packs["sports"], name), "published") for name in CASE_STUDY}
    assert {name: len(found) for name, found in items.items()} == CASE_STUDY
    lines = check_pack("sports").lines
    assert [line for name, count in CASE_STUDY.items() if (line := f"  benchmark {name}: {count} items") in lines] == [
        f"  benchmark {name}: {count} items" for name, count in CASE_STUDY.items()
    ]
    assert any("other benchmarks and corpus not looked at: set SELFSPEC_DATA" in line for line in lines)


def test_the_case_study_is_varied_and_its_labels_are_balanced(packs: dict[str, Pack]) -> None:
    items = {name: load_items(packs["sports"], benchmark(packs["sports"], name), "published") for name in CASE_STUDY}
    labels = {name: Counter(item.references[0] for item in items[name]) for name in ("sentiment", "event_plausibility")}
    assert labels["sentiment"] == {"positive": 8, "negative": 8, "neutral": 8}
    assert labels["event_plausibility"] == {"plausible": 12, "implausible": 12}
    for name, found in items.items():
        assert len({normalise(item.input) for item in found}) == len(found), name
        assert all(len(set(item.references)) == len(item.references) for item in found), name
    for name in ("commentary_qa", "implicit_knowledge", "data_to_text", "highlights"):
        assert Counter(item.references[0] for item in items[name]).most_common(1)[0][1] <= 3, name
    assert all(len(item.references) == 2 for item in items["data_to_text"])
    for item in items["data_to_text"]:
        named = set(re.findall(r"[A-Z][a-z]+ [A-C]\b", item.input))
        assert named, item.item_id
        assert all(name in text for name in named for text in item.references), item.item_id


def test_the_case_study_repeats_no_item_of_another_benchmark(
    packs: dict[str, Pack], monkeypatch: pytest.MonkeyPatch
) -> None:
    own = {
        gram
        for name in CASE_STUDY
        for item in published(packs["sports"], name, monkeypatch)
        for gram in grams(item.input)
    }
    for name in ("sports_understanding", "bbh_sports_understanding"):
        for item in published(packs["sports"], name, monkeypatch):
            assert not grams(item.input) & own, item.item_id


# Seeds


@pytest.fixture(scope="module", params=["finance", "sports"])
def seeded(request: pytest.FixtureRequest, packs: dict[str, Pack]) -> tuple[Pack, list[Seed]]:
    return packs[request.param], load_seeds(ROOT / "seeds" / f"{request.param}.jsonl")


def test_seeds_demonstrate_the_benchmarks(seeded: tuple[Pack, list[Seed]]) -> None:
    pack, seeds = seeded
    tasks = {benchmark.name: benchmark.task for benchmark in pack.data("published").benchmarks}
    shown = Counter(seed.demonstrates for seed in seeds)
    assert all(shown[name] >= 5 for name in tasks)
    for seed in seeds:
        assert seed.task == tasks.get(seed.demonstrates, seed.demonstrates), seed.seed_id
    # A seed that names the task of a benchmark would be drawn for it, too, whatever its layout.
    assert not set(shown) & (set(tasks.values()) - set(tasks))


def layout(text: str) -> list[str]:
    """The heads of an input's lines; a conversation and a table may have more or fewer lines."""
    heads = [found[0] for line in text.split("\n") if (found := re.match(r"[A-Z][a-z]*(?=:)|[A-Z](?=\))", line))]
    return (
        list(dict.fromkeys(head for head in heads if head != "Answer" and len(head) > 1))
        + [head for head in heads if len(head) == 1][:2]
    )


def test_seeds_have_the_layout_and_the_labels_of_their_benchmark(
    seeded: tuple[Pack, list[Seed]], tmp_path: Path
) -> None:
    pack, seeds = seeded
    for benchmark in pack.data("published").benchmarks:
        items = sample(pack, benchmark.name, tmp_path)
        for seed in (seed for seed in seeds if seed.demonstrates == benchmark.name):
            assert layout(seed.input) == layout(items[0].input), seed.seed_id
            assert seed.output in answers_of(benchmark) or not answers_of(benchmark), seed.seed_id


def answers_of(one: Benchmark) -> set[str]:
    """The labels of a benchmark of labels; none for one of free answers."""
    labels: Any = one.options.get("labels", ())
    three = {"positive", "negative", "neutral"}
    special = {"fiqa_sa": three, "sentiment": three, "sportqa": set("ABCD")}
    special["event_plausibility"] = {"plausible", "implausible"}
    return special.get(one.name, set(labels.values() if isinstance(labels, dict) else labels))


def grams(text: str, size: int = 8) -> set[str]:
    words = re.findall(r"[a-z0-9]+", text.lower())
    return {" ".join(words[at : at + size]) for at in range(len(words) - size + 1)}


@pytest.mark.parametrize(("domain", "name", "count"), [row for row in PUBLISHED if row[0] != "biomedicine"])
def test_seeds_repeat_no_published_item(
    packs: dict[str, Pack], monkeypatch: pytest.MonkeyPatch, domain: str, name: str, count: int
) -> None:
    ours = {
        gram: seed.seed_id
        for seed in load_seeds(ROOT / "seeds" / f"{domain}.jsonl")
        for gram in grams(f"{seed.input} {seed.output}")
    }
    for item in published(packs[domain], name, monkeypatch):
        assert not grams(item.input) & ours.keys(), item.item_id
