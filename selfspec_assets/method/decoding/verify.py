"""Does a mixed batch do what it says? Asked once before contrastive decoding."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.method.decoding.encoding import encode_prompt
from selfspec_assets.models.language_model import LanguageModel
from selfspec_assets.models.weights import repacked_weights

if TYPE_CHECKING:
    from torch import Tensor


def next_token_logits(lm: LanguageModel, prompts: Sequence[str], adapters: Sequence[str | None]) -> "Tensor":
    """[rows, V] fp32 logits after each prompt, row i under adapter i, by the same road as decoding.

    Raises:
        SelfspecError: they are not finite.
    """
    from selfspec_assets.method.decoding.prefill import Prefill, Query

    rows = [tuple(encode_prompt(lm.tokenizer, prompt)) for prompt in prompts]
    queries = [Query((row,), (adapter,)) for row, adapter in zip(rows, adapters, strict=True)]
    logits = Prefill(lm, queries, 1)(range(len(queries))).logits.float()
    lm.check_logits(logits, adapters)
    return logits


def verify_contrast_pair(lm: LanguageModel, aligned: str | None, weaker: str | None, prompt: str) -> None:
    """Check that in one mixed batch each row runs under its own adapter.

    The single runs go another road (PEFT's active adapter, or all adapters off), so a fault of the mixed one cannot
    hide in both. PEFT ignoring ``adapter_names`` is such a fault: Eq. 3 would then be 0 for every token, in silence.

    Raises:
        SelfspecError: a row differs from its model alone, or the two sides do not differ.
    """
    import torch

    mixed = next_token_logits(lm, [prompt, prompt], [aligned, weaker])
    alone = torch.stack([_alone(lm, prompt, name) for name in (aligned, weaker)])
    fault = float((mixed - alone).abs().max())
    gap = float((alone[0] - alone[1]).abs().max())
    pair = f"{aligned or 'base'} against {weaker or 'base'}"
    # Round-off: some units in the last place of the type computed in. In bfloat16 that is a wide margin, but a row
    # under the wrong adapter is off by the whole gap.
    computed_in = torch.bfloat16 if repacked_weights(lm.model) else lm.model.dtype
    round_off = 512 * torch.finfo(computed_in).eps * max(float(alone.abs().max()), 1.0)
    if gap == 0:
        raise SelfspecError(
            pair,
            "both sides give the same logits, so their contrast is empty",
            "check that the adapters differ; an untrained adapter changes nothing",
        )
    if fault > min(round_off, gap / 2):
        raise SelfspecError(
            pair,
            f"in a mixed batch the logits differ from the model alone by {fault:.3g}, the two "
            f"sides from each other by {gap:.3g}",
            "set contrast.form: none, or use another model",
        )


def _alone(lm: LanguageModel, prompt: str, adapter: str | None) -> "Tensor":
    """[V] logits with one adapter active for the whole model; two equal rows, so that shapes are as in the pair."""
    import torch

    ids = torch.tensor([encode_prompt(lm.tokenizer, prompt)] * 2, device=lm.device)
    with torch.no_grad(), _active(lm, adapter):
        logits: Tensor = lm.model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[0, -1].float()
    return logits


def _active(lm: LanguageModel, adapter: str | None) -> Any:
    import contextlib

    if lm.peft is None:
        return contextlib.nullcontext()
    if adapter is None:
        return lm.peft.disable_adapter()
    lm.peft.set_adapter(adapter)
    return contextlib.nullcontext()
