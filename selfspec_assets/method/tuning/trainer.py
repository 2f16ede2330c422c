"""transformers' Trainer with three additions: each step's exact loss, micro-batches that shrink to fit the memory, and
words for a checkpoint that cannot be written. Whatever reaches into the Trainer's private parts stands here.
"""

import logging
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfspec_assets.base.errors import NotEnoughMemory
from selfspec_assets.method.tuning.checkpoints import saving
from selfspec_assets.method.tuning.examples import rows_of
from selfspec_assets.models.memory import free_memory, is_out_of_memory
from selfspec_assets.models.weights import not_finite

if TYPE_CHECKING:
    import torch

_log = logging.getLogger(__name__)


def trainer_class(dropout: float = 0.0) -> Any:
    """``HalvingTrainer``; made here because importing transformers takes seconds.

    Args:
        dropout: above zero, the masks follow the micro-batches: they are never halved then.
    """
    from transformers import Trainer

    from selfspec_assets.method.tuning.packing import packed

    class HalvingTrainer(Trainer):  # type: ignore[misc]  # transformers is untyped here
        """Takes a micro-batch in halves when it does not fit the memory; the update stays the same.

        The loss is a sum over tokens divided by the whole batch's count (``answer_loss``), so it does not matter in how
        many pieces the sum is taken: the bytes are those of a run with the smaller ``micro_batch_size``. What fitted
        once is kept for the rest of the run. With dropout other masks would be drawn, so it is an error there.
        """

        on_loss: Callable[["torch.Tensor"], None]
        packs = False  # whether the examples of a micro-batch share a row
        rows_that_fit: int | None = None  # None: no micro-batch has failed

        def training_step(
            self, model: Any, inputs: dict[str, "torch.Tensor"], num_items_in_batch: Any = None
        ) -> "torch.Tensor":
            losses: list[torch.Tensor] = []
            rows, first = len(inputs["input_ids"]), 0
            while first < rows:
                last = min(first + (self.rows_that_fit or rows), rows)
                loss = self._try(model, rows_of(inputs, first, last), num_items_in_batch)
                if loss is None:
                    self.rows_that_fit = _halved(last - first, dropout)
                    continue
                if not math.isfinite(loss):
                    raise not_finite(model, f"optimiser step {self.state.global_step + 1}", f"the loss is {loss}")
                self.on_loss(loss)
                losses.append(loss)
                first = last
            return sum(losses[1:], start=losses[0])

        def _try(self, model: Any, inputs: dict[str, "torch.Tensor"], items: Any) -> "torch.Tensor | None":
            """None: out of memory, and the gradients are what they were: a backward pass may stop half-way."""
            trained = [weight for weight in model.parameters() if weight.requires_grad]
            before = [None if weight.grad is None else weight.grad.clone() for weight in trained]
            try:
                given = packed(inputs) if self.packs else inputs
                loss: torch.Tensor = super().training_step(model, given, items)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                for weight, gradient in zip(trained, before, strict=True):
                    weight.grad = gradient
                return None
            return loss

        def _save_checkpoint(self, *arguments: Any, **named: Any) -> None:
            with saving(Path(self.args.output_dir)):
                super()._save_checkpoint(*arguments, **named)

    return HalvingTrainer


def on_one_gpu(arguments: Any) -> Any:
    """The same ``TrainingArguments``, for the paper's single GPU: with several, the model would be copied to each."""
    arguments._n_gpu = min(arguments.n_gpu, 1)
    return arguments


def _halved(rows: int, dropout: float) -> int:
    """How many examples are tried next where so many did not fit.

    Raises:
        NotEnoughMemory: it was one alone, or with dropout other examples together would be another adapter.
    """
    free_memory()
    if rows == 1:
        raise NotEnoughMemory(
            "adapter.max_length",
            "a single example does not fit the device's memory",
            "lower adapter.max_length, or set base_model.quantization: nf4",
        )
    if dropout:
        raise NotEnoughMemory(
            "adapter.micro_batch_size",
            f"{rows} examples at a time do not fit the device's memory, and with dropout fewer would draw other masks",
            f"set it to {rows // 2} or less; it is part of the adapter's signature",
        )
    _log.warning(
        "out of memory with %d examples at a time; going on with %d, the update is the same "
        "(adapter.micro_batch_size saves the failed try)",
        rows,
        rows // 2,
    )
    return rows // 2


def loss_recorder(
    examples: int, epochs: int, batch_size: int, progress: Callable[[int, int, float], None] | None
) -> Any:
    """A callback with ``add(loss)``, which keeps each optimiser step's sum in the Trainer's own history.

    Args:
        examples: in one epoch.
        batch_size: examples per optimiser step.
        progress: told (step, steps in all, loss).
    """
    from transformers import TrainerCallback

    class Recorder(TrainerCallback):  # type: ignore[misc]  # transformers is untyped here
        """The history is part of every checkpoint, so a resumed run has the losses of the steps before it."""

        def __init__(self) -> None:
            self._sum = 0.0
            self._learning_rate = 0.0

        def add(self, loss: "torch.Tensor") -> None:
            self._sum += float(loss)

        def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            self._learning_rate = float(kwargs["optimizer"].param_groups[0]["lr"])

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            loss, self._sum = self._sum, 0.0
            epoch = min(state.global_step * batch_size / examples, epochs)  # the last batch may be partial
            state.log_history.append(
                {"step": state.global_step, "epoch": epoch, "loss": loss, "learning_rate": self._learning_rate}
            )
            if progress is not None:
                progress(state.global_step, state.max_steps, loss)

    return Recorder()
