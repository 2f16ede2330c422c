"""Loading, identity and adapters: what fits, and what is refused with a reason and a remedy."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, Gemma3Config

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.method.decoding import StopRules, greedy, next_token_logits
from selfspec_assets.models import weights as model_weights
from selfspec_assets.models.language_model import (
    LanguageModel,
    ModelSpec,
    adapter_digest,
    check_adapter,
    model_digest,
    write_adapter_record,
)
from selfspec_assets.models.weights import precision_of
from tests.tiny_models import (
    CHAT_TEMPLATES,
    add_chat_template,
    byte_level_tokenizer,
    write_adapter,
    write_model,
    write_tokenizer,
)

PROMPT = "Which gene binds melatin? Answer:"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("base")
    write_model(folder)
    return folder


@pytest.fixture(scope="module")
def adapter(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_adapter(ModelSpec(str(base)), tmp_path_factory.mktemp("adapter"), 1)


@pytest.fixture
def copy(base: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(base, tmp_path / "copy"))


def edit(path: Path, **values: object) -> None:
    content = json.loads(path.read_text())
    content.update(values)
    path.write_text(json.dumps(content))


def test_importing_costs_nothing() -> None:
    code = (
        "import sys, selfspec_assets.models.language_model, selfspec_assets.method.decoding;"
        "import selfspec_assets.method.tuning.tune;"
        "print([name for name in ('torch', 'transformers', 'peft', 'bitsandbytes') if name in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_load(base: Path) -> None:
    lm = LanguageModel.load(ModelSpec(str(base)))
    assert (lm.context_length, lm.vocabulary_size, lm.eos_ids) == (512, 400, frozenset([1]))
    assert lm.model.dtype == torch.float32
    assert not lm.model.training
    assert lm.tokenizer.pad_token is None
    assert lm.pad_id == 1
    assert lm.model.get_input_embeddings().num_embeddings == 400


def test_bfloat16_is_kept_when_asked_for(base: Path) -> None:
    assert LanguageModel.load(ModelSpec(str(base), dtype="bfloat16")).model.dtype == torch.bfloat16


def test_where_and_how_the_weights_are_held_is_said(base: Path) -> None:
    spec = ModelSpec(str(base))
    assert LanguageModel.load(spec).held == "the model is held in float32 on the CPU: torch sees no GPU"
    four_bit = spec.model_copy(update={"quantization": "nf4", "dtype": "bfloat16"})
    assert "4-bit NormalFloat, computed in bfloat16 on" in LanguageModel.load(four_bit).held


def test_auto_is_another_precision_on_a_gpu(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert precision_of(ModelSpec(str(base))) == "float32"
    monkeypatch.setattr(model_weights, "_DRIVERS", ("/dev/null",))
    assert precision_of(ModelSpec(str(base))) == "float32", "a driver, but torch sees no GPU"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert precision_of(ModelSpec(str(base))) == "bfloat16"
    assert precision_of(ModelSpec(str(base), dtype="float32")) == "float32"


def test_a_model_that_does_not_fit_the_memory_is_told_as_that(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    monkeypatch.setattr(AutoModelForCausalLM, "from_pretrained", full)
    with pytest.raises(SelfspecError, match="does not fit the memory: CUDA out of memory") as caught:
        LanguageModel.load(ModelSpec(str(base)))
    assert "quantization: nf4" in caught.value.remedy


def test_settings_of_the_checkpoint_do_not_reach_decoding(copy: Path) -> None:
    """A checkpoint's repetition penalty would change every distribution; its extra end tokens must count."""
    plain = next_token_logits(LanguageModel.load(ModelSpec(str(copy))), [PROMPT], [None])
    (copy / "generation_config.json").write_text(
        json.dumps(
            {"repetition_penalty": 3.0, "do_sample": True, "temperature": 0.1, "max_length": 3, "eos_token_id": [1, 77]}
        )
    )
    lm = LanguageModel.load(ModelSpec(str(copy)))
    assert torch.equal(next_token_logits(lm, [PROMPT], [None]), plain)
    assert lm.eos_ids == frozenset([1, 77])
    made = greedy(lm, [PROMPT], max_new_tokens=9, stop=StopRules(), adapter=None, batch_size=1)[0]
    assert made.tokens == 9 or made.finish == "eos"


def test_padding_rows_of_the_output_layer_are_never_chosen(tmp_path: Path) -> None:
    spec = write_model(tmp_path, vocab_size=480)
    lm = LanguageModel.load(spec)
    with torch.no_grad():
        lm.model.lm_head.weight[400:] *= 100
    made = greedy(lm, [PROMPT], max_new_tokens=8, stop=StopRules(), adapter=None, batch_size=1)[0]
    assert max(made.token_ids) < lm.vocabulary_size == 400


def remove(*names: str) -> Callable[[Path], None]:
    def act(folder: Path) -> None:
        for name in names:
            (folder / name).unlink()

    return act


def pickle_only(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")


def small_embedding(folder: Path) -> None:
    write_tokenizer(byte_level_tokenizer(size=420), folder)
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    tokenizer["added_tokens"].append(
        {
            "id": 500,
            "content": "<late>",
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": True,
        }
    )
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))


def lost_tensor(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(str(folder / "model.safetensors"))
    del tensors["model.layers.1.mlp.up_proj.weight"]
    save_file(tensors, str(folder / "model.safetensors"), metadata={"format": "pt"})


def cut_short(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])


def beside_an_adapter(name: str) -> Callable[[Path], None]:
    def act(folder: Path) -> None:
        (folder / name).write_text('{"peft_type": "LORA"}')

    return act


def a_layer_less(folder: Path) -> None:
    edit(folder / "config.json", num_hidden_layers=1)


def one_more_bias(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(str(folder / "model.safetensors"))
    tensors["model.layers.0.mlp.up_proj.bias"] = torch.zeros(48)
    save_file(tensors, str(folder / "model.safetensors"), metadata={"format": "pt"})


def weights_twice(folder: Path) -> None:
    shutil.copy(folder / "model.safetensors", folder / "model-00001-of-00001.safetensors")
    (folder / "model.safetensors.index.json").write_text(
        json.dumps({"weight_map": {"a": "model-00001-of-00001.safetensors"}})
    )


def weights_by_another_name(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "weights.safetensors")


def lost_shard(folder: Path) -> None:
    (folder / "model.safetensors.index.json").write_text(
        json.dumps({"weight_map": {"a": "model.safetensors", "b": "model-00002-of-00002.safetensors"}})
    )


BAD_FOLDERS: dict[str, tuple[Callable[[Path], None], str]] = {
    "no config": (remove("config.json"), "no config.json"),
    "no weights": (remove("model.safetensors"), "no weights"),
    "pickles only": (pickle_only, "pickles only"),
    "no tokenizer": (remove("tokenizer.json"), "no tokenizer"),
    "broken tokenizer": (lambda folder: (folder / "tokenizer.json").write_text("{") and None, "tokenizer"),
    "broken config": (lambda folder: (folder / "config.json").write_text("{") and None, "cannot be read as JSON"),
    "unknown model": (lambda folder: edit(folder / "config.json", model_type="nonesuch"), "cannot be loaded"),
    "other sizes": (lambda folder: edit(folder / "config.json", hidden_size=64), "cannot be loaded"),
    "vocabulary": (small_embedding, "the model's embedding has 400 rows"),
    "tensor missing": (lost_tensor, "the weights lack 1 tensors"),
    "weights cut short": (cut_short, "cut off or damaged"),
    "shard missing": (lost_shard, "1 of 2 weight files are missing"),
    "an adapter": (beside_an_adapter("adapter_config.json"), "would become part of the base"),
    "an adapter's weights": (beside_an_adapter("adapter_model.safetensors"), "would become part of the base"),
    "an adapter's pickle": (beside_an_adapter("adapter_model.bin"), "would become part of the base"),
    "fewer layers": (a_layer_less, "no place for 9 tensors of the weights, such as model.layers.1."),
    "a bias too many": (one_more_bias, "no place for 1 tensors of the weights, such as model.layers.0.mlp.up_proj"),
    "weights twice": (weights_twice, "has its weights twice"),
    "weights by another name": (weights_by_another_name, "nothing says that weights.safetensors is to be loaded"),
    "weights that the config names": (
        lambda folder: edit(folder / "config.json", transformers_weights="other.safetensors"),
        "'transformers_weights' has other files loaded",
    ),
    "a config for some releases": (
        lambda folder: edit(folder / "config.json", configuration_files=["config.4.0.0.json"]),
        "'configuration_files' has other files loaded",
    ),
    "no end token": (lambda folder: edit(folder / "tokenizer_config.json", eos_token=None), "end-of-sequence"),
}


@pytest.mark.parametrize("name", BAD_FOLDERS)
def test_bad_folder(name: str, copy: Path) -> None:
    spoil, reason = BAD_FOLDERS[name]
    spoil(copy)
    with pytest.raises(SelfspecError, match=reason) as caught:
        LanguageModel.load(ModelSpec(str(copy)))
    assert caught.value.remedy
    assert str(copy) in caught.value.place


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        (ModelSpec("/nowhere/at/all"), "no such model folder"),
        (ModelSpec("just-a-name"), "no such model folder"),
        (ModelSpec("owner/name"), "pinned revision"),
        (ModelSpec("owner/name", "main"), "pinned revision"),
    ],
)
def test_bad_id(spec: ModelSpec, reason: str) -> None:
    with pytest.raises(SelfspecError, match=reason):
        LanguageModel.load(spec)


def test_a_hub_id_loads_from_the_hub_layout(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    commit = "0123456789abcdef0123456789abcdef01234567"
    snapshot = tmp_path / "models--owner--name" / "snapshots" / commit
    shutil.copytree(base, snapshot)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    lm = LanguageModel.load(ModelSpec("owner/name", commit))
    assert lm.digest == f"owner/name@{commit}"
    with pytest.raises(SelfspecError, match="the hub does not give this model"):
        LanguageModel.load(ModelSpec("owner/name", "f" * 40))


@pytest.mark.parametrize(
    ("config", "stated", "length"),
    [
        ({"max_position_embeddings": 300}, 512, 300),
        ({"max_seq_len": 200}, 512, 200),  # MPT
        ({}, 512, 512),
    ],
)
def test_context_length(base: Path, config: dict[str, int], stated: int, length: int) -> None:
    lm = LanguageModel.load(ModelSpec(str(base)))
    lm.model.config, lm.tokenizer.model_max_length = text_only(**config), stated
    assert lm.context_length == length


def text_only(**values: int) -> SimpleNamespace:
    config = SimpleNamespace(**values)
    config.get_text_config = lambda: config
    return config


def test_context_length_of_a_model_of_text_and_pictures(base: Path) -> None:
    lm = LanguageModel.load(ModelSpec(str(base)))
    config = Gemma3Config(text_config={"max_position_embeddings": 4096})
    assert not hasattr(config, "max_position_embeddings")
    lm.model.config, lm.tokenizer.model_max_length = config, int(1e30)
    assert lm.context_length == 4096


def test_context_length_must_be_stated(base: Path) -> None:
    lm = LanguageModel.load(ModelSpec(str(base)))
    lm.model.config, lm.tokenizer.model_max_length = text_only(), int(1e30)
    with pytest.raises(SelfspecError, match="context length"):
        _ = lm.context_length


def test_parts_of_the_file_that_are_not_the_language_model_are_left_alone(copy: Path) -> None:
    """A vision tower, a value head: no module of the model is like them."""
    from safetensors.torch import load_file, save_file

    before = next_token_logits(LanguageModel.load(ModelSpec(str(copy))), [PROMPT], [None])
    tensors = load_file(str(copy / "model.safetensors"))
    tensors |= {name: torch.zeros(2) for name in ("vision_model.encoder.layers.0.mlp.weight", "v_head.summary.bias")}
    save_file(tensors, str(copy / "model.safetensors"), metadata={"format": "pt"})
    after = next_token_logits(LanguageModel.load(ModelSpec(str(copy))), [PROMPT], [None])
    torch.testing.assert_close(after, before, atol=1e-4, rtol=0)


# Numbers that are none


def spoil_weights(path: Path, name: str, value: float) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(str(path))
    tensors[name][0, 0] = value
    save_file(tensors, str(path), metadata={"format": "pt"})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_no_numbers_stop_the_first_batch(value: float, copy: Path) -> None:
    spoil_weights(copy / "model.safetensors", "model.layers.1.mlp.up_proj.weight", value)
    lm = LanguageModel.load(ModelSpec(str(copy)))
    with pytest.raises(SelfspecError, match=r"1 of its tensors hold NaN .*, such as model\.layers\.1") as caught:
        greedy(lm, [PROMPT], max_new_tokens=4, stop=StopRules(), adapter=None, batch_size=1)
    assert caught.value.place == str(copy)
    assert "the logits are not finite" in caught.value.reason
    assert "get the weights again" in caught.value.remedy


def test_an_adapter_that_is_no_number_is_named(base: Path, adapter: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(adapter, tmp_path / "adapter"))
    tensor = "base_model.model.model.layers.0.mlp.up_proj.lora_A.weight"
    spoil_weights(folder / "adapter_model.safetensors", tensor, float("nan"))
    write_adapter_record(folder, model_digest(ModelSpec(str(base))))
    lm = LanguageModel.load(ModelSpec(str(base)))
    lm.add_adapter(folder, "spoilt")
    assert next_token_logits(lm, [PROMPT], [None]).isfinite().all()
    with pytest.raises(SelfspecError, match="the logits under adapter 'spoilt' are not finite: 1 of its tensors"):
        next_token_logits(lm, [PROMPT, PROMPT], [None, "spoilt"])


def test_an_overflow_is_not_blamed_on_the_weights(base: Path) -> None:
    lm = LanguageModel.load(ModelSpec(str(base)))
    lm.model.lm_head.register_forward_hook(lambda layer, given, logits: logits * float("inf"))
    with pytest.raises(SelfspecError, match=r"every weight is finite: numbers overflow in torch\.float32") as caught:
        next_token_logits(lm, [PROMPT], [None])
    assert "dtype: float32" in caught.value.remedy


def test_tokens_that_are_out_may_have_no_logit(base: Path) -> None:
    lm = LanguageModel.load(ModelSpec(str(base)))
    logits = torch.tensor([[0.0, -float("inf")], [-float("inf"), 1.0]])
    lm.check_logits(logits, [None, None])
    with pytest.raises(SelfspecError, match="not finite"):
        lm.check_logits(torch.full((1, 2), -float("inf")), [None])


# Digests


def test_digest_counts_what_decoding_depends_on(base: Path, copy: Path) -> None:
    original = model_digest(ModelSpec(str(base)))
    assert model_digest(ModelSpec(str(copy))) == original, "not its path"
    (copy / "README.md").write_text("A card.")
    assert model_digest(ModelSpec(str(copy), dtype="bfloat16")) == original, "not its card, not the dtype"
    seen = {original}
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json", "generation_config.json"):
        (copy / name).write_bytes((copy / name).read_bytes() + b" ")
        seen.add(model_digest(ModelSpec(str(copy))))
    weights = copy / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    seen.add(model_digest(ModelSpec(str(copy))))
    assert len(seen) == 6


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("tokenizer.4.0.0.json", True),
        ("spm.model", True),
        ("sentencepiece.bpe.model", True),
        ("tokenizer.model.v3", True),
        ("chat_template.jinja", True),
        ("additional_chat_templates/tool.jinja", True),
        ("added_tokens.json", True),
        ("README.md", False),
        ("training_args.bin", False),
        ("curve.json", False),
    ],
)
def test_digest_counts_what_a_convention_loads(name: str, counts: bool, copy: Path) -> None:
    before = model_digest(ModelSpec(str(copy)))
    (copy / name).parent.mkdir(exist_ok=True)
    (copy / name).write_text("{}")
    assert (model_digest(ModelSpec(str(copy))) != before) == counts


OPENED = """
import sys
from pathlib import Path
folder = Path(sys.argv[1])
seen = set()
def watch(event, given):
    if event == "open" and isinstance(given[0], (str, Path)) and Path(given[0]).is_relative_to(folder):
        seen.add(Path(given[0]).relative_to(folder).as_posix())
from selfspec_assets.models import folder as model_folder
from selfspec_assets.models.language_model import LanguageModel, ModelSpec
sys.addaudithook(watch)
LanguageModel.load(ModelSpec(str(folder), chat_template="always"))
digested = {p.relative_to(folder).as_posix() for pattern in model_folder.MODEL_FILES for p in folder.glob(pattern)}
print(sorted(seen))
print(sorted(seen - digested))
"""


def test_every_file_that_loading_opens_counts(tmp_path: Path) -> None:
    """With files of every convention there, those that Python opens are among those that the digest covers."""
    copy = tmp_path / "model"
    write_model(copy, vocab_size=402)
    add_chat_template(copy, CHAT_TEMPLATES["chatml"])
    shutil.copy(copy / "tokenizer.json", copy / "tokenizer.4.0.0.json")
    edit(copy / "tokenizer_config.json", fast_tokenizer_files=["tokenizer.4.0.0.json"])
    (copy / "additional_chat_templates").mkdir()
    (copy / "additional_chat_templates" / "tool_use.jinja").write_text(CHAT_TEMPLATES["chatml"])
    for name in ("special_tokens_map", "added_tokens", "preprocessor_config", "processor_config", "adapter_note"):
        (copy / f"{name}.json").write_text("{}")
    (copy / "modeling_llama.py").write_text("raise RuntimeError")
    edit(copy / "config.json", auto_map={"AutoModelForCausalLM": "modeling_llama.Model"})
    done = subprocess.run([sys.executable, "-c", OPENED, str(copy)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    seen, beyond = done.stdout.strip().splitlines()[-2:]
    assert "additional_chat_templates/tool_use.jinja" in seen
    assert beyond == "[]"


def test_adapter_digest_leaves_the_base_path_out(adapter: Path, tmp_path: Path) -> None:
    moved = Path(shutil.copytree(adapter, tmp_path / "moved"))
    config = json.loads((moved / "adapter_config.json").read_text())
    edit(
        moved / "adapter_config.json",
        base_model_name_or_path="/elsewhere",
        target_modules=config["target_modules"][::-1],
    )
    assert adapter_digest(moved) == adapter_digest(adapter)
    edit(moved / "adapter_config.json", lora_alpha=9)
    assert adapter_digest(moved) != adapter_digest(adapter)


# Adapters


def test_adapters_live_side_by_side(base: Path, adapter: Path, tmp_path: Path) -> None:
    spec = ModelSpec(str(base))
    second = write_adapter(spec, tmp_path / "second", 2)
    lm = LanguageModel.load(spec)
    alone = next_token_logits(lm, [PROMPT], [None])
    lm.add_adapter(adapter, "one")
    lm.add_adapter(second, "two")
    lm.add_adapter(adapter, "one")  # again: nothing happens
    mixed = next_token_logits(lm, [PROMPT] * 3, ["one", None, "two"])
    torch.testing.assert_close(mixed[1:2], alone, atol=1e-4, rtol=0)
    for row, folder in ((0, adapter), (2, second)):
        plain = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(str(base)), str(folder)).eval()
        with torch.no_grad():
            expected = plain(input_ids=torch.tensor([lm.tokenizer(PROMPT)["input_ids"]])).logits[:, -1]
        torch.testing.assert_close(mixed[row : row + 1], expected, atol=1e-4, rtol=0)
        assert (expected - alone).abs().max() > 0.1
    assert lm.adapter_digest("one") == adapter_digest(adapter)
    assert lm.adapter_digest(None) is None


def test_adapters_can_be_removed(base: Path, adapter: Path, tmp_path: Path) -> None:
    spec = ModelSpec(str(base))
    lm = LanguageModel.load(spec)
    before = next_token_logits(lm, [PROMPT], [None])
    lm.add_adapter(adapter, "one")
    lm.add_adapter(write_adapter(spec, tmp_path / "second", 2), "two")
    second = next_token_logits(lm, [PROMPT], ["two"])
    lm.remove_adapter("one")
    assert torch.equal(next_token_logits(lm, [PROMPT], ["two"]), second)
    lm.remove_adapter("two")
    assert lm.peft is None
    assert torch.equal(next_token_logits(lm, [PROMPT], [None]), before)
    lm.add_adapter(adapter, "one")
    with pytest.raises(KeyError):
        lm.remove_adapter("two")


def test_a_name_stands_for_one_adapter(base: Path, adapter: Path, tmp_path: Path) -> None:
    spec = ModelSpec(str(base))
    lm = LanguageModel.load(spec)
    lm.add_adapter(adapter, "one")
    with pytest.raises(ValueError, match="another adapter"):
        lm.add_adapter(write_adapter(spec, tmp_path / "second", 2), "one")
    for name in ("", "a.b", "__base__"):
        with pytest.raises(ValueError, match="cannot name"):
            lm.add_adapter(adapter, name)


def flip_byte(folder: Path) -> None:
    weights = folder / "adapter_model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(bytes(content))


def other_base(folder: Path) -> None:
    write_adapter_record(folder, "another base")


def rename_tensor(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(str(folder / "adapter_model.safetensors"))
    tensors["base_model.model.nowhere.lora_A.weight"] = tensors.pop(sorted(tensors)[0])
    save_file(tensors, str(folder / "adapter_model.safetensors"))
    write_adapter_record(folder, json.loads((folder / "selfspec.json").read_text())["base_digest"])


def as_dora(folder: Path) -> None:
    edit(folder / "adapter_config.json", use_dora=True)
    write_adapter_record(folder, json.loads((folder / "selfspec.json").read_text())["base_digest"])


def other_rank(folder: Path) -> None:
    edit(folder / "adapter_config.json", r=2)
    write_adapter_record(folder, json.loads((folder / "selfspec.json").read_text())["base_digest"])


BAD_ADAPTERS: dict[str, tuple[Callable[[Path], None], str]] = {
    "no weights": (remove("adapter_model.safetensors"), "no adapter_model.safetensors"),
    "no config": (remove("adapter_config.json"), "no adapter_config.json"),
    "no record": (remove("selfspec.json"), "no selfspec.json"),
    "broken record": (lambda folder: (folder / "selfspec.json").write_text("[]") and None, "not a JSON object"),
    "changed weights": (flip_byte, "changed or damaged"),
    "changed config": (lambda folder: edit(folder / "adapter_config.json", lora_alpha=99), "changed or damaged"),
    "another base": (other_base, "made for another base"),
    "tensors that do not fit": (rename_tensor, "missing or unknown"),
    "another rank": (other_rank, "does not fit the model"),
    "DoRA": (as_dora, "only plain LoRA"),
}


@pytest.mark.parametrize("name", BAD_ADAPTERS)
def test_bad_adapter(name: str, base: Path, adapter: Path, tmp_path: Path) -> None:
    spoil, reason = BAD_ADAPTERS[name]
    folder = Path(shutil.copytree(adapter, tmp_path / "adapter"))
    spoil(folder)
    lm = LanguageModel.load(ModelSpec(str(base)))
    before = next_token_logits(lm, [PROMPT], [None])
    with pytest.raises(SelfspecError, match=reason) as caught:
        lm.add_adapter(folder, "bad")
    assert caught.value.remedy
    assert torch.equal(next_token_logits(lm, [PROMPT], [None]), before), "the model is as it was"
    lm.add_adapter(adapter, "bad")  # and the name is free


def test_check_adapter_needs_no_model(adapter: Path, base: Path) -> None:
    assert check_adapter(adapter, model_digest(ModelSpec(str(base)))) == adapter_digest(adapter)
    with pytest.raises(SelfspecError, match="another base"):
        check_adapter(adapter, "0" * 64)
