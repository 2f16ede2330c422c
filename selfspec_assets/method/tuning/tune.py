"""Section 3.4: tune a LoRA (or, on a 4-bit base, QLoRA) adapter on the generated answers.

The loss is taken on the answer and its end token only. Every optimiser step is normalised by the number of answer
tokens in its whole batch, so ``micro_batch_size`` changes memory and speed, not the gradient; with dropout alone it
changes which masks are drawn. Out of memory halves it and goes on, but not with dropout.
"""

import inspect
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.failpoints import reached
from selfspec_assets.method.decoding import next_token_logits
from selfspec_assets.method.tuning.checkpoints import kept_checkpoints, saving
from selfspec_assets.method.tuning.examples import Example, answer_loss, collate, encode_examples, training_order
from selfspec_assets.method.tuning.trainer import loss_recorder, on_one_gpu, trainer_class
from selfspec_assets.models.folder import ADAPTER_CONFIG, ADAPTER_WEIGHTS
from selfspec_assets.models.language_model import (
    LanguageModel,
    ModelSpec,
    check_adapter,
    load_tokenizer,
    model_folder,
    quiet,
    write_adapter_record,
)
from selfspec_assets.models.memory import free_memory
from selfspec_assets.models.weights import repacked_weights
from selfspec_assets.recipe.sections import AdapterSection

if TYPE_CHECKING:
    import torch


# Of Alpaca, as the paper gives no values of its own.
_WARMUP = 0.03  # share of the steps in which the learning rate rises
_SCHEDULER = "cosine"
_MAX_GRAD_NORM = 1.0
_MODULES = "all-linear"  # Appendix B; PEFT leaves the output layer out


class TuningSettings(AdapterSection):
    """A recipe's section, and the seed: of the adapter's first weights, of dropout and of the order of examples."""

    seed: int = 0


class LossPoint(NamedTuple):
    """One optimiser step: mean loss per answer token (nats) before the step, and the learning rate that it used."""

    step: int
    epoch: float
    loss: float
    learning_rate: float


@dataclass(frozen=True, slots=True)
class TuningResult:
    """What came out; the adapter itself is in its folder."""

    adapter_digest: str
    base_digest: str
    steps: int
    trainable: int
    total: int
    losses: list[LossPoint]


def tune(
    spec: ModelSpec,
    examples: Sequence[tuple[str, str]],
    settings: TuningSettings,
    folder: Path,
    start: Path | None = None,
    progress: Callable[[int, int, float], None] | None = None,
    checkpoint_folder: Path | None = None,
    checkpoint_every: int = 50,
) -> TuningResult:
    """Tune an adapter on a freshly loaded base and write it to ``folder`` as plain PEFT safetensors.

    The same arguments give the same bytes on the same machine, also after a resume.

    Args:
        examples: (prompt, answer); the prompt ends without white space, the answer follows after one space.
        folder: gets adapter_model.safetensors, adapter_config.json and selfspec.json.
        start: an adapter of this base to go on from; None starts a new one.
        progress: told (step, steps in all, loss) after every optimiser step.
        checkpoint_folder: where to leave checkpoints; a run that finds one there goes on from it.
        checkpoint_every: optimiser steps between checkpoints.

    Raises:
        SelfspecError: no examples, an example that is too long, settings that do not fit the start adapter or the
            model, a loss that is not finite, a base that must not be tuned, not even one example fits the memory, or
            the disk is full.
    """
    encoded = encode_examples(load_tokenizer(spec), examples, settings.max_length)
    # Always a fresh one: on a CPU bitsandbytes repacks 4-bit weights at the first forward in evaluation mode, and
    # their gradients are wrong from then on, in silence.
    lm = LanguageModel.load(spec)
    longest = max(len(example.ids) for example in encoded)
    if longest > lm.context_length:
        raise SelfspecError(
            "adapter.max_length",
            f"an example of {longest} tokens exceeds the model's context of {lm.context_length}",
            f"set max_length to {lm.context_length} or less",
        )
    refuse_repacked(lm.model)
    bf16 = takes_bf16(lm.device.type, lm.model.dtype)  # before PEFT casts what is not 4-bit to float32
    with quiet():
        adapted = _with_adapter(lm, settings, start)
    trainable, total = adapted.get_nb_trainable_parameters()
    losses = _train(adapted, lm, encoded, settings, bf16, progress, checkpoint_folder, checkpoint_every)
    with saving(folder):
        _save(adapted, spec, folder)
    reached("adapter written")
    base_digest = lm.digest
    del adapted, lm
    free_memory()  # the caller may hold the same base: a second copy must not wait for the garbage collector
    with saving(folder):
        adapter_digest = write_adapter_record(folder, base_digest)
    return TuningResult(adapter_digest, base_digest, len(losses), int(trainable), int(total), losses)


def logit_change(lm: LanguageModel, adapter_name: str, prompts: Sequence[str]) -> float:
    """Largest absolute difference that an adapter makes to the next-token logits after these prompts; 0: none."""
    rows = [prompt for prompt in prompts for _ in range(2)]
    logits = next_token_logits(lm, rows, [adapter_name, None] * len(prompts))
    return float((logits[0::2] - logits[1::2])[:, : lm.vocabulary_size].abs().max())


def refuse_repacked(model: Any) -> None:
    """Check that no 4-bit weight is in bitsandbytes' repacked CPU form.

    Raises:
        SelfspecError: one is; tuning would then follow wrong gradients in silence.
    """
    if names := repacked_weights(model):
        raise SelfspecError(
            names[0],
            "its 4-bit weights were repacked by a forward pass and give wrong gradients",
            "load the model anew before tuning",
        )


def _with_adapter(lm: LanguageModel, settings: TuningSettings, start: Path | None) -> Any:
    from peft import LoraConfig, PeftModelForCausalLM, prepare_model_for_kbit_training
    from transformers import set_seed

    model = lm.model
    model.config.use_cache = False
    if lm.spec.quantization == "nf4":
        model = prepare_model_for_kbit_training(model, gradient_checkpointing_kwargs={"use_reentrant": False})
    elif lm.device.type != "cpu" and model.supports_gradient_checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    config = LoraConfig(
        r=settings.r,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        task_type="CAUSAL_LM",
        target_modules=_MODULES,
    )
    set_seed(settings.seed)
    if start is None:
        return PeftModelForCausalLM(model, config)
    check_adapter(start, lm.digest)
    adapted = PeftModelForCausalLM.from_pretrained(model, str(start), is_trainable=True)
    former = adapted.peft_config["default"]
    if (former.r, former.lora_alpha) != (settings.r, settings.alpha):
        raise SelfspecError(
            start,
            f"this adapter has r={former.r}, alpha={former.lora_alpha}; the recipe says "
            f"r={settings.r}, alpha={settings.alpha}",
            "make them agree, or start from the base",
        )
    return adapted


def _train(
    adapted: Any,
    lm: LanguageModel,
    encoded: list[Example],
    settings: TuningSettings,
    bf16: bool,
    progress: Callable[[int, int, float], None] | None,
    checkpoint_folder: Path | None,
    checkpoint_every: int,
) -> list[LossPoint]:
    from transformers import PrinterCallback

    from selfspec_assets.method.tuning.packing import packs

    order = training_order(
        [len(example.ids) for example in encoded], settings.epochs, settings.batch_size, settings.seed
    )
    few_logits = "logits_to_keep" in inspect.signature(adapted.get_base_model().forward).parameters
    recorder = loss_recorder(len(encoded), settings.epochs, settings.batch_size, progress)

    def loss(outputs: Any, labels: "torch.Tensor", num_items_in_batch: "torch.Tensor | None" = None) -> "torch.Tensor":
        return answer_loss(outputs["logits"], labels, num_items_in_batch)

    with kept_checkpoints(checkpoint_folder) as checkpoints:
        every = checkpoint_every if checkpoint_folder else None
        arguments = _arguments(lm, settings, bf16, checkpoints.scratch, every, len(order))
        trainer = trainer_class(settings.dropout)(
            adapted,
            on_one_gpu(arguments),
            train_dataset=[encoded[place] for place in order],
            data_collator=lambda batch: collate(batch, lm.pad_id, few_logits=few_logits),
            compute_loss_func=loss,
            callbacks=[recorder, *checkpoints.callbacks],
        )
        trainer.on_loss = recorder.add
        if settings.micro_batch_size > 1 and len(encoded) > 1:
            shortest = sorted(encoded, key=lambda example: len(example.ids))[:2]  # fit if anything does
            trainer.packs = packs(adapted, collate(shortest, lm.pad_id, few_logits=few_logits))
        trainer.remove_callback(PrinterCallback)
        with quiet():
            trainer.train(resume_from_checkpoint=checkpoints.last)
        trainer.accelerator.free_memory()
    if trainer.state.global_step < trainer.state.max_steps:  # asked to stop, by a signal that nobody else handles
        raise KeyboardInterrupt
    return [LossPoint(**entry) for entry in trainer.state.log_history if "learning_rate" in entry]


def takes_bf16(device_type: str, loaded: "torch.dtype") -> bool:
    """Whether tuning computes in bfloat16 (autocast): on a GPU, for a model that is loaded in it."""
    import torch

    return device_type != "cpu" and loaded == torch.bfloat16


def _arguments(
    lm: LanguageModel, settings: TuningSettings, bf16: bool, folder: Path, save_every: int | None, examples: int
) -> Any:
    from transformers import TrainingArguments

    on_cpu = lm.device.type == "cpu"
    # Rounded down: transformers rounds a share up, and a single warm-up step has a learning rate of 0, which throws
    # away the whole tuning where there is one step in all.
    warmup = int(_WARMUP * math.ceil(examples / settings.batch_size))
    return TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=1,  # the order holds all epochs
        per_device_train_batch_size=settings.micro_batch_size,
        gradient_accumulation_steps=settings.batch_size // settings.micro_batch_size,
        learning_rate=settings.learning_rate,
        lr_scheduler_type=_SCHEDULER,
        warmup_steps=warmup,
        max_grad_norm=_MAX_GRAD_NORM,
        optim="adamw_torch",
        weight_decay=0.0,
        seed=settings.seed,
        train_sampling_strategy="sequential",
        remove_unused_columns=False,
        dataloader_pin_memory=not on_cpu,
        use_cpu=on_cpu,
        bf16=bf16,
        save_strategy="no" if save_every is None else "steps",
        save_steps=save_every or 500,
        save_total_limit=1,
        logging_strategy="no",
        eval_strategy="no",
        report_to="none",
        push_to_hub=False,
        disable_tqdm=True,
    )


def _save(adapted: Any, spec: ModelSpec, folder: Path) -> None:
    """As ``PeftModel.save_pretrained`` does, but with a config of one order (PEFT writes a set) and no model card."""
    from peft import get_peft_model_state_dict
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    state = get_peft_model_state_dict(adapted, save_embedding_layers=False)
    save_file(
        {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()},
        str(folder / ADAPTER_WEIGHTS),
        metadata={"format": "pt"},
    )
    config = adapted.peft_config["default"].to_dict()
    base = spec.path_or_id if spec.revision is not None else str(model_folder(spec))
    config.update(inference_mode=True, base_model_name_or_path=base, revision=spec.revision)
    text = json.dumps(config, indent=2, sort_keys=True, default=_plain)
    (folder / ADAPTER_CONFIG).write_text(text + "\n", encoding="utf-8")


def _plain(value: Any) -> Any:
    if isinstance(value, set):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} in an adapter's config")
