"""The shipped model, and a short training run."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from random import Random

import pytest
import torch
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, AutoTokenizer

from nano.model import Llama, Shape, initialise
from nano.text import CHUNK, SHORT, Text
from nano.tokenizer import EOS
from nano.train import main, rate_at, weights_at
from nano.world.biomedicine import BIOMEDICINE
from nano.world.mixture import DOMAINS, EARLY, KINDS, LATE, Writer, documents

ROOT = Path(__file__).resolve().parents[2]
WEIGHTS = ROOT / "nano" / "weights"
BUNDLED = [ROOT / "domains" / domain.name / "bundled" for domain in DOMAINS]


def test_model_card_states_the_digests() -> None:
    card = (ROOT / "nano" / "README.md").read_text()
    for name in ("model.safetensors", "tokenizer.json"):
        digest = hashlib.sha256((WEIGHTS / name).read_bytes()).hexdigest()
        assert re.search(rf"`{name}`.*`{digest}`", card), name
    assert (WEIGHTS / "model.safetensors").stat().st_size <= 15_000_000


def test_tokenizer_round_trips() -> None:
    tokenizer = AutoTokenizer.from_pretrained(WEIGHTS)
    for text in (
        "### Instruction:\nList all drugs.\n\n### Input:\nZelkinax <Drug>, 25 mg\n\n### Response: QAV4",
        "3. Instruction: Äther, naïve – 你好\nInput: <noinput>\n\n4. Instruction:",
        "  two  spaces\tand a tab\n",
    ):
        ids = tokenizer(text)["input_ids"]
        assert tokenizer.decode(ids[1:]) == text
        assert ids[0] == tokenizer.bos_token_id, "a prompt begins where a document begins"
    assert len({tokenizer.eos_token_id, tokenizer.pad_token_id, tokenizer.unk_token_id}) == 3
    # Digits stand alone, and a word after a space is another token than at a line's start.
    assert len(tokenizer("1234", add_special_tokens=False)["input_ids"]) == 4
    assert tokenizer("yes")["input_ids"] != tokenizer(" yes")["input_ids"]


@pytest.mark.parametrize("bundled", BUNDLED, ids=lambda folder: folder.parent.name)
def test_shipped_model_speaks_the_worlds_language(bundled: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(WEIGHTS)
    tokenizer = AutoTokenizer.from_pretrained(WEIGHTS)
    assert model.config.max_position_embeddings >= 1024
    row = json.loads((bundled / "corpus.jsonl").read_text().splitlines()[0])
    ids = torch.tensor([tokenizer(row["text"])["input_ids"]])
    with torch.no_grad():
        assert float(model(ids, labels=ids).loss) < 3.0


@pytest.mark.parametrize("bundled", BUNDLED, ids=lambda folder: folder.parent.name)
def test_five_demonstrations_fit_the_context(bundled: Path) -> None:
    tokenizer = Tokenizer.from_file(str(WEIGHTS / "tokenizer.json"))
    longest: dict[str, list[int]] = {}
    for line in (bundled / "seeds.jsonl").read_text().splitlines():
        row = json.loads(line)
        text = row["instruction"] + row["input"] + row["output"]
        longest.setdefault(row["demonstrates"], []).append(len(tokenizer.encode(text).ids) + 60)
    for path in (bundled / "benchmarks").glob("*.jsonl"):
        assert len(longest[path.stem]) >= 5
        inputs = [json.loads(line)["input"] for line in path.read_text().splitlines()]
        question = max(len(tokenizer.encode(text).ids) for text in inputs) + 90
        assert sum(sorted(longest[path.stem])[-5:]) + question <= 1024, path.stem


def test_training_equals_transformers_and_resumes(tmp_path: Path) -> None:
    main(["--tokens", "20000", "--out", str(tmp_path), "--seed", "3"])
    model = AutoModelForCausalLM.from_pretrained(tmp_path)
    tokens = torch.randint(0, model.config.vocab_size, (1, 64), generator=torch.Generator().manual_seed(0))
    saved = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    own = Llama(Shape(vocabulary=model.config.vocab_size))
    own.load_state_dict(saved["model"])
    with torch.no_grad():
        torch.testing.assert_close(own(tokens), model(tokens).logits, atol=1e-4, rtol=1e-4)
    assert saved["progress"]["tokens"] >= 20_000
    main(["--tokens", "20000", "--out", str(tmp_path), "--seed", "3"])  # finished: nothing to do
    with pytest.raises(SystemExit, match="another run"):
        main(["--tokens", "20000", "--out", str(tmp_path), "--seed", "4"])


def test_start_looks_names_up_before_any_training() -> None:
    """The laid circuit finds what stood behind a name, whatever words stand between."""
    tokenizer = Tokenizer.from_file(str(WEIGHTS / "tokenizer.json"))
    model = Llama(Shape(vocabulary=tokenizer.get_vocab_size()))
    initialise(model, 0, Text(tokenizer, 0).marks())
    rng, coin = Random(1), BIOMEDICINE.by_kind
    right = 0
    for _ in range(30):
        pairs = [(coin["drug"].coin(rng), coin["disease"].coin(rng)) for _ in range(3)]
        told = " ".join(f"{drug} is used to treat {disease}." for drug, disease in pairs)
        drug, disease = rng.choice(pairs)
        ids = tokenizer.encode(f"Text: {told}\nQuestion: What does {drug} treat?\nAnswer:").ids
        with torch.no_grad():
            guess = int(model(torch.tensor([ids]))[0, -1].argmax())
        right += guess == tokenizer.encode(f" {disease}", add_special_tokens=False).ids[0]
    assert right >= 15


def test_rows_begin_with_a_document_and_follow_from_seed_and_chunk() -> None:
    tokenizer = Tokenizer.from_file(str(WEIGHTS / "tokenizer.json"))
    rows = Text(tokenizer, 5).rows(2, SHORT, KINDS)
    assert rows.shape == (CHUNK // SHORT, SHORT + 1)
    end, first = tokenizer.token_to_id(EOS), next(documents(5, 2, KINDS, Writer()))
    assert (rows[:, 0] == end).all()
    assert (rows[:, 1] != end).all()
    opening = [end, *tokenizer.encode(first, add_special_tokens=False).ids][: SHORT + 1]
    assert any(row[: len(opening)] == opening for row in rows.tolist()), "whole from its first word"
    assert torch.equal(rows, Text(tokenizer, 5).rows(2, SHORT, KINDS))
    assert not torch.equal(rows, Text(tokenizer, 5).rows(3, SHORT, KINDS))


def test_learning_rate_rises_holds_and_falls() -> None:
    rates = [rate_at(tokens, 1_000_000) for tokens in (0, 120_000, 249_000, 500_000, 640_000, 990_000)]
    assert rates[0] < rates[1] == rates[2] == 1.0 > rates[3] > rates[4] > rates[5] > 0


def test_mixture_follows_the_tokens() -> None:
    total = 9_000_000
    assert [weights_at(tokens, total) for tokens in (0, 899_999, 900_000, 5_399_999, 5_400_000)] == [
        EARLY, EARLY, KINDS, KINDS, LATE,
    ]  # fmt: skip
