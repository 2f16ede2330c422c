"""Checkpoints of a tuning run: whole or not there at all, and one more when the run is asked to stop."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from selfspec_assets.base.failpoints import reached
from selfspec_assets.base.files import fsync_tree, move, remove, storing, unwritable
from selfspec_assets.base.stopping import StopBetweenBatches

_UNFINISHED = "unfinished"
_OF_THE_WRITER = ("inline_container", "PytorchStreamWriter")  # torch's RuntimeError has no class of its own for files


class Checkpoints(NamedTuple):
    """What transformers' Trainer is given: where to write, whom to tell, and the checkpoint to go on from."""

    scratch: Path
    callbacks: list[Any]
    last: str | None


@contextmanager
def saving(folder: Path) -> Iterator[None]:
    """``storing`` for what safetensors and torch write, which have errors of their own for a file that they cannot.

    Raises:
        SelfspecError: the disk is full or ``folder`` cannot be written. An error of another kind goes through.
    """
    from safetensors import SafetensorError

    try:
        with storing(folder):
            yield
    except SafetensorError as error:
        raise unwritable(folder, error) from error
    except RuntimeError as error:
        if not any(sign in str(error) for sign in _OF_THE_WRITER):
            raise
        raise unwritable(folder, error) from error


@contextmanager
def kept_checkpoints(folder: Path | None) -> Iterator[Checkpoints]:
    """Trainer writes a checkpoint file by file; each is moved into ``folder`` once it is whole.

    Torn by a kill, one would either stop every later run or, with the optimiser's state missing, be gone on from in
    silence. SIGINT and SIGTERM wait for the end of the optimiser step and leave a checkpoint.

    Args:
        folder: None: no checkpoints are kept.

    Raises:
        SelfspecError: the disk is full or ``folder`` cannot be written. What the block itself raises goes through.
    """
    if folder is None:
        with TemporaryDirectory() as scratch:
            yield Checkpoints(Path(scratch), [], None)
        return
    from transformers.trainer_utils import get_last_checkpoint

    unfinished = folder / _UNFINISHED
    with storing(folder):
        remove(unfinished)
        folder.mkdir(parents=True, exist_ok=True)
    with StopBetweenBatches() as stop:
        yield Checkpoints(unfinished, [_keeper(folder, stop)], get_last_checkpoint(str(folder)))


def _keeper(folder: Path, stop: StopBetweenBatches) -> Any:
    from transformers import TrainerCallback

    class Keeper(TrainerCallback):  # type: ignore[misc]  # transformers is untyped here
        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            reached("optimiser step")
            if stop.asked:
                control.should_save = control.should_training_stop = True

        def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            earlier = list(folder.glob("checkpoint-*"))
            name = f"checkpoint-{state.global_step}"
            with storing(folder):
                fsync_tree(folder / _UNFINISHED / name)
                move(folder / _UNFINISHED / name, folder / name, "checkpoint")
                for path in earlier:
                    remove(path)

    return Keeper()
