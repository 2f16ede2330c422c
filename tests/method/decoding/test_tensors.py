"""Mixture, contrast and sampling on small vectors; the expected numbers were worked out by hand."""

import math
import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import LlamaConfig, MistralConfig
from transformers.cache_utils import DynamicLayer

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.method.decoding import PromptTooLong, StopRules, sample
from selfspec_assets.method.decoding.batching import in_batches
from selfspec_assets.method.decoding.cache import GrowingLayer, growing_cache
from selfspec_assets.method.decoding.contrast import choose, contrast
from selfspec_assets.method.decoding.marginal import marginalise, posterior
from selfspec_assets.method.decoding.sampling import GumbelSampler, exponential
from tests.method.decoding.plain_sampling import PlainSampler
from tests.tiny_models import load_with_adapters

INF = math.inf


def logs(*values: float) -> Tensor:
    return torch.tensor(values).log()


# Two passages over three tokens, p_ret = 3/4 and 1/4.
PASSAGES = torch.stack([logs(0.6, 0.4, 0.0), logs(0.0, 0.2, 0.8)])[None]
P_RET = logs(0.75, 0.25)[None]


def test_mixture_by_hand() -> None:
    # 3/4·0.6 = 0.45; 3/4·0.4 + 1/4·0.2 = 0.35; 1/4·0.8 = 0.20
    torch.testing.assert_close(marginalise(PASSAGES, P_RET).exp(), torch.tensor([[0.45, 0.35, 0.20]]))


@pytest.mark.parametrize(("token", "shares"), [(0, (1.0, 0.0)), (1, (6 / 7, 1 / 7)), (2, (0.0, 1.0))])
def test_posterior_by_hand(token: int, shares: tuple[float, float]) -> None:
    # token 1: 0.30 of 0.35 comes from the first passage
    torch.testing.assert_close(posterior(PASSAGES, P_RET, torch.tensor([token])), torch.tensor([shares]))


def test_missing_passages_weigh_nothing() -> None:
    filled = torch.cat([PASSAGES, PASSAGES[:, :1]], dim=1)
    weights = torch.cat([P_RET, torch.tensor([[-INF]])], dim=1)
    torch.testing.assert_close(marginalise(filled, weights), marginalise(PASSAGES, P_RET))
    assert posterior(filled, weights, torch.tensor([1]))[0, 2] == 0


# Tokens:            A     B     C     D
ALIGNED = logs(0.50, 0.30, 0.19, 0.01)
WEAKER = logs(0.60, 0.10, 0.29, 0.01)


@pytest.mark.parametrize(
    ("form", "alpha", "scores", "winner"),
    [
        ("none", 0.0, (math.log(0.5), math.log(0.3), math.log(0.19), math.log(0.01)), 0),
        ("difference", 0.0, (-0.10, 0.20, -0.10, 0.0), 1),
        ("difference", 0.1, (-0.10, 0.20, -0.10, -INF), 1),  # 0.01 < 0.1 · 0.5
        ("difference", 0.7, (-0.10, -INF, -INF, -INF), 0),  # 0.30 < 0.7 · 0.5
        ("log_ratio", 0.0, (math.log(5 / 6), math.log(3), math.log(19 / 29), 0.0), 1),
        ("log_ratio", 0.1, (math.log(5 / 6), math.log(3), math.log(19 / 29), -INF), 1),
        ("log_ratio", 0.5, (math.log(5 / 6), math.log(3), -INF, -INF), 1),
        ("log_ratio", 1.0, (math.log(5 / 6), -INF, -INF, -INF), 0),
    ],
)
def test_contrast_by_hand(form: str, alpha: float, scores: tuple[float, ...], winner: int) -> None:
    got = contrast(ALIGNED, WEAKER, form, alpha)  # type: ignore[arg-type]
    torch.testing.assert_close(got, torch.tensor(scores), atol=1e-6, rtol=0)
    assert int(choose(got, ALIGNED)) == winner


def test_the_forms_differ_where_they_should() -> None:
    """An unlikely token that the weaker model likes even less: the ratio takes it, the difference does not."""
    aligned, weaker = logs(0.90, 0.099, 0.001), logs(0.85, 0.14999, 0.00001)
    assert int(choose(contrast(aligned, weaker, "difference", 0), aligned)) == 0
    assert int(choose(contrast(aligned, weaker, "log_ratio", 0), aligned)) == 2
    assert int(choose(contrast(aligned, weaker, "log_ratio", 0.1), aligned)) == 0


def test_zeros_and_underflow() -> None:
    # D is impossible for both, C for the aligned model, B for the weaker one; exp(−200) is 0 in fp32.
    aligned = torch.tensor([math.log(0.9), math.log(0.1), -INF, -INF, -200.0])
    weaker = torch.tensor([math.log(0.5), -INF, math.log(0.5), -INF, -300.0])
    ratio = contrast(aligned, weaker, "log_ratio", 0)
    torch.testing.assert_close(ratio, torch.tensor([math.log(1.8), INF, -INF, -INF, 100.0]))
    difference = contrast(aligned, weaker, "difference", 0)
    torch.testing.assert_close(difference, torch.tensor([0.4, 0.1, -0.5, 0.0, 0.0]))
    for form in ("difference", "log_ratio", "none"):
        for alpha in (0.0, 0.1, 1.0):
            assert not contrast(aligned, weaker, form, alpha).isnan().any()  # type: ignore[arg-type]


@pytest.mark.parametrize("form", ["difference", "log_ratio"])
def test_two_equal_models_leave_the_aligned_choice(form: str) -> None:
    aligned = logs(0.1, 0.2, 0.7)
    assert int(choose(contrast(aligned, aligned, form, 0), aligned)) == 2  # type: ignore[arg-type]


def test_an_unknown_form_is_an_error() -> None:
    with pytest.raises(SelfspecError, match="no contrast 'ratio'"):
        contrast(ALIGNED, WEAKER, "ratio", 0)  # type: ignore[arg-type]


# Sampling

CPU = torch.device("cpu")
PROBABILITIES = torch.tensor([0.30, 0.25, 0.20, 0.12, 0.08, 0.04, 0.01])


@pytest.mark.parametrize(
    ("temperature", "top_p", "critical"), [(1.0, 1.0, 22.46), (0.7, 1.0, 22.46), (1.0, 0.8, 16.27)]
)
def test_draws_follow_the_distribution(temperature: float, top_p: float, critical: float) -> None:
    """Chi-square at 0.1 %: 6 degrees of freedom, or 3 in the nucleus {0.30, 0.25, 0.20, 0.12}; neighbouring seeds."""
    n = 5000
    scaled = PROBABILITIES ** (1 / temperature)
    if top_p < 1:
        scaled = torch.where(torch.arange(7) < 4, scaled, 0)
    expected = n * scaled / scaled.sum()
    sampler = GumbelSampler(range(n), temperature, top_p, CPU)
    chosen = sampler(PROBABILITIES.log().expand(n, -1), range(n))
    counts = torch.bincount(chosen, minlength=7).float()
    inside = expected > 0
    assert counts[~inside].sum() == 0
    assert float(((counts - expected)[inside] ** 2 / expected[inside]).sum()) < critical


@pytest.mark.parametrize(("top_p", "kept"), [(1.0, 7), (0.98, 6), (0.75, 3), (0.76, 4), (0.30, 1), (0.01, 1)])
def test_nucleus(top_p: float, kept: int) -> None:
    """Each token of the nucleus is drawn, and no other; 1,500 draws miss one of 1 % once in a million."""
    n, order = 1500, torch.tensor([3, 0, 6, 2, 5, 1, 4])
    drawn = GumbelSampler(range(n), 1.0, top_p, CPU)(PROBABILITIES[order].double().log().expand(n, -1), range(n))
    assert {int(order[place]) for place in drawn} == set(range(kept))


@pytest.mark.parametrize("top_p", [0.3, 0.9, 0.98, 1.0])
@pytest.mark.parametrize("min_p", [0.0, 0.05])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_what_is_drawn_is_what_noise_for_all_and_a_full_sort_draw(
    top_p: float, min_p: float, dtype: torch.dtype
) -> None:
    """Of rows whose nucleus is one token, some, or most of 20,000; in bfloat16 many are equally likely."""
    seeds, spread = range(12), torch.tensor([30.0, 8.0, 5.0, 3.0, 1.0, 0.0]).repeat(2)[:, None]
    plain, fast = PlainSampler(seeds, 0.8, top_p, min_p), GumbelSampler(seeds, 0.8, top_p, CPU, min_p)
    other, drawing = PlainSampler([seed + 1 for seed in seeds], 0.8, top_p, min_p), torch.Generator().manual_seed(2)
    different = 0
    for _ in range(6):
        logits = (spread * torch.randn(12, 20_000, generator=drawing)).to(dtype)
        expected = plain(logits.float())
        assert fast(logits, seeds).tolist() == expected.tolist()
        different += int((other(logits.float()) != expected).sum())
    assert different > 15, "another seed draws something else"


def test_noise_of_some_tokens_is_theirs_of_the_whole_vocabulary() -> None:
    """As this release of torch draws it, number for number; a second step goes on where the first one ended."""
    ids = torch.tensor([[5, 999, 0], [998, 5, 5]])
    of_all, of_some = ([torch.Generator().manual_seed(seed) for seed in (4, 2**40)] for _ in range(2))
    for _ in range(2):
        every = torch.stack([torch.empty(1000).exponential_(generator=generator) for generator in of_all])
        torch.testing.assert_close(exponential(of_some, ids, 1000).float(), every.gather(1, ids), rtol=1e-6, atol=0)


def test_one_seed_is_one_stream_whoever_else_is_there() -> None:
    logits = torch.randn(3, 50, generator=torch.Generator().manual_seed(1))
    together, alone = (GumbelSampler(seeds, 1.0, 0.9, torch.device("cpu")) for seeds in ([5, 6, 7], [6]))
    first = [int(together(logits[groups], groups)[place]) for groups, place in (([0, 1, 2], 1), ([1], 0), ([2, 1], 1))]
    assert first == [int(alone(logits[1:2], [0])[0]) for _ in range(3)]
    assert len({int(GumbelSampler([seed], 1.0, 1.0, torch.device("cpu"))(logits[:1], [0])) for seed in range(20)}) > 5


@pytest.mark.parametrize(("temperature", "top_p"), [(0.0, 1.0), (-1.0, 1.0), (1.0, 0.0), (1.0, 1.1)])
def test_sampling_numbers_out_of_range(temperature: float, top_p: float) -> None:
    with pytest.raises(ValueError, match="out of range"):
        GumbelSampler([0], temperature, top_p, torch.device("cpu"))


def test_a_sample_does_not_depend_on_its_batch(tmp_path: Path) -> None:
    lm = load_with_adapters(tmp_path, adapters=1)
    prompts = ["The zorvex gene binds", "1. Name the disease.\n2. List three symptoms:", "Question:", "Give the dose"]

    def draw(texts: list[str], seeds: list[int], batch_size: int) -> list[tuple[int, ...]]:
        generated = sample(
            lm,
            texts,
            seeds,
            temperature=1.0,
            top_p=0.98,
            max_new_tokens=12,
            stop=StopRules(),
            adapter="a1",
            batch_size=batch_size,
        )
        return [one.token_ids for one in generated]

    together = draw(prompts, [3, 2**62 + 1, 5, 6], 4)
    assert draw(prompts[::-1], [6, 5, 2**62 + 1, 3], 3)[::-1] == together
    assert [draw([text], [seed], 1)[0] for text, seed in zip(prompts, [3, 2**62 + 1, 5, 6], strict=True)] == together
    assert draw(prompts, [4, 5, 6, 7], 4) != together
    with pytest.raises(ValueError, match="seeds"):
        draw(prompts, [1], 1)


# Batches


def test_out_of_memory_halves_the_batch_and_goes_on_with_what_is_not_done() -> None:
    tried: list[tuple[int, int]] = []

    def run(places: list[int], at_a_time: int) -> Iterator[list[tuple[int, int]]]:
        for begin in range(0, len(places), at_a_time):
            batch = places[begin : begin + at_a_time]
            tried.append((at_a_time, len(batch)))
            if len(batch) > 3 or len(tried) == 3:
                raise torch.OutOfMemoryError
            yield [(place, place * 10) for place in batch]

    told: list[tuple[int, int]] = []
    got = in_batches([5, 9, 1, 7, 7, 2, 3], 8, run, lambda done, total: told.append((done, total)))
    assert got == [0, 10, 20, 30, 40, 50, 60]
    assert tried == [(7, 7), (3, 3), (3, 3), (1, 1), (1, 1), (1, 1), (1, 1)]
    assert told == [(3, 7), (4, 7), (5, 7), (6, 7), (7, 7)]


def test_one_item_that_does_not_fit_is_an_error() -> None:
    def run(places: list[int], at_a_time: int) -> Iterator[list[tuple[int, int]]]:
        raise torch.OutOfMemoryError
        yield []

    with pytest.raises(SelfspecError, match="prompt 1"):
        in_batches([1, 2], 4, run, None)
    with pytest.raises(ValueError, match="batch_size"):
        in_batches([1], 0, run, None)


def test_longest_first() -> None:
    seen: list[list[int]] = []

    def run(places: list[int], at_a_time: int) -> Iterator[list[tuple[int, int]]]:
        seen.append([*places, at_a_time])
        yield [(place, place) for place in reversed(places)]

    assert in_batches([1, 3, 2, 3], 2, run, None) == [0, 1, 2, 3]
    assert seen == [[1, 3, 2, 0, 2]]


def test_prompt_too_long_crosses_processes() -> None:
    error = pickle.loads(pickle.dumps(PromptTooLong(3, 500, 20, 512)))
    assert (error.index, str(error)) == (3, str(PromptTooLong(3, 500, 20, 512)))


def test_growing_cache_holds_what_the_stock_cache_holds() -> None:
    torch.manual_seed(0)
    ours, stock = GrowingLayer(150), DynamicLayer()
    for length in (7, 1, 1, 90, 1, 1):
        keys, values = torch.randn(3, 2, length, 4), torch.randn(3, 2, length, 4)
        pair = zip(ours.update(keys.clone(), values.clone()), stock.update(keys, values), strict=True)
        assert all(torch.equal(mine, theirs) for mine, theirs in pair)
        assert ours.get_seq_length() == stock.get_seq_length()


def test_growing_cache_writes_into_room_that_is_there() -> None:
    layer = GrowingLayer(200)
    layer.update(torch.randn(1, 1, 5, 4), torch.randn(1, 1, 5, 4))
    before = layer.keys.data_ptr()
    for _ in range(60):
        layer.update(torch.randn(1, 1, 1, 4), torch.randn(1, 1, 1, 4))
    assert layer.keys.data_ptr() == before


def test_growing_cache_leaves_windows_alone_that_texts_are_longer_than() -> None:
    config = MistralConfig(num_hidden_layers=2, sliding_window=8)
    assert not any(isinstance(layer, GrowingLayer) for layer in growing_cache(config, 9).layers)
    assert all(isinstance(layer, GrowingLayer) for layer in growing_cache(config, 8).layers), "it hides nothing"
    plain = growing_cache(LlamaConfig(num_hidden_layers=2), 9)
    assert all(isinstance(layer, GrowingLayer) for layer in plain.layers)


def test_growing_cache_holds_no_more_than_prompt_and_answer() -> None:
    layer = GrowingLayer(100)
    layer.update(torch.randn(1, 1, 90, 4), torch.randn(1, 1, 90, 4))
    assert layer.keys.untyped_storage().nbytes() == 4 * 4 * 100
    for _ in range(11):  # one more than was said: still right, without spare room
        layer.update(torch.randn(1, 1, 1, 4), torch.randn(1, 1, 1, 4))
    assert layer.keys.shape[2] == 101
    assert layer.keys.untyped_storage().nbytes() == 4 * 4 * 101
