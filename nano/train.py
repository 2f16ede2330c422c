"""Trains the embedded base model: ``python -m nano.train --tokens 300000 --out /tmp/x``.

The schedule is by token count. A checkpoint is written every few minutes and found again
by the same command; every chunk of text follows from the seed and its number.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor

from nano import probe
from nano import tokenizer as tokenizers_
from nano.export import export
from nano.model import MARKS, Llama, Shape, initialise, paces
from nano.optimiser import Muon
from nano.text import LONG, SHORT, Text
from nano.world.mixture import EARLY, KINDS, LATE, Writer, documents
from selfspec_assets.base.signature import canonical_json, file_digest, text_digest

BATCH_TOKENS = 4096
MUON_RATE, ADAM_RATE, SCALE_RATE, CIRCUIT_PACE = 0.006, 6e-4, 5e-3, 0.05
WARM_UP, EARLY_UNTIL = 100_000, 900_000
# Shares of the run: until where the rate holds, where rows become longer, where open-book exams set in.
HOLD_UNTIL, LONG_FROM, LATE_FROM = 0.25, 0.4, 0.6
# How often copying is scored; compiling takes a minute, which a shorter run does not win back.
PROBE_EVERY, COMPILED_FROM = 1_000_000, 200_000
# What the text and the weights follow from, beside the seed and the length of the run.
SOURCES = ("train.py", "model.py", "optimiser.py", "text.py", "tokenizer.py", "world/*.py")


@dataclass
class Progress:
    """Where a run stands."""

    tokens: int = 0
    chunk: int = 0


def rate_at(tokens: int, total: int) -> float:
    """The learning rate's factor: up, flat, then down in a straight line to nearly nothing.

    Copying suffers from noise in the weights more than anything else: it grows as the rate falls.
    """
    warm = min(1.0, (tokens + BATCH_TOKENS) / min(WARM_UP, total))
    left = (total - tokens) / (total * (1 - HOLD_UNTIL))
    return warm * max(0.01, min(1.0, left))


def weights_at(tokens: int, total: int) -> dict[str, int]:
    """The mixture: drills first, then everything, at last mostly tasks with a passage."""
    if tokens < min(EARLY_UNTIL, total // 7):
        return EARLY
    return KINDS if tokens < round(LATE_FROM * total) else LATE


def make_tokenizer(seed: int) -> Tokenizer:
    """Train the tokenizer on the first documents of the mixture."""
    writer = Writer()
    return tokenizers_.train(islice(documents(seed, -1, KINDS, writer), 9000), writer.kinds)


def code_digest() -> str:
    """One digest of all the code that a run follows from."""
    here = Path(__file__).parent
    paths = [path for pattern in SOURCES for path in here.glob(pattern)]
    return text_digest(canonical_json({path.relative_to(here).as_posix(): file_digest(path) for path in paths}))


def run_tokenizer(out: Path, total: int, seed: int) -> Tokenizer:
    """The tokenizer of a run's folder: made in a new one; in one that was begun, only if it is of this very run."""
    record, path = out / "run.json", out / "tokenizer.json"
    wanted = {"seed": seed, "tokens": total, "code": code_digest()}
    if not record.exists() and not (out / "checkpoint.pt").exists():
        tokenizers_.save(make_tokenizer(seed), out, Shape().context)
        part = record.with_suffix(".part")
        part.write_text(json.dumps({**wanted, "tokenizer": _digest(path)}, indent=2) + "\n")
        part.replace(record)
    found = json.loads(record.read_text()) if record.exists() else {}
    wanted["tokenizer"] = _digest(path)
    changed = [name for name, value in wanted.items() if found.get(name) != value]
    if changed:
        raise SystemExit(f"{out} is of another run ({', '.join(changed)}): give another --out, or remove it")
    return Tokenizer.from_file(str(path))


def _digest(path: Path) -> str:
    return file_digest(path) if path.exists() else "missing"


def cpp_compiler() -> str | None:
    """The C++ compiler that torch would compile with, if it is there."""
    usual = {"darwin": "clang++", "win32": "cl"}.get(sys.platform, "g++")
    return shutil.which(os.environ.get("CXX", usual))


def why_eager(tokens: int, asked: bool, compiler: str | None) -> str:
    """Why a run is not compiled; empty for one that is."""
    if asked:
        return "not compiled: --eager"
    if tokens < COMPILED_FROM:
        return "not compiled: the run is short"
    return "" if compiler else "not compiled, so slower: torch finds no C++ compiler (g++, or what CXX names)"


class Trainer:
    """One training run with its checkpoint."""

    def __init__(self, out: Path, total: int, seed: int, device: str, fast: bool) -> None:
        self.out, self.total, self.seed, self.device = out, total, seed, device
        out.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(seed)
        self.tokenizer = run_tokenizer(out, total, seed)
        self.shape = Shape(vocabulary=self.tokenizer.get_vocab_size())
        self.model = Llama(self.shape)
        self.text = Text(self.tokenizer, seed)
        initialise(self.model, seed, self.text.marks())
        self.model.to(device)
        names = [n for n, p in self.model.named_parameters() if p.ndim == 2 and "embed" not in n]
        scales = [p for p in self.model.parameters() if p.ndim < 2]
        pace = paces(self.model, CIRCUIT_PACE)
        self.muon = Muon([self.model.get_parameter(n) for n in names], [pace[n] for n in names])
        self.adam = torch.optim.AdamW(
            [
                {"params": [self.model.embed_tokens.weight], "base": ADAM_RATE},
                {"params": scales, "base": SCALE_RATE},
            ],
            betas=(0.9, 0.95),
            weight_decay=0.0,
        )
        self.progress = Progress()
        self.curve: list[dict[str, float]] = []
        self._resume()
        self.loss: Callable[[Tensor, Tensor], Tensor] = torch.compile(self.model.loss) if fast else self.model.loss

    def _resume(self) -> None:
        path = self.out / "checkpoint.pt"
        if path.exists():
            # Model and optimisers take the numbers over onto their own device, whichever wrote the checkpoint.
            saved = torch.load(path, map_location="cpu", weights_only=True)
            self.model.load_state_dict(saved["model"])
            self.muon.load(saved["muon"])
            self.adam.load_state_dict(saved["adam"])
            self.progress = Progress(**saved["progress"])
            self.curve = saved["curve"]

    def save(self) -> None:
        """Write the checkpoint and, beside it, the model as it stands."""
        state = {
            "model": self.model.state_dict(),
            "muon": self.muon.state(),
            "adam": self.adam.state_dict(),
            "progress": vars(self.progress),
            "curve": self.curve,
        }
        part = self.out / "checkpoint.part"
        torch.save(state, part)
        part.replace(self.out / "checkpoint.pt")
        self.export(self.out)
        (self.out / "curve.json").write_text(json.dumps(self.curve) + "\n")

    def export(self, folder: Path) -> None:
        """Write the model as it stands."""
        weights = {n: w.cpu() for n, w in self.model.state_dict().items()}
        export(weights, self.shape, self.tokenizer, folder)

    def copying(self) -> float:
        """Score how well the model copies out of a text, on a copy of it: training goes on as if nothing had been."""
        with tempfile.TemporaryDirectory() as folder, torch.random.fork_rng():
            self.export(Path(folder))
            return probe.copying(Path(folder))

    def step(self, rows: Tensor) -> Tensor:
        """Learn from one batch."""
        rows = rows.to(self.device)
        loss = self.loss(rows[:, :-1], rows[:, 1:])
        torch.autograd.backward(loss)
        # The dimensions that the copying circuit steers by stay as they are.
        embedding = self.model.embed_tokens.weight.grad
        assert embedding is not None
        embedding[:, :MARKS] = 0.0
        factor = rate_at(self.progress.tokens, self.total)
        self.muon.step(MUON_RATE * factor)
        for group in self.adam.param_groups:
            group["lr"] = group["base"] * factor
        self.adam.step()
        self.adam.zero_grad()
        self.progress.tokens += rows.shape[0] * (rows.shape[1] - 1)
        return loss.detach()

    def chunk(self) -> float:
        """Learn from one chunk; return the mean loss."""
        tokens = self.progress.tokens
        length = LONG if tokens > round(LONG_FROM * self.total) else SHORT
        late = round(LATE_FROM * self.total)
        stop = late if tokens < late else self.total
        rows = self.text.rows(self.progress.chunk, length, weights_at(tokens, self.total))
        size = BATCH_TOKENS // length
        losses = []
        for start in range(0, len(rows) - size + 1, size):
            losses.append(self.step(rows[start : start + size]))
            if self.progress.tokens >= stop:
                break
        self.progress.chunk += 1
        return float(torch.stack(losses).mean())

    def run(self, save_every: float) -> None:
        """Train to the end."""
        saved = began = time.monotonic()
        first = self.progress.tokens
        while self.progress.tokens < self.total:
            before = self.progress.tokens
            point = {"loss": round(self.chunk(), 4)}
            tokens = self.progress.tokens
            if tokens >= self.total or tokens // PROBE_EVERY > before // PROBE_EVERY:
                point["copying"] = round(self.copying(), 1)
            self.curve.append({"tokens": tokens, **point})
            now = time.monotonic()
            speed = (tokens - first) / (now - began)
            left = (self.total - tokens) / speed / 60
            print(
                f"{tokens / 1e6:6.2f}M of {self.total / 1e6:.2f}M tokens  "
                + "  ".join(f"{name} {value:g}" for name, value in point.items())
                + f"  {speed:,.0f} tokens/s  {max(0.0, left):.1f} min left",
                flush=True,
            )
            if now - saved > save_every:
                self.save()
                saved = now
        self.save()


def main(arguments: list[str] | None = None) -> None:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=15_000_000)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--eager", action="store_true", help="do not compile")
    parser.add_argument("--save-every", type=float, default=120.0, metavar="SECONDS")
    options = parser.parse_args(arguments)
    reason = why_eager(options.tokens, options.eager, cpp_compiler())
    trainer = Trainer(options.out, options.tokens, options.seed, options.device, fast=not reason)
    if reason:
        print(reason)
    print(f"{sum(p.numel() for p in trainer.model.parameters()):,} parameters; mixture {KINDS}")
    trainer.run(options.save_every)


if __name__ == "__main__":
    main()
