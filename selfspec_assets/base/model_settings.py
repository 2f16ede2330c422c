"""How a base model is held: what a recipe's section and the loaded model share, said once."""

from typing import Annotated, Literal

from pydantic import Field

from selfspec_assets.base.strict import Strict

OWN_MODELS = ("base", "adapter")  # what tables call a recipe's own models; any other name is a further model's


class ModelSettings(Strict):
    """Of a base model, beside where it lies.

    Args:
        revision: the pinned commit (40 hex digits); needed for a Hugging Face id, None for a folder.
        dtype: ``auto`` is bfloat16 on cuda; on a CPU what a trial found faster (``models.precision``).
        quantization: ``nf4`` is QLoRA's 4-bit NormalFloat with double quantisation.
        devices: GPUs that the layers are spread over; 1: all of it on the first GPU, or on the CPU where there is none.
        chat_template: ``always`` puts every prompt into the tokenizer's chat template; ``never`` leaves prompts plain.
    """

    revision: str | None = None
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    quantization: Literal["none", "nf4"] = "none"
    chat_template: Literal["never", "always"] = "never"
    devices: Annotated[int, Field(ge=1, le=64)] = 1
