"""`base_model.devices`: how weights are placed, what is refused, and that accelerate's hooks change no number.

No test here has two GPUs: their memory is imagined, and the hooks that move tensors between devices are put on a model
whose parts are all on the CPU.
"""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from accelerate import dispatch_model

from selfspec_assets.base.errors import NotEnoughMemory, SelfspecError
from selfspec_assets.method.decoding import Group, StopRules, answer, greedy
from selfspec_assets.method.tuning.tune import TuningSettings, tune
from selfspec_assets.models import language_model, weights
from selfspec_assets.models.folder import ModelSpec
from selfspec_assets.models.source import model_obstacle
from selfspec_assets.models.weights import check_placed, placement
from tests.tiny_models import load_with_adapters, write_model

GIB = 2**30
PROMPTS = ["Which gene binds melatin?", "Name the disease.", "Is insulin a virus? Give the dose of 2.5 mg."]


def gpus(patch: pytest.MonkeyPatch, *free: int) -> None:
    patch.setattr(weights, "free_on_gpus", lambda: list(free))


def test_one_device_is_the_first_gpu_or_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    gpus(monkeypatch)
    assert placement(1) == ({"": "cpu"}, None)
    gpus(monkeypatch, 8 * GIB, 8 * GIB)
    assert placement(1) == ({"": 0}, None)


def test_several_share_the_layers_on_the_first_gpus_and_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    gpus(monkeypatch, 10 * GIB, 20 * GIB, 40 * GIB)
    assert placement(2) == ("balanced", {0: 9 * GIB, 1: 18 * GIB})


@pytest.mark.parametrize(("free", "seen"), [((), "0 GPUs"), ((GIB,), "1 GPU")])
def test_more_than_there_are_is_an_error(
    free: tuple[int, ...], seen: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpus(monkeypatch, *free)
    with pytest.raises(SelfspecError, match=f"asks for 2 GPUs, torch sees {seen}") as caught:
        placement(2)
    assert "set it to 1" in caught.value.remedy
    found = model_obstacle(ModelSpec(str(tmp_path), devices=2))
    assert str(found) == str(caught.value), "plan and check say so before anything is made"


def test_a_part_that_found_no_room_is_named() -> None:
    spread = SimpleNamespace(hf_device_map={"model.layers.0": 0, "model.layers.1": 1, "lm_head": "disk"})
    with pytest.raises(NotEnoughMemory, match="1 of its parts, such as lm_head, would be on the disk"):
        check_placed(spread, 2, Path("models/big"))
    spread.hf_device_map["lm_head"] = 1
    check_placed(spread, 2, Path("models/big"))


@pytest.mark.parametrize("family", ["llama", "mpt"])
def test_accelerates_hooks_change_no_answer(family: str, tmp_path: Path) -> None:
    lm = load_with_adapters(tmp_path, family)
    groups = [Group((prompt, f"{prompt} zorvex"), (0.7, 0.3)) for prompt in PROMPTS]

    def answers() -> list[object]:
        stop = StopRules()
        texts = greedy(lm, PROMPTS, max_new_tokens=8, stop=stop, adapter="a1", batch_size=2)
        mixed = answer(lm, groups, max_new_tokens=8, stop=stop, aligned="a1", weaker=None, contrast=None, batch_size=2)
        return [*texts, *((one.token_ids, one.posterior) for one in mixed)]

    before = answers()
    seen: list[torch.device] = []
    with_hooks = [module for module in hooked(lm.model).modules() if hasattr(module, "_hf_hook")]
    with_hooks[-1].register_forward_pre_hook(lambda module, given: seen.append(given[0].device))
    assert answers() == before
    assert seen, "the forward pass goes through the modules that the hooks are on"


def test_accelerates_hooks_change_no_byte_of_an_adapter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = write_model(tmp_path / "model")
    examples = [("Question: does aspirin inhibit platelets?\nAnswer:", "yes"), ("Name the disease.\nAnswer:", "cancer")]
    settings = TuningSettings(max_length=256, epochs=2, batch_size=2, micro_batch_size=2, learning_rate=1e-2)
    plain = tune(spec, examples, settings, tmp_path / "plain")
    load = language_model.load_weights
    monkeypatch.setattr(language_model, "load_weights", lambda *given: hooked(load(*given)))
    assert tune(spec, examples, settings, tmp_path / "hooked") == plain


def hooked(model: Any) -> Any:
    return dispatch_model(model, {name: "cpu" for name, _ in model.named_children()}, force_hooks=True)
