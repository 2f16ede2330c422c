"""Tuning: what the loss is taken on, what comes out, and that the same input gives the same bytes."""

import json
import resource
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import AutoPeftModelForCausalLM, PeftModel
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.method.decoding import StopRules, greedy, next_token_logits
from selfspec_assets.method.tuning import tune as tuning
from selfspec_assets.method.tuning.checkpoints import saving
from selfspec_assets.method.tuning.examples import answer_loss, collate, encode_examples, training_order
from selfspec_assets.method.tuning.tune import TuningResult, TuningSettings, logit_change, refuse_repacked, tune
from selfspec_assets.models.language_model import LanguageModel, ModelSpec, adapter_digest, load_tokenizer
from selfspec_assets.models.weights import repacked_weights
from selfspec_assets.recipe.sections import AdapterSection
from tests.naive_loss import mean_loss
from tests.tiny_models import FAMILIES, write_adapter, write_model

EXAMPLES = [
    (f"Question: does aspirin {number} inhibit platelets?\nAnswer:", answer)
    for number, answer in enumerate(["yes", "no", "cancer hallmarks", "fever, cough, pain"] * 3)
]
SETTINGS = TuningSettings(max_length=1024, epochs=4, batch_size=4, micro_batch_size=2, learning_rate=1e-2)


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> ModelSpec:
    return write_model(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def tuned(spec: ModelSpec, tmp_path_factory: pytest.TempPathFactory) -> tuple[TuningResult, Path]:
    folder = tmp_path_factory.mktemp("tuned") / "adapter"
    return tune(spec, EXAMPLES, SETTINGS, folder), folder


def changed(**values: Any) -> TuningSettings:
    return TuningSettings(**{**SETTINGS.model_dump(), **values})


def test_the_loss_is_the_answers_and_falls(spec: ModelSpec, tuned: tuple[TuningResult, Path]) -> None:
    result, folder = tuned
    assert result.steps == len(result.losses) == 12
    assert result.losses[-1].epoch == 4
    lm = LanguageModel.load(spec)
    first = training_order([0] * len(EXAMPLES), 4, 4, 0)[:4]
    assert result.losses[0].loss == pytest.approx(mean_loss(lm, None, [EXAMPLES[place] for place in first]), abs=1e-4)
    lm.add_adapter(folder, "tuned")
    assert mean_loss(lm, "tuned", EXAMPLES) < 0.8 * mean_loss(lm, None, EXAMPLES)


def test_only_answer_and_end_token_carry_labels(spec: ModelSpec) -> None:
    tokenizer = load_tokenizer(spec)
    encoded = encode_examples(tokenizer, EXAMPLES[2:4], 100)
    batch = collate(encoded, pad_id=1)
    for row, (ids, start) in enumerate(encoded):
        labels = batch["labels"][row]
        assert (labels[:start] == -100).all()
        assert labels[start : len(ids)].tolist() == ids[start:]
        assert ids[-1] == tokenizer.eos_token_id, "the end token is learnt, even where it is the padding too"
        assert (labels[len(ids) :] == -100).all()
        assert batch["attention_mask"][row].tolist() == [1] * len(ids) + [0] * (len(labels) - len(ids))


def test_loss_by_hand() -> None:
    logits = torch.randn(2, 5, 7, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([[-100, -100, 3, 4, 1], [-100, 2, 1, -100, -100]])
    by_hand = -sum(
        float(torch.log_softmax(logits[row, place - 1], -1)[labels[row, place]])
        for row, place in ((0, 2), (0, 3), (0, 4), (1, 1), (1, 2))
    )
    assert float(answer_loss(logits, labels, None)) == pytest.approx(by_hand / 5, abs=1e-6)
    assert float(answer_loss(logits, labels, 10)) == pytest.approx(by_hand / 10, abs=1e-6)


def test_tokens_without_a_label_do_not_reach_the_loss_from_the_output_side() -> None:
    logits = torch.randn(1, 5, 7, requires_grad=True)
    answer_loss(logits, torch.tensor([[-100, -100, -100, 4, 1]]), None).backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    assert logits.grad[0].abs().sum(dim=-1).bool().tolist() == [False, False, True, True, False]


@pytest.mark.parametrize("kind", ["llama", "gpt_neox", "mpt", "falcon"])
def test_logits_of_the_answers_alone_give_the_same_loss_and_gradients(tmp_path: Path, kind: str) -> None:
    from selfspec_assets.method.tuning.tune import _with_adapter

    lm = LanguageModel.load(write_model(tmp_path, kind))
    adapted = _with_adapter(lm, changed(r=2, alpha=4), None).double()
    encoded = encode_examples(lm.tokenizer, EXAMPLES[:3], 100)
    outcomes = []
    for few_logits in (False, True):
        batch = collate(encoded, pad_id=1, few_logits=few_logits)
        labels = batch.pop("labels")
        adapted.zero_grad()
        logits = adapted(**batch).logits
        assert (logits.shape[1] < labels.shape[1]) == few_logits
        loss = answer_loss(logits, labels, None)
        loss.backward()  # type: ignore[no-untyped-call]
        gradients = [weight.grad.clone() for weight in adapted.parameters() if weight.grad is not None]
        outcomes.append((loss, gradients))
    (whole, expected), (few, gradients) = outcomes
    assert few.item() == pytest.approx(whole.item(), abs=1e-12)
    assert any(gradient.abs().sum() > 0 for gradient in gradients)
    for gradient, other in zip(gradients, expected, strict=True):
        torch.testing.assert_close(gradient, other, rtol=1e-9, atol=1e-12)


def test_gradients_reach_every_adapter_layer_and_nothing_else(tmp_path: Path) -> None:
    """And they are right: along each one the loss rises as fast as its length says (central difference, float64).

    GPT-NeoX, because Llama takes its norms in fp32 whatever the model's dtype.
    """
    from selfspec_assets.method.tuning.tune import _with_adapter

    lm = LanguageModel.load(write_model(tmp_path, "gpt_neox"))
    adapted = _with_adapter(lm, changed(r=2, alpha=4), None).double()
    batch = collate(encode_examples(lm.tokenizer, EXAMPLES[:2], 100), pad_id=1)
    labels = batch.pop("labels")
    counted = labels[:, 1:] != -100

    def loss() -> torch.Tensor:
        return torch.nn.functional.cross_entropy(adapted(**batch).logits[:, :-1][counted], labels[:, 1:][counted])

    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, weight in adapted.named_parameters():
            if "lora_B" in name:  # zero at first, and then the other factor has no gradient
                weight.normal_(0, 0.05, generator=generator)
    loss().backward()  # type: ignore[no-untyped-call]
    trained = {name: weight for name, weight in adapted.named_parameters() if weight.requires_grad}
    assert len(trained) == 2 * 4 * 2, "two factors, four linear modules, two layers"
    assert all("lora_" in name for name in trained)
    for name, weight in trained.items():
        step = 1e-4 * weight.grad / weight.grad.norm()
        with torch.no_grad():
            weight += step
            up = float(loss())
            weight -= 2 * step
            down = float(loss())
            weight += step
        assert (up - down) / 2e-4 == pytest.approx(float(weight.grad.norm()), rel=1e-5), name


def test_same_seed_same_bytes_other_seed_other_bytes(
    spec: ModelSpec, tuned: tuple[TuningResult, Path], tmp_path: Path
) -> None:
    result, folder = tuned
    again = tune(spec, EXAMPLES, SETTINGS, tmp_path / "again")
    assert again == result
    for name in ("adapter_model.safetensors", "adapter_config.json", "selfspec.json"):
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes()
    assert tune(spec, EXAMPLES, changed(seed=1), tmp_path / "other").adapter_digest != result.adapter_digest


def test_micro_batches_do_not_change_the_gradient(
    spec: ModelSpec, tuned: tuple[TuningResult, Path], tmp_path: Path
) -> None:
    whole = tune(spec, EXAMPLES, changed(micro_batch_size=4), tmp_path / "whole")
    assert [point.loss for point in whole.losses] == pytest.approx([point.loss for point in tuned[0].losses], abs=1e-4)


def test_a_killed_run_goes_on_and_ends_in_the_same_bytes(
    spec: ModelSpec, tuned: tuple[TuningResult, Path], tmp_path: Path
) -> None:
    seen: list[int] = []

    def until_seven(step: int, total: int, loss: float) -> None:
        seen.append(step)
        if len(seen) == 7:
            raise KeyboardInterrupt

    where = {"checkpoint_folder": tmp_path / "checkpoints", "checkpoint_every": 3}
    with pytest.raises(KeyboardInterrupt):
        tune(spec, EXAMPLES, SETTINGS, tmp_path / "adapter", progress=until_seven, **where)  # type: ignore[arg-type]
    assert not (tmp_path / "adapter").exists()
    resumed = tune(
        spec, EXAMPLES, SETTINGS, tmp_path / "adapter", progress=lambda step, total, loss: seen.append(step), **where
    )  # type: ignore[arg-type]
    assert resumed == tuned[0]
    assert seen == [1, 2, 3, 4, 5, 6, 7, 7, 8, 9, 10, 11, 12], "from the checkpoint at step 6"


def test_the_adapter_loads_with_plain_peft(spec: ModelSpec, tuned: tuple[TuningResult, Path]) -> None:
    result, folder = tuned
    assert sorted(path.name for path in folder.iterdir()) == [
        "adapter_config.json",
        "adapter_model.safetensors",
        "selfspec.json",
    ]
    config = json.loads((folder / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == str(Path(spec.path_or_id).resolve())
    assert (config["r"], config["lora_alpha"]) == (8, 16)
    assert config["target_modules"] == sorted(config["target_modules"]), "PEFT's set would change with the hash seed"
    lm = LanguageModel.load(spec)
    prompts = [prompt for prompt, _ in EXAMPLES[:2]]
    before = next_token_logits(lm, prompts, [None, None])
    lm.add_adapter(folder, "tuned")
    after = next_token_logits(lm, prompts, ["tuned", "tuned"])
    assert lm.adapter_digest("tuned") == result.adapter_digest == adapter_digest(folder)
    assert logit_change(lm, "tuned", prompts) == pytest.approx(float((after - before).abs().max()), rel=1e-3)
    assert logit_change(lm, "tuned", prompts) > 0.5
    ids = torch.tensor([lm.tokenizer(prompts[0])["input_ids"]])
    for plain in (
        PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(spec.path_or_id), str(folder)),
        AutoPeftModelForCausalLM.from_pretrained(str(folder)),
    ):
        with torch.no_grad():
            torch.testing.assert_close(plain.eval()(input_ids=ids).logits[:, -1], after[:1], atol=1e-4, rtol=0)


def test_an_adapter_that_does_nothing_changes_no_logit(spec: ModelSpec, tmp_path: Path) -> None:
    lm = LanguageModel.load(spec)
    lm.add_adapter(write_adapter(spec, tmp_path / "empty", 1, scale=0.0), "empty")
    assert logit_change(lm, "empty", ["Answer:"]) == 0


def test_going_on_from_an_adapter(spec: ModelSpec, tuned: tuple[TuningResult, Path], tmp_path: Path) -> None:
    result, folder = tuned
    lm = LanguageModel.load(spec)
    lm.add_adapter(folder, "tuned")
    further = tune(spec, EXAMPLES, SETTINGS, tmp_path / "further", start=folder)
    first = [EXAMPLES[place] for place in training_order([0] * len(EXAMPLES), 4, 4, 0)[:4]]
    assert further.losses[0].loss == pytest.approx(mean_loss(lm, "tuned", first), abs=1e-4)
    assert further.losses[-1].loss < result.losses[-1].loss
    assert further.adapter_digest != result.adapter_digest
    with pytest.raises(SelfspecError, match="r=8, alpha=16; the recipe says r=4"):
        tune(spec, EXAMPLES, changed(r=4), tmp_path / "wrong", start=folder)


def test_going_on_from_another_bases_adapter_is_refused(tuned: tuple[TuningResult, Path], tmp_path: Path) -> None:
    other = write_model(tmp_path / "base", seed=7)
    with pytest.raises(SelfspecError, match="another base"):
        tune(other, EXAMPLES, SETTINGS, tmp_path / "adapter", start=tuned[1])


@pytest.mark.parametrize("family", sorted(set(FAMILIES) - {"llama"}))
def test_every_architecture_tunes(family: str, tmp_path: Path) -> None:
    """Tied embeddings too (Qwen2, MPT, Falcon here): only LoRA factors are saved."""
    from safetensors.torch import load_file

    spec = write_model(tmp_path / "base", family)
    tune(spec, EXAMPLES[:4], changed(epochs=2), tmp_path / "adapter")
    assert all("lora_" in name for name in load_file(str(tmp_path / "adapter" / "adapter_model.safetensors")))
    lm = LanguageModel.load(spec)
    lm.add_adapter(tmp_path / "adapter", "tuned")
    assert logit_change(lm, "tuned", [EXAMPLES[0][0]]) > 0


def test_bad_input(spec: ModelSpec, tmp_path: Path) -> None:
    with pytest.raises(SelfspecError, match="no examples"):
        tune(spec, [], SETTINGS, tmp_path / "a")
    with pytest.raises(SelfspecError, match=r"2 of 3 examples are longer than 40 tokens"):
        tune(
            spec,
            [EXAMPLES[0], ("fever " * 60 + "end", "yes"), ("end", "yes " * 60)],
            changed(max_length=40),
            tmp_path / "a",
        )
    with pytest.raises(SelfspecError, match="exceeds the model's context of 512"):
        tune(spec, [("fever " * 600 + "end", "yes")], changed(max_length=5000), tmp_path / "a")
    with pytest.raises(ValueError, match="must divide"):
        tune(spec, EXAMPLES, changed(micro_batch_size=3), tmp_path / "a")
    assert not (tmp_path / "a").exists()


def test_a_loss_that_is_not_finite_stops(spec: ModelSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from selfspec_assets.method.tuning import tune as tuning

    monkeypatch.setattr(tuning, "answer_loss", lambda logits, labels, tokens: logits.sum() * float("nan"))
    with pytest.raises(SelfspecError, match="the loss is nan"):
        tune(spec, EXAMPLES, SETTINGS, tmp_path / "a")
    assert not (tmp_path / "a").exists()


def test_weights_that_are_no_numbers_are_named_at_the_first_step(spec: ModelSpec, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(spec.path_or_id, tmp_path / "base"))
    tensors = load_file(str(folder / "model.safetensors"))
    tensors["model.layers.0.mlp.up_proj.weight"][0, 0] = float("nan")
    save_file(tensors, str(folder / "model.safetensors"), metadata={"format": "pt"})
    with pytest.raises(SelfspecError, match=r"the loss is nan: 1 of its tensors hold NaN .*mlp\.up_proj") as caught:
        tune(ModelSpec(str(folder)), EXAMPLES, SETTINGS, tmp_path / "a")
    assert caught.value.place == "optimiser step 1"


def test_an_adapter_is_read_from_a_base_that_has_moved(spec: ModelSpec, tmp_path: Path) -> None:
    """With plain PEFT and the base's new place, as the README loads it; the config still names the old one."""
    old = Path(shutil.copytree(spec.path_or_id, tmp_path / "old"))
    tune(ModelSpec(str(old)), EXAMPLES, SETTINGS, tmp_path / "a")
    tokens = torch.tensor([[5, 6, 7]])
    with torch.no_grad():
        before = AutoPeftModelForCausalLM.from_pretrained(str(tmp_path / "a"))(input_ids=tokens).logits
        moved = old.rename(tmp_path / "new")
        base = AutoModelForCausalLM.from_pretrained(str(moved))
        after = PeftModel.from_pretrained(base, str(tmp_path / "a"))(input_ids=tokens).logits
    torch.testing.assert_close(after, before, atol=1e-5, rtol=0)


def test_training_order() -> None:
    lengths = [5, 1, 9, 3, 7, 2, 8]
    order = training_order(lengths, 3, 4, seed=1)
    assert sorted(order) == sorted(list(range(7)) * 3)
    assert sorted(order[:7]) != order[:7]
    for first in range(0, 21, 4):
        batch = [lengths[place] for place in order[first : first + 4]]
        assert batch == sorted(batch, reverse=True)
    same_members = training_order([0] * 7, 3, 4, seed=1)
    assert [set(order[first : first + 4]) for first in range(0, 21, 4)] == [
        set(same_members[first : first + 4]) for first in range(0, 21, 4)
    ], "lengths do not decide who shares a batch"
    assert training_order(lengths, 3, 4, seed=2) != order


# Four bits


def test_four_bits_load_generate_tune_save_reload(tmp_path: Path) -> None:
    from bitsandbytes.nn import Linear4bit

    base = write_model(tmp_path / "base", hidden_size=64, intermediate_size=64)
    spec = base.model_copy(update={"quantization": "nf4"})
    lm = LanguageModel.load(spec)
    assert sum(isinstance(module, Linear4bit) for module in lm.model.modules()) == 14
    prompts = [prompt for prompt, _ in EXAMPLES[:2]]
    generated = greedy(lm, prompts, max_new_tokens=3, stop=StopRules(), adapter=None, batch_size=2)
    assert len(generated) == 2
    result = tune(spec, EXAMPLES, SETTINGS, tmp_path / "adapter")
    assert result.losses[-1].loss < result.losses[0].loss
    again = LanguageModel.load(spec)
    # Repacked for a CPU with AVX512-BF16, the weights compute in bfloat16: equal to a rounding error, not bit for bit.
    near = 0.06 if repacked_weights(lm.model) else 1e-3
    torch.testing.assert_close(
        next_token_logits(again, prompts, [None] * 2), next_token_logits(lm, prompts, [None] * 2), atol=near, rtol=0
    )
    again.add_adapter(tmp_path / "adapter", "tuned")
    first = training_order([0] * len(EXAMPLES), 4, 4, 0)[-4:]
    rows = [EXAMPLES[place] for place in first]
    assert mean_loss(again, "tuned", rows) == pytest.approx(result.losses[-1].loss, abs=0.5)
    assert logit_change(again, "tuned", prompts) > 3 * near
    plain = PeftModel.from_pretrained(LanguageModel.load(spec).model, str(tmp_path / "adapter")).eval()
    ids = torch.tensor([again.tokenizer(prompts[0])["input_ids"]])
    with torch.no_grad():
        torch.testing.assert_close(
            plain(input_ids=ids).logits[:, -1], next_token_logits(again, prompts[:1], ["tuned"]), atol=near, rtol=0
        )


def test_tuning_computes_in_the_precision_that_was_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PEFT casts what is not 4-bit to float32 before tuning: asked then, no model would be one of bfloat16."""
    assert tuning.takes_bf16("cuda", torch.bfloat16)
    assert not tuning.takes_bf16("cuda", torch.float32)
    assert not tuning.takes_bf16("cpu", torch.bfloat16)
    spec = write_model(tmp_path / "base").model_copy(update={"quantization": "nf4", "dtype": "bfloat16"})
    asked = []

    def takes_bf16(device_type: str, loaded: torch.dtype) -> bool:
        asked.append(loaded)
        return False

    monkeypatch.setattr(tuning, "takes_bf16", takes_bf16)
    tune(spec, EXAMPLES[:4], changed(epochs=1), tmp_path / "adapter")
    assert asked == [torch.bfloat16]


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_activations_are_not_kept_on_a_gpu(spec: ModelSpec, device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lm = LanguageModel.load(spec)
    monkeypatch.setattr(LanguageModel, "device", torch.device(device))
    adapted = tuning._with_adapter(lm, SETTINGS, None)
    assert adapted.is_gradient_checkpointing == (device == "cuda")
    ids = torch.tensor([[5, 6, 7, 8]])
    adapted.train()(ids, labels=ids).loss.backward()
    gradients = [parameter.grad for name, parameter in adapted.named_parameters() if "lora_B" in name]
    assert gradients
    assert all(gradient is not None and gradient.abs().max() > 0 for gradient in gradients)


def test_repacked_weights_are_not_tuned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Repacking needs a CPU with AVX512-BF16, so here the mark that bitsandbytes leaves is set by hand."""
    spec = write_model(tmp_path / "base").model_copy(update={"quantization": "nf4"})
    lm = LanguageModel.load(spec)
    refuse_repacked(lm.model)
    lm.model.model.layers[1].mlp.up_proj.weight.quant_state.packing_format_for_cpu = True
    with pytest.raises(SelfspecError, match="repacked"):
        refuse_repacked(lm.model)
    monkeypatch.setattr(LanguageModel, "load", classmethod(lambda cls, spec: lm))
    with pytest.raises(SelfspecError, match=r"layers\.1\.mlp\.up_proj"):
        tune(spec, EXAMPLES, SETTINGS, tmp_path / "adapter")


@contextmanager
def file_limit(size: int) -> Iterator[None]:
    """No file may grow beyond ``size`` bytes: a write beyond fails as on a full disk (EFBIG)."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.parametrize(("checkpoints", "share"), [(True, 0.5), (True, 1.5), (False, 0.5)])
def test_a_full_disk_in_tuning_is_told_as_one(
    spec: ModelSpec, tuned: tuple[TuningResult, Path], tmp_path: Path, checkpoints: bool, share: float
) -> None:
    """While safetensors writes a checkpoint's weights, torch its optimiser's state, safetensors the adapter."""
    whole, folder = tuned
    kept = tmp_path / "checkpoints" if checkpoints else None
    full = int(share * (folder / "adapter_model.safetensors").stat().st_size)
    with file_limit(full), pytest.raises(SelfspecError) as caught:
        tune(spec, EXAMPLES, SETTINGS, tmp_path / "adapter", checkpoint_folder=kept, checkpoint_every=1)
    assert caught.value.place.startswith(str(kept or tmp_path / "adapter"))
    assert "cannot be written" in caught.value.reason
    assert "space" in caught.value.remedy
    again = tune(spec, EXAMPLES, SETTINGS, tmp_path / "adapter", checkpoint_folder=kept)
    assert again.adapter_digest == whole.adapter_digest


def test_an_error_of_another_kind_is_not_taken_for_the_disks(spec: ModelSpec, tmp_path: Path) -> None:
    def report(step: int, total: int, loss: float) -> None:
        raise ConnectionResetError("who was told of the progress has gone")

    with pytest.raises(ConnectionResetError):
        tune(spec, EXAMPLES, SETTINGS, tmp_path / "adapter", None, report, tmp_path / "checkpoints")
    with pytest.raises(RuntimeError, match="CUDA error"), saving(tmp_path):
        raise RuntimeError("CUDA error: device-side assert triggered")


def test_a_single_optimiser_step_is_not_spent_on_warming_up(spec: ModelSpec, tmp_path: Path) -> None:
    tuned = tune(
        spec,
        [("Name it.", "brown")],
        TuningSettings(max_length=1024, epochs=1, batch_size=4, micro_batch_size=4),
        tmp_path / "adapter",
    )
    assert [point.learning_rate for point in tuned.losses] == [AdapterSection.model_fields["learning_rate"].default]
