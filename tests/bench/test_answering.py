"""The benches' peers: plain ``generate`` gives the engine's answers, and a side that answers otherwise is found out."""

from pathlib import Path
from typing import Any

import pytest
import torch

from bench.answering import Limited, check_equal, longest_first, query, static_batches
from bench.contrast import bytes_of, weaker_beside, with_adapter
from selfspec_assets.method.decoding.engine import Engine
from selfspec_assets.method.decoding.processor import MixtureChooser
from selfspec_assets.method.decoding.types import ContrastSettings
from selfspec_assets.models.language_model import LanguageModel
from tests.tiny_models import write_model

ASKED = [f"Question {n}: {'is insulin a virus? ' * (1 + n % 3)}" for n in range(5)]
PROMPTS = [tuple(f"{asked}\nPassage: {text}\nAnswer:" for text in ("fever", "cough")) for asked in ASKED]
LENGTHS = [2, 7, 1, 5, 4]
WEIGHTS = [[0.6, 0.4]] * len(PROMPTS)


@pytest.fixture(scope="module")
def lm(tmp_path_factory: pytest.TempPathFactory) -> LanguageModel:
    return LanguageModel.load(write_model(tmp_path_factory.mktemp("llama")))


def ends(lm: LanguageModel) -> list[Any]:
    return [Limited(lambda ids: str(lm.tokenizer.decode(list(ids))), lm.eos_ids, most) for most in LENGTHS]


def test_peers_and_engine_give_the_same_answers(lm: LanguageModel, tmp_path: Path) -> None:
    plain = [query(lm, prompts, [None]) for prompts in PROMPTS]
    merged = LanguageModel(lm.spec, with_adapter(lm, tmp_path / "adapter"), lm.tokenizer)
    merged.eos_ids = lm.eos_ids
    bare = LanguageModel.load(lm.spec)
    mixed = [query(lm, prompts, ["aligned", None]) for prompts in PROMPTS]
    made: dict[str, dict[str, list[list[int]]]] = {"marginal": {}, "contrast": {}}
    for kind, queries, settings in (("marginal", plain, None), ("contrast", mixed, ContrastSettings())):
        trackers = ends(lm)
        engine = Engine(lm, queries, MixtureChooser(WEIGHTS, settings, lm.device), trackers, 9)
        assert sorted(group for ended in engine.run(longest_first(queries), 2) for group in ended) == list(range(5))
        made[kind]["engine"] = [tracker.ids for tracker in trackers]
    for batch in (1, 3):
        chooser = MixtureChooser(WEIGHTS, None, lm.device)
        made["marginal"][f"{batch} at a time"] = static_batches(bare, plain, chooser, ends(lm), batch)
    with torch.no_grad():
        chooser = MixtureChooser(WEIGHTS, ContrastSettings(), lm.device)
        made["contrast"]["two models"] = static_batches(merged, plain, chooser, ends(lm), 3, weaker_beside(bare.model))
    for sides in made.values():
        assert all([len(ids) for ids in answers] == LENGTHS for answers in sides.values())
        assert "5 of 5" in check_equal(sides)
    assert made["marginal"]["engine"] != made["contrast"]["engine"]
    assert 0.5 < bytes_of(lm.model) / bytes_of(bare.model, merged.model) < 0.75


def test_other_answers_are_no_near_ties() -> None:
    mine = [[1, 2], [3], [4]]
    assert "2 of 3" in check_equal({"a": mine, "b": [[1, 2], [3], [5]]})
    with pytest.raises(SystemExit, match="only 1 of 3"):
        check_equal({"a": mine, "b": [[1, 2], [4], [5]]})
