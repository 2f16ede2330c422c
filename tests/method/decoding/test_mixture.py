"""Eq. 2 and Eq. 3 as decoded, against a naive loop: one prompt at a time, no cache, no padding, no batch."""

from dataclasses import dataclass

import pytest
import torch

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.method.decoding import (
    Answer,
    ContrastSettings,
    Group,
    PromptTooLong,
    StopRules,
    answer,
    encode_prompt,
    fits,
    greedy,
    next_token_logits,
    prefill,
    sample,
    verify_contrast_pair,
)
from selfspec_assets.models.language_model import LanguageModel
from tests.tiny_models import FAMILIES, load_with_adapters, separate_log_probs

TOKENS = 10
FREE = StopRules()
QUERY = "Which gene binds the melatin receptor?"
PASSAGES = (
    "The zorvex gene binds melatin in liver cells.",
    "Aspirin inhibits platelets, insulin does not.",
    "Fever, cough and pain are three symptoms of it, in 2.5 of 10 cases, and cancer has hallmarks.",
)


def prompts(*passages: str) -> tuple[str, ...]:
    return tuple(f"{QUERY}\n{passage}\nAnswer:" for passage in passages)


THREE = Group(prompts(*PASSAGES), (0.5, 0.3, 0.2))
RAGGED = [THREE, Group(("Question: is insulin a virus?\nAnswer:",), (1.0,)), Group(prompts(*PASSAGES[:2]), (0.4, 0.6))]


@pytest.fixture(scope="module")
def lm(tmp_path_factory: pytest.TempPathFactory) -> LanguageModel:
    return load_with_adapters(tmp_path_factory.mktemp("llama"))


def decode(
    lm: LanguageModel,
    groups: list[Group],
    *,
    tokens: int = TOKENS,
    aligned: str | None = None,
    weaker: str | None = None,
    contrast: ContrastSettings | None = None,
    batch_size: int = 8,
) -> list[Answer]:
    return answer(
        lm,
        groups,
        max_new_tokens=tokens,
        stop=FREE,
        aligned=aligned,
        weaker=weaker,
        contrast=contrast,
        batch_size=batch_size,
    )


@dataclass
class Naive:
    ids: list[int]
    log_probs: list[float]
    posterior: list[list[float]]
    top: list[int]
    marginal: list[int]


def naive(
    lm: LanguageModel,
    group: Group,
    tokens: int,
    aligned: str | None,
    weaker: str | None = None,
    form: str = "none",
    alpha: float = 0.0,
) -> Naive:
    """The definition, word for word, in float64 probabilities."""
    out = Naive([], [], [], [], [])
    weights = torch.tensor(group.weights, dtype=torch.float64)
    heads = [encode_prompt(lm.tokenizer, prompt) for prompt in group.prompts]

    def side(adapter: str | None) -> torch.Tensor:
        return torch.stack([separate_log_probs(lm, head + out.ids, adapter).exp() for head in heads])

    for _ in range(tokens):
        passages = side(aligned)
        mixture = weights @ passages
        scores = mixture
        if form != "none":
            other = weights @ side(weaker)
            scores = mixture - other if form == "difference" else mixture.log() - other.log()
        scores = scores.masked_fill(mixture < alpha * mixture.max(), -torch.inf)
        chosen = int(scores.argmax())
        if chosen in lm.eos_ids:
            break
        out.top.append(int(passages[int(weights.argmax())].argmax()))
        out.marginal.append(int(mixture.argmax()))
        out.ids.append(chosen)
        out.log_probs.append(float(mixture[chosen].log()))
        out.posterior.append((weights * passages[:, chosen] / mixture[chosen]).tolist())
    return out


def assert_same(got: Answer, want: Naive) -> None:
    assert list(got.token_ids) == want.ids
    assert got.log_prob == pytest.approx(sum(want.log_probs), abs=1e-4)
    assert list(got.top_passage_ids) == want.top
    assert list(got.marginal_ids) == want.marginal
    for row, expected in zip(got.posterior, want.posterior, strict=True):
        assert row == pytest.approx(expected, abs=1e-4)
        assert sum(row) == pytest.approx(1, abs=1e-6)


def test_mixture_equals_the_naive_loop_with_ragged_k(lm: LanguageModel) -> None:
    got = decode(lm, RAGGED)
    for mixed, group in zip(got, RAGGED, strict=True):
        assert_same(mixed, naive(lm, group, TOKENS, None))
        assert mixed.tokens == len(mixed.token_ids) == len(mixed.pieces) == len(mixed.posterior)
    assert got[0].marginal_changed > 0, "the mixture never decided anything: the test would prove nothing"
    assert got[0].contrast_changed == 0
    assert got[1].marginal_changed == 0, "one passage cannot differ from itself"


@pytest.mark.parametrize(
    "changed",
    [
        Group(THREE.prompts, THREE.weights[::-1]),
        Group((THREE.prompts[0], THREE.prompts[1], prompts("Another text altogether: yes.")[0]), THREE.weights),
    ],
    ids=["permuted weights", "one changed passage"],
)
def test_negative_controls_change_the_answer(lm: LanguageModel, changed: Group) -> None:
    original, control = decode(lm, [THREE])[0], decode(lm, [changed])[0]
    assert control.posterior != original.posterior
    assert control.token_ids != original.token_ids
    with pytest.raises(AssertionError):
        assert_same(control, naive(lm, THREE, TOKENS, None))


@pytest.mark.parametrize(
    ("form", "alpha"), [("difference", 0.0), ("difference", 0.1), ("log_ratio", 0.0), ("log_ratio", 0.1), ("none", 0.0)]
)
@pytest.mark.parametrize(("aligned", "weaker"), [("a1", None), ("a2", "a1"), (None, "a1")])
def test_contrast_equals_two_separate_models(
    lm: LanguageModel, form: str, alpha: float, aligned: str | None, weaker: str | None
) -> None:
    got = decode(lm, RAGGED, tokens=5, aligned=aligned, weaker=weaker, contrast=ContrastSettings(form, alpha))  # type: ignore[arg-type]
    for mixed, group in zip(got, RAGGED, strict=True):
        assert_same(mixed, naive(lm, group, 5, aligned, weaker, form, alpha))
    changed = sum(mixed.contrast_changed for mixed in got)
    assert changed == 0 if form == "none" else changed > 0


def test_one_passage_and_equal_passages_are_plain_greedy(lm: LanguageModel) -> None:
    prompt = THREE.prompts[2]
    plain = greedy(lm, [prompt], max_new_tokens=TOKENS, stop=FREE, adapter="a1", batch_size=1)[0]
    one, equal = decode(lm, [Group((prompt,), (1.0,)), Group((prompt,) * 3, (0.2, 0.5, 0.3))], aligned="a1")
    assert one.token_ids == equal.token_ids == plain.token_ids
    assert one.text == plain.text
    for row in equal.posterior:
        assert row == pytest.approx((0.2, 0.5, 0.3), abs=1e-5)


def test_a_weight_of_zero_takes_a_passage_out(lm: LanguageModel) -> None:
    with_zero, without = decode(
        lm, [Group(THREE.prompts, (0.6, 0.0, 0.4)), Group((THREE.prompts[0], THREE.prompts[2]), (0.6, 0.4))]
    )
    assert with_zero.token_ids == without.token_ids
    assert {row[1] for row in with_zero.posterior} == {0.0}


@pytest.mark.parametrize("weights", [(0.5, 0.6, 0.2), (1.2, -0.2, 0.0), (1.0,), (float("nan"), 0.5, 0.5)])
def test_weights_that_are_no_distribution_are_refused(weights: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="weights"):
        Group(THREE.prompts, weights)


def test_batches_do_not_matter(lm: LanguageModel) -> None:
    pair = {"aligned": "a2", "weaker": "a1", "contrast": ContrastSettings()}
    together = decode(lm, RAGGED, **pair)  # type: ignore[arg-type]
    alone = [decode(lm, [group], **pair)[0] for group in RAGGED]  # type: ignore[arg-type]
    turned = decode(lm, RAGGED[::-1], batch_size=2, **pair)[::-1]  # type: ignore[arg-type]
    for mixed, other, third in zip(together, alone, turned, strict=True):
        assert mixed.token_ids == other.token_ids == third.token_ids
        assert mixed.log_prob == pytest.approx(other.log_prob, abs=1e-4)


def test_a_group_that_ends_neither_cuts_nor_feeds_another(lm: LanguageModel) -> None:
    free = decode(lm, RAGGED)
    stopper = free[1].token_ids[2]  # now let this token end a text
    eos, lm.eos_ids = lm.eos_ids, lm.eos_ids | {stopper}
    try:
        stopped = decode(lm, RAGGED)
    finally:
        lm.eos_ids = eos
    first = free[1].token_ids.index(stopper)
    assert stopped[1].finish == "eos"
    assert stopped[1].token_ids == free[1].token_ids[:first]
    assert stopped[1].tokens == len(stopped[1].posterior) == first
    for mixed, other in ((stopped[0], free[0]), (stopped[2], free[2])):
        if stopper not in other.token_ids:
            assert (mixed.token_ids, mixed.finish) == (other.token_ids, "length")
            assert mixed.log_prob == pytest.approx(other.log_prob, abs=1e-4)
    assert stopper not in free[0].token_ids or stopper not in free[2].token_ids


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_mixed_rows_and_left_padding_on_every_architecture(
    family: str, tmp_path_factory: pytest.TempPathFactory, lm: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of three adapters, or of one, of ragged lengths, taken whole or in parts: each as its model has it alone."""
    model = lm if family == "llama" else load_with_adapters(tmp_path_factory.mktemp(family), family)
    texts = [THREE.prompts[2], THREE.prompts[0], "Name:", THREE.prompts[1]]
    mixed: list[str | None] = ["a1", None, "a2", "a1"]
    one: list[str | None] = ["a2"] * 4
    for tokens, rows in ((None, mixed), (7, mixed), (None, one), (7, one)):
        monkeypatch.setattr(prefill, "tokens_at_a_time", lambda *_, tokens=tokens: tokens)
        found = torch.log_softmax(next_token_logits(model, texts, rows).double(), dim=-1)
        for got, text, adapter in zip(found, texts, rows, strict=True):
            torch.testing.assert_close(
                got, separate_log_probs(model, encode_prompt(model.tokenizer, text), adapter), atol=2e-4, rtol=0
            )
    monkeypatch.undo()
    verify_contrast_pair(model, "a2", "a1", texts[0])
    got_answer = decode(model, [THREE], tokens=4, aligned="a2", weaker="a1", contrast=ContrastSettings())[0]
    assert_same(got_answer, naive(model, THREE, 4, "a2", "a1", "difference", 0.1))


def test_a_long_prompt_is_taken_in_parts_on_a_cpu(lm: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    hook = lm.model.get_input_embeddings().register_forward_hook(lambda _, given, __: seen.append(given[0].shape[1]))
    monkeypatch.setattr(prefill, "CPU_PASS_TOKENS", 64)
    try:
        next_token_logits(lm, [" ".join(THREE.prompts), " ".join(THREE.prompts[1:] * 2)[6:]], [None, None])
    finally:
        hook.remove()
    assert len(seen) > 2
    assert set(seen[:-1]) == {32}
    assert 1 <= seen[-1] <= 32


def test_mpt_ignores_rows_in_a_plain_peft_forward(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Why decoding sets PEFT's hooks itself. When this fails, PEFT has mended it."""
    model = load_with_adapters(tmp_path_factory.mktemp("mpt"), "mpt")
    ids = torch.tensor([encode_prompt(model.tokenizer, QUERY)] * 2)
    model.peft.set_adapter("a1")
    with torch.no_grad():
        logits = model.peft(input_ids=ids, adapter_names=["a1", "__base__"]).logits[:, -1]
    assert torch.equal(logits[0], logits[1])


def test_the_pair_check_finds_rows_that_ignore_their_adapter(
    lm: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = lm.rows
    monkeypatch.setattr(lm, "rows", lambda names: rows([names[0]] * len(names)))
    with pytest.raises(SelfspecError, match="in a mixed batch the logits differ"):
        verify_contrast_pair(lm, "a1", None, QUERY)


def test_the_pair_check_finds_equal_sides(lm: LanguageModel) -> None:
    with pytest.raises(SelfspecError, match="same logits"):
        verify_contrast_pair(lm, "a1", "a1", QUERY)
    with pytest.raises(ValueError, match="with itself"):
        decode(lm, [THREE], aligned="a1", weaker="a1", contrast=ContrastSettings())


def test_a_failed_batch_leaves_no_adapter_behind(lm: LanguageModel) -> None:
    before, hooks = next_token_logits(lm, [QUERY], [None]), _pre_hooks(lm)
    for rows in (["a1"], ["a1", None]):
        with pytest.raises(MemoryError), lm.rows(rows):
            raise MemoryError
    assert torch.equal(next_token_logits(lm, [QUERY], [None]), before)
    assert _pre_hooks(lm) == hooks


def _pre_hooks(lm: LanguageModel) -> list[list[int]]:
    return [list(module._forward_pre_hooks) for module in lm.model.modules()]


def test_an_unknown_adapter_is_an_error(lm: LanguageModel) -> None:
    with pytest.raises(KeyError, match="nobody"):
        greedy(lm, [QUERY], max_new_tokens=1, stop=FREE, adapter="nobody", batch_size=1)


def test_too_long_is_told_before_any_work(lm: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("work was done")

    monkeypatch.setattr(lm.model, "forward", never)
    long = "fever " * 600 + "end"
    assert fits(lm, QUERY, TOKENS)
    assert not fits(lm, long, TOKENS)
    limit = lm.context_length - len(encode_prompt(lm.tokenizer, QUERY))
    assert fits(lm, QUERY, limit)
    assert not fits(lm, QUERY, limit + 1)
    with pytest.raises(PromptTooLong) as caught:
        decode(lm, [THREE, Group((QUERY, long), (0.5, 0.5))])
    assert caught.value.index == 1
    with pytest.raises(PromptTooLong) as caught:
        greedy(lm, [QUERY, QUERY, long], max_new_tokens=2, stop=FREE, adapter=None, batch_size=1)
    assert caught.value.index == 2
    with pytest.raises(PromptTooLong):
        sample(lm, [long], [0], temperature=1, top_p=1, max_new_tokens=2, stop=FREE, adapter=None, batch_size=1)


def test_progress_counts_groups(lm: LanguageModel) -> None:
    seen: list[tuple[int, int]] = []
    answer(
        lm,
        RAGGED,
        max_new_tokens=1,
        stop=FREE,
        aligned=None,
        weaker=None,
        contrast=None,
        batch_size=2,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(2, 3), (3, 3)]


def test_nothing_to_do(lm: LanguageModel) -> None:
    assert decode(lm, []) == []
    assert greedy(lm, [], max_new_tokens=1, stop=FREE, adapter=None, batch_size=1) == []
