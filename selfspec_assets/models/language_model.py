"""The language model behind every step: loading, its identity (digest), and adapters side by side.

Importing this module costs nothing: torch, transformers and peft are imported where they are used.
"""

import contextlib
import logging
import warnings
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.models.chat import answer_frame
from selfspec_assets.models.check import check_tokenizer, context_length, load_config, vocabulary_size
from selfspec_assets.models.folder import (
    ModelSpec,
    adapter_digest,
    check_adapter,
    check_model_folder,
    no_chat_template,
    write_adapter_record,
)
from selfspec_assets.models.memory import Room
from selfspec_assets.models.peft_internals import BASE, rows_under
from selfspec_assets.models.precision import chosen
from selfspec_assets.models.source import model_digest, model_folder, template_note
from selfspec_assets.models.weights import load_weights, not_finite, precision_of

if TYPE_CHECKING:
    import torch

__all__ = [
    "BASE",
    "LanguageModel",
    "ModelSpec",
    "adapter_digest",
    "check_adapter",
    "end_ids",
    "load_tokenizer",
    "model_digest",
    "model_folder",
    "write_adapter_record",
]


class LanguageModel:
    """A causal language model, its tokenizer, and any number of LoRA adapters on one copy of the weights."""

    def __init__(self, spec: ModelSpec, model: Any, tokenizer: Any) -> None:
        self.spec = spec
        self.model = model  # the transformers model; PEFT puts its layers into it in place
        self.tokenizer = tokenizer
        self.note: str | None = None  # what a person should be told about how the model is used
        self.peft: Any = None  # a PeftModel around `model` once the first adapter is there
        self._adapters: dict[str, str] = {}  # name -> digest
        self.told: set[str] = set()  # what was said once and need not be said again
        self.room: defaultdict[str, Room] = defaultdict(Room)  # by kind of item, once memory has run out

    @classmethod
    def load(cls, spec: ModelSpec) -> "LanguageModel":
        """Load for inference.

        Raises:
            SelfspecError: the folder, its weights, its tokenizer or their fit are wrong.
        """
        if spec.quantization == "none":
            # Whenever PEFT is imported, bitsandbytes tells of four-bit kernels for this CPU that it lacks.
            logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)
        folder = model_folder(spec)
        check_model_folder(folder)
        tokenizer = load_tokenizer(spec)  # first: its faults show at once, weights take their time
        check_tokenizer(tokenizer, load_config(folder), folder)
        lm = cls(spec, load_weights(spec, folder), tokenizer)
        lm.note = template_note(spec, folder)
        lm._take_generation_settings()
        return lm

    def _take_generation_settings(self) -> None:
        """Keep the checkpoint's end tokens and drop its other settings.

        ``generate`` fills every unset option from them: a repetition penalty there would change Eq. 2 in silence.
        """
        from transformers import GenerationConfig

        self.eos_ids = end_ids(self.model, self.tokenizer)
        self.model.generation_config = GenerationConfig()

    @cached_property
    def digest(self) -> str:
        """The base model's identity; see ``model_digest``."""
        return model_digest(self.spec)

    @property
    def device(self) -> "torch.device":
        device: torch.device = self.model.device
        return device

    @cached_property
    def vocabulary_size(self) -> int:
        """One more than the largest id that the tokenizer knows; the model may have more rows (padding)."""
        return vocabulary_size(self.tokenizer)

    @cached_property
    def context_length(self) -> int:
        """Tokens of prompt and answer together that the model takes.

        Raises:
            SelfspecError: neither config nor tokenizer states it.
        """
        return context_length(self.model.config, self.tokenizer, self.spec.path_or_id)

    @property
    def held(self) -> str:
        """Where the weights are and in which precision, in words."""
        device, precision = self.device, precision_of(self.spec)
        if device.type == "cuda":
            import torch

            place = f"{device} ({torch.cuda.get_device_name(device)})"
            if self.spec.devices > 1:
                used = sorted(set(self.model.hf_device_map.values()))
                place = f"{len(used)} GPUs, its layers in parts on {', '.join(f'cuda:{number}' for number in used)}"
        else:
            place = "the CPU: torch sees no GPU"
        four_bit = "4-bit NormalFloat, computed in " if self.spec.quantization == "nf4" else ""
        choice = chosen(self.spec) if self.spec.dtype == "auto" and device.type == "cpu" else None
        return f"the model is held in {four_bit}{precision} on {place}{f'; {choice}' if choice else ''}"

    @property
    def pad_id(self) -> int:
        """An id for masked places. Any id does, so none is added and the embedding stays as it is."""
        for value in (self.tokenizer.pad_token_id, self.tokenizer.eos_token_id, self.tokenizer.unk_token_id):
            if value is not None and value < self.vocabulary_size:
                return int(value)
        return 0

    def check_logits(self, logits: "torch.Tensor", adapters: Sequence[str | None]) -> None:
        """Refuse logits that choose nothing: with NaN among them every token is as good as any other.

        Args:
            logits: [rows, V]; −inf for a token that is out is fine, as long as another one is in.
            adapters: each row's.

        Raises:
            SelfspecError: naming the model, the row's adapter, and the weights at fault.
        """
        import torch

        finite = torch.isfinite(logits.amax(dim=-1))  # NaN and +inf are the largest of any row that holds them
        if not bool(finite.all()):
            adapter = adapters[int(finite.logical_not().nonzero()[0, 0])]
            under = "" if adapter in (None, BASE) else f" under adapter '{adapter}'"
            raise not_finite(self.model, self.spec.path_or_id, f"the logits{under} are not finite")

    # Adapters

    def add_adapter(self, folder: Path, name: str) -> None:
        """Load an adapter under a name; the same adapter under the same name again does nothing.

        Raises:
            SelfspecError: files missing, made for another base, bytes that differ from its record, not plain LoRA,
                or weights that do not fit this model.
            ValueError: a name that PEFT cannot take, or that another adapter has.
        """
        if not name or "." in name or name == BASE:
            raise ValueError(f"'{name}' cannot name an adapter")
        digest = check_adapter(folder, self.digest)
        if name in self._adapters:
            if self._adapters[name] != digest:
                raise ValueError(f"another adapter is loaded as '{name}'")
            return
        self._load_adapter(folder, name)
        self._adapters[name] = digest

    def _load_adapter(self, folder: Path, name: str) -> None:
        from peft import PeftConfig, PeftModelForCausalLM

        config = PeftConfig.from_pretrained(str(folder))
        config.inference_mode = True
        try:
            with quiet():
                if self.peft is None:
                    self.peft = PeftModelForCausalLM(self.model, config, adapter_name=name)
                found = self.peft.load_adapter(str(folder), name, torch_device=str(self.device))
        except (RuntimeError, ValueError, KeyError) as error:
            self._forget(name)
            raise SelfspecError(
                folder, f"the adapter does not fit the model: {error}", "make the adapter again from this base"
            ) from error
        wrong = [*found.missing_keys, *found.unexpected_keys]
        if wrong:
            self._forget(name)
            raise SelfspecError(
                folder,
                f"{len(wrong)} adapter tensors are missing or unknown, such as {wrong[0]}",
                "make the adapter again from this base",
            )
        self.peft.eval()

    def _forget(self, name: str) -> None:
        if self.peft is None or name not in self.peft.peft_config:
            return
        if self._adapters:
            self.peft.delete_adapter(name)
        else:  # PEFT cannot hold a model without any adapter
            self.model = self.peft.unload()
            self.peft = None

    def remove_adapter(self, name: str) -> None:
        """Free an adapter's memory.

        Raises:
            KeyError: no adapter has this name.
        """
        del self._adapters[name]
        self._forget(name)

    def adapter_digest(self, name: str | None) -> str | None:
        """Digest of a loaded adapter; None for the base.

        Raises:
            KeyError: no adapter has this name.
        """
        return None if name is None or name == BASE else self._adapters[name]

    @contextlib.contextmanager
    def rows(self, adapters: Sequence[str | None]) -> Iterator[Any]:
        """Within the block the model's row i runs under ``adapters[i]`` (None: the base); yields the model.

        This is the one road to a forward pass: PEFT's hooks around the bare transformers model (``rows_under``), which
        is right for every architecture.

        Raises:
            KeyError: an adapter that is not loaded.
        """
        names = [BASE if name is None else name for name in adapters]
        unknown = {name for name in names if name != BASE} - self._adapters.keys()
        if unknown:
            raise KeyError(f"no adapter is loaded as {sorted(unknown)}")
        if self.peft is None:
            yield self.model
            return
        if len({*names}) == 1 and names[0] != BASE:
            # One adapter for all rows: without per-row names PEFT does not pick the rows out at every layer.
            self.peft.base_model.set_adapter(names[0], inference_mode=True)
            yield self.model
            return
        with rows_under(self.peft, names):
            yield self.model


def end_ids(model: Any, tokenizer: Any) -> frozenset[int]:
    """Every token that ends an answer: the checkpoint's, the tokenizer's, and that of the chat template's turn."""
    stated = model.generation_config.eos_token_id
    more = stated if isinstance(stated, list) else [] if stated is None else [stated]
    if tokenizer.chat_template:
        more = [*more, answer_frame(tokenizer).end_id]
    return frozenset([tokenizer.eos_token_id, *more])


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keeps back what peft and transformers say to each other about names that they will drop."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        yield


def load_tokenizer(spec: ModelSpec) -> Any:
    """The model's tokenizer alone; it carries a chat template only where ``spec`` says that it is used.

    Raises:
        SelfspecError: the folder or its tokenizer is wrong, or lacks the chat template that is asked for.
    """
    from transformers import AutoTokenizer

    folder = model_folder(spec)
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(folder), trust_remote_code=False, local_files_only=True)
    except Exception as error:  # each tokenizer backend has its own
        raise SelfspecError(
            folder, f"the tokenizer cannot be loaded: {error}", "restore tokenizer.json and tokenizer_config.json"
        ) from error
    if spec.chat_template == "never":
        tokenizer.chat_template = None
    elif not tokenizer.chat_template:
        raise no_chat_template(folder)
    return tokenizer
