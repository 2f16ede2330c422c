"""A model's weights: loading them, the precision they are held in, and what can be wrong with them once they are there.

Importing this module costs nothing: torch and transformers are imported where they are used.
"""

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from selfspec_assets.base.errors import NotEnoughMemory, SelfspecError
from selfspec_assets.models.folder import ModelSpec
from selfspec_assets.models.memory import is_out_of_memory
from selfspec_assets.models.precision import chosen

if TYPE_CHECKING:
    import torch

_SHARE = 0.9  # of a GPU's free memory, for weights: what is computed needs room as well
# Of NVIDIA's driver, on its small boards, in Windows' subsystem for Linux; of AMD's.
_DRIVERS = ("/dev/nvidiactl", "/dev/nvhost-ctrl", "/dev/dxg", "/dev/kfd")


def precision_of(spec: ModelSpec) -> str:
    """``bfloat16`` or ``float32``: what the weights are computed in on this machine, in this project."""
    if spec.dtype != "auto":
        return spec.dtype
    if has_gpu():
        return "bfloat16"
    choice = chosen(spec)
    return choice.precision if choice else "float32"


def has_gpu() -> bool:
    """Whether torch sees a GPU. It takes seconds to import, so it is not asked where there is no driver."""
    if not any(os.path.exists(device) for device in _DRIVERS):
        return False
    import torch

    return torch.cuda.is_available()


def load_weights(spec: ModelSpec, folder: Path) -> Any:
    """The transformers model of a folder, frozen and in evaluation mode.

    Raises:
        SelfspecError: it does not fit the memory, or config.json and the weights do not belong together.
    """
    model, report = _from_pretrained(spec, folder)
    _check_report(model, report["missing_keys"], report["unexpected_keys"], folder)
    model.get_output_embeddings().register_forward_pre_hook(_contiguous)
    # Frozen from the start, as PEFT leaves it: torch multiplies by weights that want a gradient along another path, so
    # the base's numbers would change in their last digits once the process had loaded an adapter.
    return model.eval().requires_grad_(False)


def _from_pretrained(spec: ModelSpec, folder: Path) -> tuple[Any, dict[str, Any]]:
    """The model, and transformers' report on which tensors found their place."""
    import torch
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    place = placement(spec.devices)
    dtype = getattr(torch, precision_of(spec))
    logging.disable_progress_bar()
    try:
        made: tuple[Any, dict[str, Any]] = AutoModelForCausalLM.from_pretrained(
            str(folder),
            dtype=dtype,
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
            device_map=place.device_map,
            max_memory=place.max_memory,
            quantization_config=_quantization(spec, dtype),
            output_loading_info=True,
        )
    except Exception as error:  # configs, safetensors and torch raise many kinds
        if is_out_of_memory(error):
            raise NotEnoughMemory(
                folder,
                f"the model does not fit the memory: {error}",
                "set quantization: nf4, free the memory that others hold, or choose a smaller model",
            ) from error
        raise SelfspecError(
            folder, f"the model cannot be loaded: {error}", "check that config.json and the weights belong together"
        ) from error
    check_placed(made[0], spec.devices, folder)
    return made


class Placement(NamedTuple):
    """Where the weights go, as ``from_pretrained`` takes it; bytes by GPU, where there is a choice."""

    device_map: str | dict[str, int | str]
    max_memory: dict[int, int] | None


def placement(devices: int) -> Placement:
    """All on one device, or the layers in equal parts over so many GPUs, the first by number.

    Raises:
        SelfspecError: torch sees fewer GPUs.
    """
    free = free_on_gpus()
    if devices == 1:
        # The first GPU by number: accelerate refuses to tune a 4-bit model whose device is just "cuda".
        return Placement({"": 0 if free else "cpu"}, None)
    if len(free) < devices:
        seen = f"{len(free)} GPU{'' if len(free) == 1 else 's'}"
        remedy = f"set it to {max(len(free), 1)}, or run where there are more (CUDA_VISIBLE_DEVICES may hide some)"
        raise SelfspecError("base_model.devices", f"asks for {devices} GPUs, torch sees {seen}", remedy)
    # No room is named on CPU or disk. What does not fit would go there all the same, and answer at a crawl:
    # ``check_placed`` refuses it.
    return Placement("balanced", {number: int(_SHARE * free[number]) for number in range(devices)})


def free_on_gpus() -> list[int]:
    """Bytes that are free on each GPU that torch sees."""
    import torch

    return [torch.cuda.mem_get_info(number)[0] for number in range(torch.cuda.device_count())]


def check_placed(model: Any, devices: int, folder: Path) -> None:
    """Check that a model which was to be spread over GPUs is on them, all of it.

    Raises:
        NotEnoughMemory: naming a part that is on the CPU or on the disk.
    """
    if devices == 1:
        return
    elsewhere = {part: place for part, place in model.hf_device_map.items() if not isinstance(place, int)}
    if elsewhere:
        part, place = next(iter(elsewhere.items()))
        raise NotEnoughMemory(
            folder,
            f"the model does not fit the memory of {devices} GPUs: {len(elsewhere)} of its parts, such as {part}, "
            f"would be on the {'CPU' if place == 'cpu' else place}",
            "raise base_model.devices, set quantization: nf4, or free the memory that others hold",
        )


def _contiguous(layer: Any, arguments: tuple["torch.Tensor"]) -> tuple["torch.Tensor"]:
    """A forward pre-hook: the layer's input, [rows, tokens, size], as one block of memory.

    Where only the last token's logits are asked for, the output layer is given a view with gaps between the rows.
    torch then multiplies row by row with the whole vocabulary's weights instead of all rows at once: on a CPU with
    matrix units 262,144 x 640 took 15 s for 12 rows in bfloat16, and 0.1 s in one block.
    """
    return (arguments[0].contiguous(),)


_NUMBER = re.compile(r"\.\d+(?=\.)")


def _check_report(model: Any, missing: Iterable[str], unexpected: Iterable[str], folder: Path) -> None:
    """Refuse what transformers passes over: tensors that it fills with random numbers, and layers that it leaves out.

    A tensor without a place is an error where the model has modules of its kind: a layer too many, or a bias that
    config.json denies. Other parts (vision, heads for training) may lie in the same file and are not used.

    Raises:
        SelfspecError: naming one such tensor.
    """
    if lacking := sorted(missing):
        raise SelfspecError(
            folder,
            f"the weights lack {len(lacking)} tensors, such as {lacking[0]}",
            "finish the download, or point to weights that belong to config.json",
        )
    kinds = {_NUMBER.sub(".#", name).rpartition(".")[0] for name, _ in model.named_parameters()}
    beyond = sorted(name for name in unexpected if _NUMBER.sub(".#", name).rpartition(".")[0] in kinds)
    if beyond:
        raise SelfspecError(
            folder / "config.json",
            f"the model that it describes has no place for {len(beyond)} tensors of the weights, such as {beyond[0]}: "
            "it names fewer layers, or another kind of layer",
            "restore the config.json that belongs to the weights",
        )


def _quantization(spec: ModelSpec, dtype: "torch.dtype") -> Any:
    if spec.quantization == "none":
        return None
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=dtype
    )


def repacked_weights(model: Any) -> list[str]:
    """Names of the four-bit weights that bitsandbytes repacked for a CPU with AVX512-BF16, as any forward pass does.

    They compute in bfloat16 whatever the model's type, and their gradients are wrong.
    """
    return [
        name
        for name, parameter in model.named_parameters()
        if getattr(getattr(parameter, "quant_state", None), "packing_format_for_cpu", False)
    ]


def not_finite(model: Any, place: object, what: str) -> SelfspecError:
    """The error of a result (``what``) that is no number: a weight that is none, or an overflow on the way."""
    import torch

    bad = [name for name, weight in model.named_parameters() if not bool(torch.isfinite(weight).all())]
    if bad:
        return SelfspecError(
            place,
            f"{what}: {len(bad)} of its tensors hold NaN or infinity, such as {bad[0]}",
            "get the weights again; where they are an adapter's, make it again with a lower adapter.learning_rate",
        )
    return SelfspecError(
        place,
        f"{what}, but every weight is finite: numbers overflow in {model.dtype}",
        "set base_model.dtype: float32; in tuning, lower adapter.learning_rate",
    )
