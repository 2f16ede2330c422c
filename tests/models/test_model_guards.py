"""What must hold of a model before and while it works: fit, memory, four bits, and weights that are hashed once."""

import gc
import json
import logging
import os
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from selfspec_assets.base import signature
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.method.decoding import (
    ContrastSettings,
    StopRules,
    encode_prompt,
    greedy,
    next_token_logits,
    sample,
)
from selfspec_assets.method.decoding.batching import in_batches
from selfspec_assets.method.tuning.examples import answer_loss, collate, encode_examples, rows_of
from selfspec_assets.method.tuning.tune import TuningSettings, refuse_repacked, tune
from selfspec_assets.models import language_model
from selfspec_assets.models import weights as model_weights
from selfspec_assets.models.language_model import LanguageModel, ModelSpec, load_tokenizer
from selfspec_assets.models.memory import Room, is_out_of_memory
from selfspec_assets.models.source import model_digest
from selfspec_assets.models.weights import repacked_weights
from selfspec_assets.planning.check import check_recipe
from selfspec_assets.recipe.recipe import load_recipe
from selfspec_assets.steps.lineage import Lineage
from selfspec_assets.steps.responses import sides_of
from selfspec_assets.warehouse.rows import SeedRow
from tests.conftest import Project, seed_rows
from tests.tiny_models import load_with_adapters, separate_log_probs, write_adapter, write_model

EXAMPLES = [
    (f"Question: does aspirin {number} inhibit platelets?\nAnswer:", answer)
    for number, answer in enumerate(["yes", "no", "cancer hallmarks", "fever, cough, pain", "no"])
]
SETTINGS = TuningSettings(max_length=1024, r=2, epochs=2, batch_size=4, micro_batch_size=4, learning_rate=1e-2)


def changed(**values: Any) -> TuningSettings:
    return TuningSettings(**{**SETTINGS.model_dump(), **values})


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> ModelSpec:
    return write_model(tmp_path_factory.mktemp("base"))


# Four bits


@pytest.fixture(scope="module")
def four_bits(tmp_path_factory: pytest.TempPathFactory) -> ModelSpec:
    base = write_model(tmp_path_factory.mktemp("nf4"), hidden_size=64, intermediate_size=64)
    return base.model_copy(update={"quantization": "nf4"})


def adapter_gradients(lm: LanguageModel) -> dict[str, torch.Tensor]:
    """Of the answers' loss, by each factor of a fresh adapter whose second factor is not zero."""
    from selfspec_assets.method.tuning.tune import _with_adapter

    adapted = _with_adapter(lm, SETTINGS, None)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, weight in adapted.named_parameters():
            if "lora_B" in name:
                weight.normal_(0, 0.05, generator=generator)
    batch = collate(encode_examples(lm.tokenizer, EXAMPLES[:3], 200), pad_id=1)
    adapted.train()
    answer_loss(adapted(**batch).logits, batch["labels"], None).backward()
    return {name: weight.grad.clone() for name, weight in adapted.named_parameters() if weight.grad is not None}


def relative_difference(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    assert one.keys() == other.keys()
    return max(float((one[name] - other[name]).norm() / other[name].norm()) for name in one)


def test_gradients_on_four_bits_are_those_on_the_same_weights_in_fp32(four_bits: ModelSpec) -> None:
    from bitsandbytes.functional import dequantize_4bit
    from bitsandbytes.nn import Linear4bit

    quantised = LanguageModel.load(four_bits)
    plain = LanguageModel.load(ModelSpec(four_bits.path_or_id, dtype="float32"))
    replaced = 0
    with torch.no_grad():
        for name, module in quantised.model.named_modules():
            if isinstance(module, Linear4bit):
                weight = dequantize_4bit(module.weight.data, module.weight.quant_state)
                plain.model.get_submodule(name).weight.copy_(weight)
                replaced += 1
    assert replaced == 14
    gradients = adapter_gradients(quantised)
    assert len(gradients) == 2 * replaced
    assert relative_difference(gradients, adapter_gradients(plain)) < 1e-3


def test_weights_that_a_forward_pass_repacked_are_not_tuned(four_bits: ModelSpec) -> None:
    """The trap itself, where the CPU has it: the gradients are wrong, so tuning must not begin."""
    from bitsandbytes.nn import Linear4bit

    used = LanguageModel.load(four_bits)
    assert repacked_weights(used.model) == []
    traps = {m.support_avx512bf16_for_cpu for m in used.model.modules() if isinstance(m, Linear4bit)}
    next_token_logits(used, [EXAMPLES[0][0]], [None])
    if used.device.type != "cpu" or traps == {False}:
        assert repacked_weights(used.model) == []
        pytest.skip("this machine repacks no weights")
    assert len(repacked_weights(used.model)) == 14
    with pytest.raises(SelfspecError, match="repacked"):
        refuse_repacked(used.model)
    fresh = adapter_gradients(LanguageModel.load(four_bits))
    assert relative_difference(adapter_gradients(used), fresh) > 0.1, "bitsandbytes has mended it: drop the guard"


def test_a_four_bit_base_that_decodes_does_not_disturb_tuning(four_bits: ModelSpec, tmp_path: Path) -> None:
    alone = tune(four_bits, EXAMPLES, SETTINGS, tmp_path / "alone")
    used = LanguageModel.load(four_bits)
    greedy(used, [EXAMPLES[0][0]], max_new_tokens=2, stop=StopRules(), adapter=None, batch_size=1)
    assert tune(four_bits, EXAMPLES, SETTINGS, tmp_path / "beside") == alone
    used.add_adapter(tmp_path / "beside", "tuned")
    assert len(greedy(used, [EXAMPLES[0][0]], max_new_tokens=2, stop=StopRules(), adapter="tuned", batch_size=1)) == 1


# Mixed rows and left padding, beyond the five families of tests/method/decoding/test_mixture.py

VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "falcon-40b's blocks": ("falcon", {"new_decoder_architecture": True, "num_kv_heads": 2}),
    "falcon with ALiBi": ("falcon", {"alibi": True}),
    "qwen2 with a sliding window": ("qwen2", {"use_sliding_window": True, "sliding_window": 8, "max_window_layers": 0}),
    "gpt-neox, no parallel residual": ("gpt_neox", {"use_parallel_residual": False}),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_mixed_rows_and_left_padding_on_variants(name: str, tmp_path: Path) -> None:
    family, changes = VARIANTS[name]
    assert_rows_are_their_own(load_with_adapters(tmp_path, family, **changes), 2e-4)


def test_mixed_rows_and_left_padding_on_four_bits(four_bits: ModelSpec, tmp_path: Path) -> None:
    lm = LanguageModel.load(four_bits)
    for number in (1, 2):
        lm.add_adapter(write_adapter(four_bits, tmp_path / f"a{number}", number), f"a{number}")
    assert_rows_are_their_own(lm, 0.1)  # repacked weights compute in bfloat16; another adapter is off by far more


def assert_rows_are_their_own(lm: LanguageModel, near: float) -> None:
    texts = ["The zorvex gene binds the melatin receptor in liver cells. Which gene?", "Name:", "Give the dose of it:"]
    rows: list[str | None] = ["a1", None, "a2"]
    mixed = torch.log_softmax(next_token_logits(lm, texts, rows).double(), dim=-1)
    for place, (text, adapter) in enumerate(zip(texts, rows, strict=True)):
        ids = encode_prompt(lm.tokenizer, text)
        alone = {name: separate_log_probs(lm, ids, name) for name in rows}
        torch.testing.assert_close(mixed[place], alone[adapter], atol=near, rtol=0)
        others = [float((mixed[place] - alone[name]).abs().max()) for name in rows if name != adapter]
        assert min(others) > 3 * near


# Out of memory


def use_up_memory() -> None:
    """PyTorch's own error on a CPU, a bare RuntimeError."""
    torch.empty(2**58)


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), True),
        (MemoryError(), True),
        (RuntimeError("CUDA error: an illegal memory access was encountered"), False),
        (ValueError("out of memory."), False),
    ],
)
def test_which_errors_mean_out_of_memory(error: Exception, verdict: bool) -> None:
    assert is_out_of_memory(error) is verdict


def test_decoding_halves_its_batch_on_a_real_allocation_failure(caplog: pytest.LogCaptureFixture) -> None:
    sizes: list[int] = []

    def run(batch: list[int]) -> list[int]:
        sizes.append(len(batch))
        if len(batch) > 1:
            use_up_memory()
        return batch

    with caplog.at_level(logging.WARNING):
        assert in_batches([1, 1, 1], 3, run, None) == [0, 1, 2]
    assert sizes == [3, 1, 1, 1]
    assert "out of memory with 3 prompts at a time; going on with 1" in caplog.text

    room = Room()
    for _ in range(2):
        assert in_batches([1, 1], 2, run, None, room) == [0, 1]
    assert sizes[4:] == [2, 1, 1, 1, 1], "only the first call tries in vain"

    def broken(batch: list[int]) -> list[int]:
        raise RuntimeError("a shape is wrong")

    with pytest.raises(RuntimeError, match="a shape is wrong"):
        in_batches([1, 1], 2, broken, None)


def test_what_did_not_fit_is_not_tried_again_by_the_next_call(spec: ModelSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step decodes one batch per call, so that a kill loses no more than one."""
    tried = fail_above(2, monkeypatch, backward=False)
    lm = LanguageModel.load(spec)
    ask: dict[str, Any] = {"max_new_tokens": 1, "stop": StopRules(), "adapter": None, "batch_size": 4}
    for _ in range(2):
        greedy(lm, ["a", "b", "c", "d"], **ask)
    assert tried == [4, 2, 2, 2, 2]
    tried.clear()
    for _ in range(2):
        sample(lm, ["a", "b", "c", "d"], [1, 2, 3, 4], temperature=1.0, top_p=1.0, **ask)
    assert tried == [4, 2, 2, 2, 2]


def fail_above(rows: int, patch: pytest.MonkeyPatch, *, backward: bool) -> list[int]:
    """Let every larger batch run out of memory in the first layer, forwards or backwards; returns the sizes tried.

    Backwards the later layers have their gradients by then: left as they are, they would count twice.
    """
    load = LanguageModel.load.__func__  # type: ignore[attr-defined]
    tried: list[int] = []

    def watched(cls: type[LanguageModel], spec: ModelSpec) -> LanguageModel:
        lm: LanguageModel = load(cls, spec)
        layer = lm.model.model.layers[0]

        def forward_hook(module: Any, inputs: Any, output: torch.Tensor) -> None:
            size = output.shape[0]
            tried.append(size)
            if size > rows and not backward:
                use_up_memory()
            if size > rows:
                output.register_hook(lambda gradient: use_up_memory())

        layer.register_forward_hook(forward_hook)
        return lm

    patch.setattr(LanguageModel, "load", classmethod(watched))
    return tried


@pytest.mark.parametrize("backward", [False, True], ids=["forwards", "backwards"])
def test_tuning_halves_its_micro_batches_and_makes_the_same_updates(
    backward: bool, spec: ModelSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    small = tune(spec, EXAMPLES, changed(micro_batch_size=1), tmp_path / "small")
    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING):
        tried = fail_above(1, patch, backward=backward)
        halved = tune(spec, EXAMPLES, SETTINGS, tmp_path / "halved")
    assert tried == [4, 2] + [1] * 10, "what fitted is kept: 5 examples, 2 epochs"
    assert "out of memory with 4 examples at a time; going on with 2" in caplog.text
    assert halved == small
    weights = "adapter_model.safetensors"
    assert (tmp_path / "halved" / weights).read_bytes() == (tmp_path / "small" / weights).read_bytes()


def test_a_part_of_a_batch_leaves_the_others_padding_behind(spec: ModelSpec) -> None:
    encoded = encode_examples(load_tokenizer(spec), [EXAMPLES[3], EXAMPLES[1], EXAMPLES[0]], 200)
    whole, part = collate(encoded, pad_id=1), collate(encoded[1:], pad_id=1)
    assert part["input_ids"].shape[1] < whole["input_ids"].shape[1]
    for name, values in rows_of(whole, 1, 3).items():
        assert torch.equal(values, part[name])


def test_one_example_that_does_not_fit_the_memory_is_an_error(
    spec: ModelSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = fail_above(0, monkeypatch, backward=False)
    with pytest.raises(SelfspecError, match="a single example does not fit the device's memory") as caught:
        tune(spec, EXAMPLES, SETTINGS, tmp_path / "adapter")
    assert "max_length" in caught.value.place
    assert tried == [4, 2, 1]
    assert not (tmp_path / "adapter").exists()


def test_tuning_goes_on_after_a_kill_with_another_micro_batch(spec: ModelSpec, tmp_path: Path) -> None:
    """``micro_batch_size`` is in no signature: changing it between two runs must neither lose nor repeat an update."""
    whole = tune(spec, EXAMPLES, SETTINGS, tmp_path / "whole")
    where: dict[str, Any] = {"checkpoint_folder": tmp_path / "checkpoints", "checkpoint_every": 1}

    def stop(step: int, total: int, loss: float) -> None:
        if step == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tune(spec, EXAMPLES, SETTINGS, tmp_path / "adapter", progress=stop, **where)
    seen: list[int] = []
    resumed = tune(
        spec,
        EXAMPLES,
        changed(micro_batch_size=1),
        tmp_path / "adapter",
        progress=lambda step, total, loss: seen.append(step),
        **where,
    )
    assert seen == [2, 3]
    assert resumed.steps == whole.steps == 3
    assert [point.loss for point in resumed.losses] == pytest.approx([point.loss for point in whole.losses], abs=1e-4)


# Fit, before any work


def no_end_token(folder: Path) -> None:
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "eos_token": None}))


def small_embedding(folder: Path) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "vocab_size": 300}))


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (no_end_token, "has no end-of-sequence token"),
        (small_embedding, "has ids up to 399, the model's embedding has 300 rows"),
    ],
)
def test_a_tokenizer_that_does_not_fit_is_told_before_the_weights_are_read(
    spoil: Callable[[Path], None], reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = write_model(tmp_path)
    spoil(tmp_path)

    def never(*_: object) -> None:
        raise AssertionError("weights were loaded")

    monkeypatch.setattr(language_model, "load_weights", never)
    with pytest.raises(SelfspecError, match=reason) as caught:
        LanguageModel.load(spec)
    assert caught.value.place == str(tmp_path)
    assert caught.value.remedy


TOO_LONG = {
    "instructions.max_new_tokens": (2048, "2048 tokens do not fit the model's context of 2048", "2047 or less"),
    "responses.max_new_tokens": (3000, "3000 tokens do not fit", "2047 or less"),
    "scores.max_new_tokens": (2048, "2048 tokens do not fit", "2047 or less"),
    "adapter.max_length": (2049, "2049 tokens do not fit", "2048 or less"),
}


@pytest.mark.parametrize("key", TOO_LONG)
def test_lengths_beyond_the_context_are_told_by_check(key: str, project: Project) -> None:
    value, reason, remedy = TOO_LONG[key]
    section, name = key.split(".")
    project.recipe[section][name] = value
    project.save()
    _, error = check_recipe(load_recipe("tiny"), "botany")
    assert error is not None
    assert error.place.endswith(f"tiny.yaml: {key}")
    assert reason in error.reason
    assert remedy in error.remedy
    project.recipe[section][name] = value - 1 if value < 3000 else 2047
    if section != "instructions":  # there the prompt takes room, too
        project.save()
        assert check_recipe(load_recipe("tiny"), "botany")[1] is None


def test_a_list_prompt_beyond_the_context_is_told_by_check(project: Project) -> None:
    project.recipe["instructions"]["max_new_tokens"] = 2000
    project.save()
    _, error = check_recipe(load_recipe("tiny"), "botany")
    assert error is not None
    assert error.place.endswith("tiny.yaml: instructions.max_new_tokens")
    assert "a list prompt with the longest seeds ('Which colour" in error.reason
    assert "with 2000 new ones it does not fit the model's context of 2048" in error.reason


def test_a_step_is_told_before_the_model_writes_a_word(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    from selfspec_assets.method.decoding import generate
    from selfspec_assets.steps.instructions import _ask
    from selfspec_assets.steps.job import Job

    def never(*_: object) -> None:
        raise AssertionError("the model was asked")

    def job() -> Job:
        project.save()
        return Job(Lineage(load_recipe("tiny")), "instructions", "botany", 1, lambda line: None)

    monkeypatch.setattr(generate, "run_generate", never)
    seeds = [SeedRow(seed=i, seed_id=row.pop("id"), **row) for i, row in enumerate(seed_rows())]
    project.recipe["instructions"]["max_new_tokens"] = 2000
    with pytest.raises(SelfspecError, match="a list prompt with the longest seeds"):
        _ask(job(), seeds, [0])
    project.recipe["adapter"]["max_length"] = 4096
    with pytest.raises(SelfspecError, match="4096 tokens do not fit the model's context of 2048"):
        _ask(job(), seeds, [0])


def test_a_list_prompt_beyond_the_context_stops_a_run_before_anything_is_predicted(project: Project) -> None:
    """The list prompt belongs to a later step than ``base_predictions``, which takes hours with a real model."""
    from selfspec_assets.base import home
    from selfspec_assets.orchestration.runner import run_recipe
    from selfspec_assets.warehouse import Attempts, Warehouse

    project.recipe["instructions"]["max_new_tokens"] = 2000
    project.save()
    named = load_recipe("tiny")
    with pytest.raises(SelfspecError, match="a list prompt with the longest seeds"):
        run_recipe(named, ["botany"], 1, lambda line: None)
    warehouse = Warehouse(home.warehouse_folder())
    assert {entry.key.step for entry in warehouse.entries()} == {"seeds", "corpus", "benchmarks"}
    work = warehouse.root / "work" / Lineage(named).signature("base_predictions", "botany", 0)
    assert [path.name for path in work.iterdir()] == ["attempts.json"]
    assert Attempts(work).recipes() == (project.folder / "recipes" / "tiny.yaml",)


def test_the_weaker_adapter_is_loaded_only_where_it_is_asked() -> None:
    loaded: list[int] = []

    def load(iteration: int) -> str:
        loaded.append(iteration)
        return f"adapter {iteration}"

    job: Any = SimpleNamespace(iteration=3, adapter=load)
    assert sides_of(job, ContrastSettings("none")) == ("adapter 2", None)
    assert loaded == [2]
    assert sides_of(job, ContrastSettings("difference")) == ("adapter 2", "adapter 1")


def test_tuning_does_not_hold_the_base_twice(finished: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The step before it has one in memory; beside tuning's own copy a large model would not fit."""
    from selfspec_assets.orchestration.runner import run_recipe
    from selfspec_assets.steps import job as step

    step._models.clear()  # what the fixture's runs left
    load = LanguageModel.load.__func__  # type: ignore[attr-defined]
    alive: weakref.WeakSet[LanguageModel] = weakref.WeakSet()
    beside: list[int] = []

    def watched(cls: type[LanguageModel], spec: ModelSpec) -> LanguageModel:
        gc.collect()
        beside.append(len(alive))
        lm: LanguageModel = load(cls, spec)
        alive.add(lm)
        return lm

    monkeypatch.setattr(LanguageModel, "load", classmethod(watched))
    finished.recipe["responses"]["max_new_tokens"] -= 1  # answers, and an adapter from them, in one process
    finished.save()
    run_recipe(load_recipe("tiny"), ["botany"], 1, lambda line: None)
    assert beside == [0, 0, 0], "for the answers, for tuning, and for what comes after it"


def test_what_a_cpu_made_does_not_pass_for_a_gpus(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """``dtype: auto`` is float32 there and bfloat16 here: base and adapter would be scored in two precisions."""
    here = Lineage(load_recipe("tiny")).model_identity
    monkeypatch.setattr(model_weights, "has_gpu", lambda: True)
    there = Lineage(load_recipe("tiny")).model_identity
    assert there != here
    project.recipe["base_model"]["dtype"] = "bfloat16"
    project.save()
    assert Lineage(load_recipe("tiny")).model_identity == there


# Weights are hashed once


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files whose bytes are read for a digest; none counts as too young to be remembered."""
    names: list[str] = []
    digest = signature.file_digest

    def count(path: Path) -> str:
        names.append(path.name)
        return digest(path)

    monkeypatch.setattr(signature, "file_digest", count)
    monkeypatch.setattr(signature, "_STILL_WARM_NS", -(10**18))
    monkeypatch.setattr(signature, "_digests", {})
    return names


def test_a_process_reads_the_weights_once_for_its_signatures(project: Project, hashed: list[str]) -> None:
    for _ in range(3):  # as many jobs, each with a lineage of its own
        Lineage(load_recipe("tiny")).signature("responses", "botany", 1)
    assert hashed.count("model.safetensors") == 1


def test_a_file_that_changed_is_read_again(tmp_path: Path, hashed: list[str]) -> None:
    path = tmp_path / "weights"
    path.write_bytes(b"one")
    first = signature.file_digest_once(path)
    assert signature.file_digest_once(path) == first
    stat = path.stat()
    time.sleep(0.01)  # a tick of the file system's clock
    path.write_bytes(b"two")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))  # as archives and copies do
    second = signature.file_digest_once(path)
    beside = tmp_path / "beside"
    beside.write_bytes(b"one")
    beside.replace(path)
    assert [first, second, signature.file_digest_once(path)] == [
        signature.text_digest(t) for t in ("one", "two", "one")
    ]
    assert hashed == ["weights"] * 3


def test_a_file_that_has_just_changed_is_not_remembered(tmp_path: Path) -> None:
    """Two changes within one tick of the clock look alike to a file system, size and inode the same."""
    path = tmp_path / "weights"
    path.write_bytes(b"one")
    signature.file_digest_once(path)
    assert not [key for key in signature._digests if key[0] == path]


def test_the_models_digest_is_what_it_was(tmp_path: Path) -> None:
    """Revisions hang on it."""
    spec = write_model(tmp_path)
    names = ("config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")
    parts = {name: signature.file_digest(tmp_path / name) for name in names}
    assert model_digest(spec) == signature.text_digest(json.dumps(parts, sort_keys=True, separators=(",", ":")))
