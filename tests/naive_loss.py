"""The loss as it is defined, token by token, against which the trainer's is held."""

from selfspec_assets.method.decoding import encode_example
from selfspec_assets.models.language_model import LanguageModel
from tests.tiny_models import separate_log_probs


def mean_loss(lm: LanguageModel, adapter: str | None, examples: list[tuple[str, str]]) -> float:
    """Answer tokens and end token, one at a time, each from everything before it."""
    total = count = 0.0
    for prompt, answer in examples:
        ids, start = encode_example(lm.tokenizer, prompt, answer)
        for place in range(start, len(ids)):
            total -= float(separate_log_probs(lm, ids[:place], adapter)[ids[place]])
            count += 1
    return total / count
