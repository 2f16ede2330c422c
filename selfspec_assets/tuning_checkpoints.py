"""Checkpoints of a tuning run: whole or not there at all, and one more when the run is asked to stop."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from selfspec_assets.failpoints import reached
from selfspec_assets.stopping import StopBetweenBatches
from selfspec_assets.warehouse.files import fsync_tree, move, remove, storing

_UNFINISHED = "unfinished"


class Checkpoints(NamedTuple):
    """What transformers' Trainer is given: where to write, whom to tell, and the checkpoint to go on from."""

    scratch: Path
    callbacks: list[Any]
    last: str | None


@contextmanager
def kept_checkpoints(folder: Path | None) -> Iterator[Checkpoints]:
    """Trainer writes a checkpoint file by file; each is moved into ``folder`` once it is whole.

    Torn by a kill, one would either stop every later run or, with the optimiser's state missing, be gone on from in
    silence. SIGINT and SIGTERM wait for the end of the optimiser step and leave a checkpoint.

    Args:
        folder: None: no checkpoints are kept.

    Raises:
        SelfspecError: the disk is full or ``folder`` cannot be written.
    """
    if folder is None:
        with TemporaryDirectory() as scratch:
            yield Checkpoints(Path(scratch), [], None)
        return
    from transformers.trainer_utils import get_last_checkpoint

    unfinished = folder / _UNFINISHED
    with storing(folder), StopBetweenBatches() as stop:
        remove(unfinished)
        folder.mkdir(parents=True, exist_ok=True)
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
            fsync_tree(folder / _UNFINISHED / name)
            move(folder / _UNFINISHED / name, folder / name, "checkpoint")
            for path in earlier:
                remove(path)

    return Keeper()
