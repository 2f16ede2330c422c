"""Novelty: the same decisions and the same floats as rouge_score, for random, adversarial and odd texts."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score import rouge_scorer, tokenizers

from selfspec_assets.base.words import words
from selfspec_assets.method.instructions.novelty import NoveltyIndex, rouge_l


class Words(tokenizers.Tokenizer):  # type: ignore[misc]  # rouge_score has no types
    def tokenize(self, text: str) -> list[str]:
        return words(text)


OF_ANY_SCRIPT = rouge_scorer.RougeScorer(["rougeL"], tokenizer=Words())
SCORER = rouge_scorer.RougeScorer(["rougeL"], use_stemmer=False)
THRESHOLDS = (0.0, 0.3, 0.5, 2 / 3, 0.7, 0.9, 1.0)


def rouge(one: str, other: str) -> float:
    """rouge_score's as it is for ASCII, for other texts with our words."""
    scorer = SCORER if (one + other).isascii() else OF_ANY_SCRIPT
    return float(scorer.score(one, other)["rougeL"].fmeasure)


def brute_force(kept: list[str], text: str, threshold: float) -> tuple[float, str] | None:
    """The first of the highest scores above the threshold, every pair compared."""
    best = max(((rouge(old, text), -i) for i, old in enumerate(kept)), default=None)
    return (best[0], kept[-best[1]]) if best is not None and best[0] > threshold else None


def sentence(rng: random.Random, most: int = 25, vocabulary: int = 60) -> list[str]:
    weights = [1 / (rank + 1) for rank in range(vocabulary)]
    return [f"w{i}" for i in rng.choices(range(vocabulary), weights, k=rng.randrange(most))]


def near(rng: random.Random, words: list[str]) -> list[str]:
    """The same words with a few dropped, put in, doubled or moved: what lands on both sides of the threshold."""
    words = list(words)
    for _ in range(rng.randrange(1, 8)):
        place = rng.randrange(len(words) + 1)
        move = rng.randrange(4)
        if move == 0 and words:
            del words[place - 1]
        elif move == 1:
            words.insert(place, rng.choice(["new", "the", "w0", "w1"]))
        elif move == 2 and words:
            words.insert(place, words[place - 1])
        elif words:
            words.insert(place, words.pop(rng.randrange(len(words))))
    return words


@pytest.mark.parametrize("threshold", THRESHOLDS)
def test_incremental_decisions_equal_brute_force(threshold: float) -> None:
    """Texts are asked and added one by one, so the order of rarity changes all the time."""
    rng = random.Random(int(threshold * 1000))
    index, kept, blocked = NoveltyIndex(threshold), list[str](), 0
    for _ in range(130):
        words = near(rng, rng.choice(kept).split()) if kept and rng.random() < 0.6 else sentence(rng)
        text = " ".join(words)
        expected = brute_force(kept, text, threshold)
        assert index.nearest(text) == expected
        blocked += expected is not None
        if expected is None or rng.random() < 0.5:
            index.add(text)
            kept.append(text)
    assert len(index) == len(kept)
    assert 20 < blocked < 130 or threshold == 1.0, "both decisions have to be met often"


def test_thousands_of_pairs_one_by_one() -> None:
    rng = random.Random(7)
    decisions = []
    for number in range(4000):
        one = sentence(rng, 20, 30)
        other = near(rng, one) if number % 3 else sentence(rng, 20, 30)
        left, right, threshold = " ".join(one), " ".join(other), rng.choice(THRESHOLDS)
        index = NoveltyIndex(threshold)
        index.add(left)
        score = rouge(left, right)
        assert index.nearest(right) == ((score, left) if score > threshold else None)
        decisions.append(score > threshold)
    assert 800 < sum(decisions) < 3200


def test_at_exactly_the_threshold_rounding_decides_as_in_rouge_score() -> None:
    """2L/(m+n) equal to the threshold: precision and recall are rounded first, so some pairs come out above it."""
    above = below = 0
    for m in range(1, 31):
        for n in range(1, 31):
            for common in range(1, min(m, n) + 1):
                threshold = 2 * common / (m + n)
                shared = [f"s{i}" for i in range(common)]
                one = " ".join(shared + [f"a{i}" for i in range(m - common)])
                other = " ".join([f"b{i}" for i in range(n - common)] + shared)
                index = NoveltyIndex(threshold)
                index.add(one)
                score = rouge_l(common, m, n)
                assert index.nearest(other) == ((score, one) if score > threshold else None)
                above += score > threshold
                below += score < threshold
                if (m * 31 + n * 7 + common) % 37 == 0:
                    assert score == rouge(one, other)
    assert above > 100, "the case that this test is about does occur"
    assert below > 100, "the case that this test is about does occur"


@pytest.mark.parametrize("size", [10, 20, 30, 40, 50, 100])
def test_default_threshold_on_its_very_edge(size: int) -> None:
    for more in range(-4, 5):
        for common in (size * 7 // 10 - 1, size * 7 // 10, size * 7 // 10 + 1):
            m, n = size - more, size + more
            if common > min(m, n):
                continue
            one = " ".join([f"s{i}" for i in range(common)] + ["x"] * (m - common))
            other = " ".join([f"s{i}" for i in range(common)] + ["y"] * (n - common))
            index = NoveltyIndex(0.7)
            index.add(one)
            score = rouge(one, other)
            assert index.nearest(other) == ((score, one) if score > 0.7 else None)


ODD = [
    "",
    " ",
    "...",
    "ü",
    "ÜBER die Maßnahme",
    "uber die ma nahme",
    "維生素",
    "İstanbul",
    "i̇stanbul",
    "a",
    "A!",
    "a a a",
    "\ud800 a",
    "naïve T-cell",
    "na ve t cell",
    "\x00",
    "1",
    "1 1",
    "it's",
    "it s",
]


@pytest.mark.parametrize("threshold", THRESHOLDS)
def test_empty_and_non_ascii_texts(threshold: float) -> None:
    index = NoveltyIndex(threshold)
    for number, text in enumerate(ODD):
        assert index.nearest(text) == brute_force(ODD[:number], text, threshold)
        index.add(text)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.text(alphabet="ab cé", max_size=14), max_size=8),
    st.text(alphabet="ab cé", max_size=14),
    st.floats(0, 1),
)
def test_any_texts_and_any_threshold(kept: list[str], text: str, threshold: float) -> None:
    index = NoveltyIndex(threshold)
    for old in kept:
        index.add(old)
    assert index.nearest(text) == brute_force(kept, text, threshold)


def test_the_highest_score_wins_and_the_earliest_of_equals() -> None:
    index = NoveltyIndex(0.5)
    for text in ("list the drugs for pain", "List the drugs, for pain!", "list the drugs for acute pain", "else"):
        index.add(text)
    assert index.nearest("LIST the drugs for pain") == (1.0, "list the drugs for pain")
    assert index.nearest("list the drugs for acute chest pain") == (rouge_l(6, 6, 7), "list the drugs for acute pain")


def test_asking_changes_nothing() -> None:
    index = NoveltyIndex(0.7)
    index.add("name the gene")
    before = index.nearest("name the gene now")
    for _ in range(5):
        index.nearest("name the protein")
    assert (len(index), index.nearest("name the gene now")) == (1, before)


@pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan")])
def test_a_threshold_that_is_none_is_refused(threshold: float) -> None:
    with pytest.raises(ValueError, match="threshold"):
        NoveltyIndex(threshold)


def test_identical_long_texts() -> None:
    text = " ".join(f"w{i % 50}" for i in range(400))
    index = NoveltyIndex(0.99)
    index.add(text)
    assert index.nearest(text) == (1.0, text)


@pytest.mark.parametrize(("kept", "text", "novel"), [
    ("Назовите болезнь в тексте.", "Назовите болезнь в тексте", False),
    ("Назовите болезнь в тексте.", "Опишите лечение", True),
    ("次の文から病名を挙げてください。", "次の文から病名を挙げて下さい。", False),
    ("DNAとは何ですか。", "次の文のDNAを探せ。", True),
    ("列出文中的药物。", "列出文中的药物", False), ("Nommez le cafe\u0301", "Nommez le café", False),
    ("Name the α-blocker", "Name the β-blocker", False), ("α-blocker", "β-blocker", True),
    ("रोग का नाम", "रोग की नमी", True),
])  # fmt: skip
def test_texts_of_any_script_are_compared_whole(kept: str, text: str, novel: bool) -> None:
    index = NoveltyIndex(0.7)
    index.add(kept)
    assert (index.nearest(text) is None) == novel
