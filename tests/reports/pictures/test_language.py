"""Root verbs, objects and keywords, by a lexicon and a rule."""

import pytest

from selfspec_assets.reports.pictures.language import keywords, verb_and_object


@pytest.mark.parametrize(
    ("instruction", "pair"),
    [
        ("Name the drugs that the abstract mentions.", ("name", "drug")),
        ("Please briefly summarise this very long clinical report.", ("summarise", "report")),
        ("From the figures in the text, give the one that is asked for.", ("give", "")),
        ("Extract the named entities as they come.", ("extract", "entity")),
        ("Work out the figure that the report gives.", ("work", "figure")),
        ("Here are a few sentences. Quote the fitting words.", ("quote", "word")),
        ("Write the first two of all the differential diagnoses.", ("write", "diagnosis")),
        ("Explain in one sentence.", ("explain", "")),
        ("Who won the cup?", ("question", "who")),
        ("How does the writer feel: positive, negative or neutral?", ("question", "how")),
        ("Does the context bear it out?", ("question", "yes or no")),
        ("Do not repeat the verbs.", ("do", "")),
        ("Text below is on sport.", ("other form", "")),
        ("皮膚の病気を挙げてください。", ("other form", "")),
        ("", ("other form", "")),
    ],
)
def test_the_root_verb_and_its_object(instruction: str, pair: tuple[str, str]) -> None:
    assert verb_and_object(instruction) == pair


def test_a_keyword_is_counted_once_for_each_input() -> None:
    found = keywords(["Question: Do tumours or a tumour spread?", "The tumour is a glioblastoma, which was found."])
    assert found["tumour"] == 2
    assert found["glioblastoma"] == 1
    assert not {"question", "the", "which", "was", "spread", "found"} & set(found)
