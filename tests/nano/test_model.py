"""The shipped model, and a short training run."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from pathlib import Path
from random import Random

import pytest
import torch
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, AutoTokenizer

from nano import probe, train
from nano.model import Llama, Shape, initialise
from nano.optimiser import Muon
from nano.text import CHUNK, SHORT, Text
from nano.tokenizer import EOS
from nano.train import Trainer, code_digest, cpp_compiler, main, rate_at, run_tokenizer, weights_at, why_eager
from nano.world.biomedicine import BIOMEDICINE
from nano.world.mixture import DOMAINS, EARLY, KINDS, LATE, Writer, documents
from tests.checkout import ROOT

WEIGHTS = ROOT / "nano" / "weights"
TOKENS = 5_000
EACH_CHUNK = ("--save-every", "0")
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


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small batches, little text for each chunk, and a probe of one domain's one task."""
    monkeypatch.setattr(train, "BATCH_TOKENS", 1024)
    monkeypatch.setattr("nano.text.CHUNK", 4096)
    monkeypatch.setattr(probe, "DOMAINS", DOMAINS[:1])
    monkeypatch.setattr(probe, "COPIED", ("factoid",))


@pytest.fixture
def ready_tokenizer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shipped tokenizer: to train one takes longer than a short run."""
    monkeypatch.setattr(train, "make_tokenizer", lambda seed: Tokenizer.from_file(str(WEIGHTS / "tokenizer.json")))


def run(out: Path, *more: str) -> None:
    """A run of two chunks: the second begins where the last phase does."""
    main(["--tokens", str(TOKENS), "--out", str(out), *more])


@pytest.mark.slow  # it trains a tokenizer
@pytest.mark.usefixtures("short")
def test_training_equals_transformers(tmp_path: Path) -> None:
    run(tmp_path, "--seed", "3")
    model = AutoModelForCausalLM.from_pretrained(tmp_path)
    tokens = torch.randint(0, model.config.vocab_size, (1, 64), generator=torch.Generator().manual_seed(0))
    saved = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    own = Llama(Shape(vocabulary=model.config.vocab_size))
    own.load_state_dict(saved["model"])
    with torch.no_grad():
        torch.testing.assert_close(own(tokens), model(tokens).logits, atol=1e-4, rtol=1e-4)
    assert saved["progress"]["tokens"] >= TOKENS
    weights = tmp_path / "model.safetensors"
    before = weights.read_bytes()
    run(tmp_path, "--seed", "3")  # finished: nothing to do
    assert weights.read_bytes() == before


@pytest.mark.slow
@pytest.mark.usefixtures("ready_tokenizer", "short")
def test_an_interrupted_run_ends_as_a_whole_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train, "PROBE_EVERY", TOKENS // 2)
    run(tmp_path / "whole", *EACH_CHUNK)
    save = Trainer.save

    def save_and_die(trainer: Trainer) -> None:
        save(trainer)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Trainer, "save", save_and_die)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "halved", *EACH_CHUNK)
    progress = torch.load(tmp_path / "halved" / "checkpoint.pt", weights_only=True)["progress"]
    assert progress["chunk"] == 1, "interrupted between the two"
    chunk, gone_on = Trainer.chunk, []

    def noted_chunk(trainer: Trainer) -> float:
        gone_on.append(trainer.progress.chunk)
        return chunk(trainer)

    with monkeypatch.context() as patched:
        patched.setattr(Trainer, "chunk", noted_chunk)
        run(tmp_path / "halved", *EACH_CHUNK)
    assert gone_on == [1], "the first chunk is not done again"
    for name in ("model.safetensors", "curve.json"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "halved" / name).read_bytes(), name
    curve = json.loads((tmp_path / "whole" / "curve.json").read_text())
    assert [sorted(point) for point in curve] == [["copying", "loss", "tokens"]] * 2

    # The probe looks on: without it, training comes to the same numbers.
    alone = Trainer(tmp_path / "alone", TOKENS, 0, "cpu", fast=False)
    alone.chunk()
    alone.chunk()
    whole = torch.load(tmp_path / "whole" / "checkpoint.pt", weights_only=True)["model"]
    assert all(torch.equal(value, whole[name]) for name, value in alone.model.state_dict().items())


@pytest.mark.usefixtures("ready_tokenizer")
def test_a_folder_of_another_run_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = run_tokenizer(tmp_path, 20_000, 0)
    assert run_tokenizer(tmp_path, 20_000, 0).to_str() == begun.to_str(), "the same run goes on"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.json", "tokenizer.json", "tokenizer_config.json"]

    def refused(tokens: int, seed: int, reason: str) -> None:
        with pytest.raises(SystemExit) as caught:
            run_tokenizer(tmp_path, tokens, seed)
        assert str(caught.value) == f"{tmp_path} is of another run ({reason}): give another --out, or remove it"

    refused(20_000, 4, "seed")
    refused(30_000, 4, "seed, tokens")
    with monkeypatch.context() as patched:
        patched.setattr(train, "SOURCES", ("text.py",))
        refused(20_000, 0, "code")
    tokenizer = tmp_path / "tokenizer.json"
    whole = tokenizer.read_bytes()
    tokenizer.write_bytes(whole[:-100])
    refused(20_000, 0, "tokenizer")
    tokenizer.unlink()
    refused(20_000, 0, "tokenizer")
    # A checkpoint that nothing is known of is not gone on with; what was left before any is made anew.
    (tmp_path / "run.json").unlink()
    (tmp_path / "checkpoint.pt").touch()
    refused(20_000, 0, "seed, tokens, code, tokenizer")
    (tmp_path / "checkpoint.pt").unlink()
    tokenizer.write_bytes(whole[:-100])
    assert run_tokenizer(tmp_path, 20_000, 0).to_str() == begun.to_str()
    assert tokenizer.read_bytes() == whole


def test_every_source_of_the_text_is_in_the_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, sources = code_digest(), train.SOURCES
    for left_out in sources:
        monkeypatch.setattr(train, "SOURCES", tuple(source for source in sources if source != left_out))
        assert code_digest() != whole, left_out


def test_optimiser_takes_a_checkpoint_over_to_its_own_device() -> None:
    matrix = torch.zeros(2, 3, device="meta")
    muon = Muon([matrix], [torch.ones(2, 3)])
    muon.load({(2, 3): torch.ones(1, 2, 3)})
    assert [buffer.device.type for buffer in muon.buffers.values()] == ["meta"]


def test_without_a_compiler_a_run_is_not_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    assert why_eager(200_000, False, "/usr/bin/g++") == ""
    assert "no C++ compiler" in why_eager(200_000, False, None)
    assert "short" in why_eager(199_999, False, "/usr/bin/g++")
    assert "--eager" in why_eager(200_000, True, "/usr/bin/g++")
    monkeypatch.setenv("CXX", sys.executable)
    assert cpp_compiler() == sys.executable
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert cpp_compiler() is None
    monkeypatch.delenv("CXX")
    monkeypatch.setattr(train.shutil, "which", lambda name: f"/usr/bin/{name}")
    assert cpp_compiler() == f"/usr/bin/{'clang++' if sys.platform == 'darwin' else 'g++'}"


def test_probe_scores_what_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [json.loads(line) for line in (BUNDLED[0] / "benchmarks" / "dev" / "list.jsonl").read_text().splitlines()]
    asked: list[str] = []

    def answer(model: object, tokenizer: object, prompts: list[str]) -> list[str]:
        asked.extend(prompts)
        told = [row["references"][0] for row in rows[:4]]
        return [f" {told[0]}", f" {told[1]}\nmore of it", f" {told[2]}\n\nmore of it", "nothing of the kind"] * 2

    monkeypatch.setattr(probe, "answer", answer)
    table = probe.score(WEIGHTS, "biomedicine", 4, tasks=("list",), prompts=("expert", "cue"))
    assert list(table) == ["list"]
    assert list(table["list"]) == ["cue", "cue*", "expert", "expert*"]
    assert table["list"]["expert*"] == 75.0
    assert 50.0 < table["list"]["expert"] < 75.0, "the second answer runs on"
    assert len(asked) == 8
    assert all(row["input"] in prompt for row, prompt in zip(rows[:4] * 2, asked, strict=True))


def test_shipped_model_copies() -> None:
    assert probe.copying(WEIGHTS, 3) > 50


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
