"""Decoding: sampling, greedy, the mixture over passages (Eq. 2) and the contrast of two models (Eq. 3)."""

from selfspec_assets.method.decoding.encoding import encode_example, encode_prompt
from selfspec_assets.method.decoding.generate import answer, fits, greedy, sample
from selfspec_assets.method.decoding.stop import StopRules
from selfspec_assets.method.decoding.types import Answer, ContrastSettings, Generation, Group, PromptTooLong
from selfspec_assets.method.decoding.verify import next_token_logits, verify_contrast_pair

__all__ = [
    "Answer",
    "ContrastSettings",
    "Generation",
    "Group",
    "PromptTooLong",
    "StopRules",
    "answer",
    "encode_example",
    "encode_prompt",
    "fits",
    "greedy",
    "next_token_logits",
    "sample",
    "verify_contrast_pair",
]
