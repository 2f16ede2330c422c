"""Metrics of lists, labels and numbers: their examples, their bounds, and what they do not let pass."""

import ast
import doctest
import random
import re
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from selfspec_assets import plugins
from selfspec_assets.method.scoring import amounts, extra_metrics, metrics
from selfspec_assets.method.scoring.amounts import numeric_match
from selfspec_assets.method.scoring.evaluate_metrics import NAMES, evaluate_metric
from selfspec_assets.method.scoring.extra_metrics import (
    CORPUS,
    ITEM,
    WHOLE,
    box_f1,
    commonest,
    label_counts,
    macro_f1,
    macro_f1_of,
    majority,
    members,
    set_f1,
)
from selfspec_assets.method.scoring.metrics import METRICS
from tests.checkout import ROOT


@pytest.mark.parametrize("module", [metrics, amounts, extra_metrics], ids=lambda module: module.__name__)
def test_examples_in_the_docstrings(module: ModuleType) -> None:
    result = doctest.testmod(module)
    assert result.attempted
    assert not result.failed


def test_the_documentation_names_them_and_its_example_is_true(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    page = (ROOT / "docs/metrics.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == {*ITEM, *WHOLE}
    example, result = re.findall(r"^(evaluate_metric.*?)  # (.*)$", page, re.MULTILINE)[0]
    assert eval(example) == ast.literal_eval(result)


def test_the_metrics_that_exist_are_registered() -> None:
    registered = {plugin.name for plugin in plugins.REGISTRY.all("metric") if plugin.origin == plugins.OWN}
    assert registered == {*METRICS, *ITEM, *CORPUS}
    assert (*METRICS, *ITEM, *WHOLE) == NAMES
    assert {*CORPUS} == {*WHOLE} - {"majority"}


@pytest.mark.parametrize(("answer", "found"), [
    ("", []), (" , ", []), ("a, b\nc", ["a", "b", "c"]), ("1,000 mg", ["1,000 mg"]),
    ("a, b <X>, c <Y-z>", ["a, b <X>", "c <Y-z>"]), ("a <X>,b <X>\nc <X>", ["a <X>", "b <X>", "c <X>"]),
    ("p < 0.05, q", ["p < 0.05", "q"]), ("a <X>, and b <X>", ["a <X>", "b <X>"]), ("x, And y", ["x", "y"]),
    ("and x", ["and x"]), ("and x, y", ["and x", "y"]), ("x, android", ["x", "android"]), ("x, and", ["x", "and"]),
])  # fmt: skip
def test_members(answer: str, found: list[str]) -> None:
    assert members(answer) == found


@pytest.mark.parametrize(("prediction", "reference", "score"), [
    ("a1 <X>, b1 <Y>", "b1 <Y>, a1 <X>, a1 <X>", 100), ("a1 <X>", "a1 <X>, b1 <Y>", 200 / 3), ("a1, b1", "a1 <X>", 0),
    ("", "none", 0), ("none", "none", 100), ("", "", 100), ("+", "+", 100), ("+", "-", 0), ("B", "A", 0), ("", "A", 0),
    ("the A-B", "a-b", 100), ("A.", "A", 100), ("(A)", "A", 100), ("the A", "A", 100), ("the", "A", 0),
    # Only leading articles go, and a type is no word of its mention.
    ("hepatitis <Disease>", "hepatitis A <Disease>", 0), ("hepatitis A <disease>", "Hepatitis A <Disease>", 100),
    ("vitamin", "vitamin A", 0), ("HD Disease", "HD <Disease>", 0), ("HD Disease <Gene>", "HD <Disease>", 0),
    ("the HD<Disease>", "HD <Disease>", 100), ("aorta tissue", "aort tissue", 0), ("data a, b1", "dat a, b1", 50),
    ("iron, zinc, and copper", "iron, zinc, copper", 100), ("iron, zinc, copper", "iron, zinc, and copper", 100),
    ("鉄、カルシウム。", "カルシウム、鉄", 100), ("鉄，锌", "锌", 200 / 3), ("cafe\u0301, the’s", "the's, café", 100),
    ("東京 <場所>、大阪 <場所>", "大阪 <場所>, 東京 <場所>", 100), ("حديد، زنك", "زنك", 200 / 3),
    ("iron, zinc and copper", "iron, zinc, copper", 40), ("+ <X>", "- <X>", 0), ("+ <X>", "+ <X>", 100),
])  # fmt: skip
def test_set_f1_by_hand(prediction: str, reference: str, score: float) -> None:
    assert set_f1(prediction, reference) == pytest.approx(score)


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="ab12,. <>%-$", max_size=20), st.text(alphabet="ab12,. <>%-$", max_size=20))
def test_bounds_and_gold(one: str, other: str) -> None:
    for score in (set_f1, numeric_match):
        assert 0 <= score(one, other) <= 100
        assert score(one, one) == 100
    assert set_f1(one, other) == pytest.approx(set_f1(other, one))
    assert 0 <= box_f1(one, other) <= 100


@pytest.mark.parametrize(("prediction", "reference", "right"), [
    ("22.2%", "22.22%", True), ("22%", "22.22%", True), ("22.3%", "22.22%", False), ("0.2222", "22.22%", True),
    ("-6 percent", "-6%", True), ("6%", "-6%", False), ("−6%", "-6%", True), ("(6)%", "-6%", True),
    ("1,496.5 million", "$1,496.5 million", True), ("$ 1.4965 billion", "$1,496.5 million", True),
    ("1,496.5", "$1,496.5 million", False), ("1,496.5 thousand", "$1,496.5 million", False),
    ("The total was 96 million dollars.", "96 million", True), ("96 million in 2019", "96 million", False),
    ("0", "0.4", False), ("0.3", "0.26", False), ("2019", "2018", False), ("100", "101", False),
    ("2019, 2018", "2018, 2019", True), ("2018", "2018, 2019", False), ("2018, 2018", "2018, 2019", False),
    ("yes", "Yes.", True), ("no", "yes", False), ("", "4", False), ("four", "4", False), ("4.0", "4", True),
    ("Ferries, Repair", "ferries, repair", True), ("Ferries", "Ferries, Repair", False),
    ("Repair, Ferries", "Ferries, Repair", True), ("Repair, Repair", "Ferries, Repair", False),
    # Losses in brackets, with the currency and the scale on either side.
    ("-9.8 million", "$(9.8) million", True), ("(9.8) million", "-$9.8 million", True), ("9.8m", "£(9.8m)", False),
    ("($9.8 million)", "$(9.8) million", True), ("9.8 million", "$(9.8) million", False), ("(9.8", "9.8", True),
    ("$-9.8 million", "(9.8) million", True), ("about 98 million", "$(9.8) million", False),
    # Currencies do not count, their codes are no words around another number.
    ("US$15.9 million", "15.9 million", True), ("RMB77 million", "77 million", True), ("INR19", "EUR 19", True),
    ("$1,294,253, $1,139,927", "1139927 and 1294253", False),
    ("$1,139,927 and $1,294,253", "1,294,253, 1,139,927", True),
    # Percent and parts of one.
    ("6.14 per cent", "6.14%", True), ("approximately 13%", "13%", True), ("0.13", "approximately 13%", True),
    ("13", "13%", False), ("1300%", "13", True), ("0.1%", "0.0014", False), ("13 percentage points", "13%", False),
    # Rounding: to the last digit of the coarser one, and never by more than 1 %.
    ("35.8 billion", "35,796 million", True), ("36 billion", "35796 million", True),
    ("35 billion", "35796 million", False), ("0.87", "0.874", True), ("0.88", "0.874", False), ("0.9", "0.874", False),
    ("0", "0.004", False), ("0.0", "0", True), ("1000000", "1004000", False),
    ("3.0 million", "$3.0 million million", True),
    # One number among words; figures that belong to a word are not numbers.
    ("In Q4 it was 5.2 million", "5.2 million", True), ("5.2 million in FY19", "5.2 million", True),
    ("FY-2019", "2019", True), ("5.2 million (2019: 4 million)", "5.2 million", False), ("445p", "445", False),
    ("20%; 30%", "30%, 20%", True), ("20% and 30%", "20%", False),
    ("2020, 2021, thereafter", "2021, Thereafter, 2020", True), ("-", "4", False), (",", "4", False),
    ("4,", "4", True), (".5", "0.5", True), ("1e3", "1000", False),
    # One number in the whole answer, wherever commas and lines part it; a second one makes it a guess.
    ("In total, 6.5 million", "6.5 million", True), ("The answer is:\n6.5 million", "6.5 million", True),
    ("6.5 million, as the table shows", "6.5 million", True), ("6.5 millions", "6.5 million", True),
    ("6.5 Billions", "6.5 million", False), ("7 thousands of dollars", "7,000", True), ("6.5 ms", "6.5 million", False),
    ("In total, 6.6 million", "6.5 million", False), ("In total, 6.5", "6.5 million", False),
    ("6.5 million, 7.5 million", "6.5 million", False), ("6.5 million\n7.5 million", "6.5 million", False),
    ("In 2019, 6.5 million", "6.5 million", False), ("Sum: 6.5 million (7.5)", "6.5 million", False),
    # Words whose every letter is an article, or a sign, are told apart.
    ("A.", "A", True), ("the", "A", False), ("", "A", False), ("-", "+", False),
    # Digits of other widths and separators of other scripts.
    ("５０％", "50%", True), ("50", "５０％", False), ("2018、2019", "2019, 2018", True),
    ("２０１８，２０１９", "2018", False),
    # No number is beyond the largest float: such digits are words.
    ("9" * 310, "5", False), ("5", "9" * 310, False), ("9" * 310, "8" * 310, False), ("9" * 310, "9" * 310, True),
    ("9" * 305 + " trillion", "9" * 306 + " trillion", False), ("-" + "9" * 310, "5", False), ("1e999", "5", False),
    ("9" * 310 + "%", "9" * 309 + "%", False),
])  # fmt: skip
def test_numeric_match_by_hand(prediction: str, reference: str, right: bool) -> None:
    assert numeric_match(prediction, reference) == (100 if right else 0)


def test_box_f1_takes_the_best_piece_of_the_gold() -> None:
    assert box_f1("heart failure", "stroke, heart failure, gout") == 100
    assert box_f1("heart", "stroke, heart failure") == pytest.approx(200 / 3)


def test_macro_f1_follows_the_definition_and_ignores_invented_labels() -> None:
    rng = random.Random(0)
    labels = ["yes", "no", "maybe"]
    gold = [rng.choice(labels) for _ in range(200)]
    said = [rng.choice([*labels, "never heard of"]) for _ in gold]
    expected = []
    for label in labels:
        right = sum(s == g == label for s, g in zip(said, gold, strict=True))
        precision, recall = right / said.count(label), right / gold.count(label)
        expected.append(200 * precision * recall / (precision + recall))
    assert macro_f1(said, [[g] for g in gold]) == pytest.approx(sum(expected) / 3)


def test_macro_f1_of_several_labels_and_of_the_letter_a() -> None:
    assert macro_f1(["x, y", "none"], [["y, x"], ["none"]]) == 100
    assert macro_f1(["x", "none"], [["y, x"], ["none"]]) == pytest.approx(200 / 3)
    assert macro_f1(["A", "B", "", "B"], [["A"], ["B"], ["A"], ["B"]]) == pytest.approx((200 / 3 + 100) / 2)


@pytest.mark.parametrize("letter", ["A", "B"])
@pytest.mark.parametrize("said", ["{}", "{}.", "{})", "({})", "{}:"])
def test_the_letter_of_an_option_may_wear_punctuation(letter: str, said: str) -> None:
    gold = [["A"], ["B"], ["A"], ["B"]]
    answers = [said.format(letter)] * 4
    assert macro_f1(answers, gold) == pytest.approx(100 / 3), "as the letter alone, which half of the golds are"
    assert macro_f1(["", "the"] * 2, gold) == 0


def test_label_counts_add_up_to_macro_f1_over_any_choice_of_items() -> None:
    rng = random.Random(1)
    labels = ["yes", "no", "maybe"]
    gold = [[", ".join(rng.sample(labels, rng.randint(1, 2)))] for _ in range(30)]
    said = [", ".join(rng.sample([*labels, "else"], 2)) for _ in gold]
    counts = label_counts(said, gold)
    assert counts.shape == (30, 3, 3)
    for _ in range(20):
        chosen = rng.choices(range(30), k=rng.randint(1, 12))  # with repeats, and not every label has a gold answer
        whole = macro_f1([said[i] for i in chosen], [gold[i] for i in chosen])
        assert float(macro_f1_of(counts[chosen].sum(axis=0))) == pytest.approx(whole)


def test_the_commonest_answer_is_one_that_stands_in_the_data() -> None:
    assert commonest([["b, c"], ["A"], ["the D"], ["a"]]) == ("A", 2), "an option's letter is no article"
    assert commonest([["b"], ["The heart"], ["heart."]]) == ("The heart", 2)
    assert commonest([["x"], ["y"], ["y"], ["x"]]) == ("x", 2), "the first among equals"


def test_majority_is_what_one_answer_for_all_scores() -> None:
    gold = [["yes"], ["no"], ["Yes."], ["yes"]]
    assert majority([""] * 4, gold) == 75
    assert macro_f1(["yes"] * 4, gold) < 50


def test_all_of_them_as_metrics_of_evaluate(monkeypatch: pytest.MonkeyPatch) -> None:
    import evaluate

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    predictions, references = ["25%", "iron, zinc"], [["0.5", "0.25"], ["iron, calcium", "zinc"]]
    expected = {"set_f1": (0 + 200 / 3) / 2, "numeric_match": 50, "box_f1": (0 + 200 / 3) / 2, "majority": 50}
    for name, score in expected.items():
        metric = evaluate_metric(name)
        assert metric.compute(predictions=predictions, references=references) == {name: pytest.approx(score)}
    assert evaluate_metric("macro_f1").compute(predictions=["a1"], references=[["a1"]]) == {"macro_f1": 100}
    for name in NAMES:
        metric = evaluate_metric(name)
        assert isinstance(metric, evaluate.Metric)
        assert ">>>" in metric.description, "each has an example, which the test above runs"
