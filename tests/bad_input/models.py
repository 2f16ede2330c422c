"""Model and adapter folders that cannot be taken; no weights are loaded to find that out."""

import json
import pickle
import shutil
from typing import Any

from selfspec_assets.models.folder import check_adapter, write_adapter_record
from selfspec_assets.recipe.recipe import load_recipe
from selfspec_assets.steps.lineage import Lineage
from tests.bad_input import ways
from tests.bad_input.spoil import Spoil, add, all_of, cut, edit_json, folder, gone, link, put, recipe
from tests.bad_input.trial import Case, Kind
from tests.conftest import Project

GENERATION = "model/generation_config.json"
WEIGHTS, CONFIG, TOKENIZER = "model/model.safetensors", "model/config.json", "model/tokenizer.json"
INDEX = "model/model.safetensors.index.json"
PICKLE = pickle.dumps({"weight": [1.0]})
BASE = "b" * 64


def own_model(project: Project) -> None:
    """The project's model, which is a link to a shared one, as a copy that can be spoiled."""
    linked = project.folder / "model"
    source = linked.resolve()
    linked.unlink()
    shutil.copytree(source, linked)


def sign(project: Project, given: Any) -> None:
    """A signature of the first step that uses the model, as every run works out before it begins."""
    Lineage(load_recipe("tiny")).signature("base_predictions", "botany", 0)


def named(model: str) -> Spoil:
    return recipe(base_model={"model": model})


def index(weight_map: Any) -> Spoil:
    return put(INDEX, json.dumps({"weight_map": weight_map}))


def safetensors(header: Any, data: bytes = b"") -> bytes:
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


MODELS = (
    Case("no folder", gone("model"), "model", "no such model folder", "give a folder"),
    Case("another name", named("./modell"), "modell", "no such model folder", "give a folder"),
    Case("a file", all_of(gone("model"), put("model", "x")), "model", "no such model folder", "give a folder"),
    Case("a link to nowhere", link("model", "nowhere"), "nowhere", "no such model folder", "give a folder"),
    Case("an empty folder", folder("model"), "model", "has no config.json", "layout"),
    Case("no config", gone(CONFIG), "model", "has no config.json", "layout"),
    Case("an empty config", put(CONFIG, ""), "config.json", "cannot be read as JSON", "restore the file"),
    Case("a torn config", cut(CONFIG, 40), "config.json", "cannot be read as JSON", "restore the file"),
    Case("a list as config", put(CONFIG, "[]"), "config.json", "is not a JSON object", "restore the file"),
    Case("Latin-1 in the config", put(CONFIG, b'{"a": "\xe9"}'), "config.json", "cannot be read as JSON", "restore"),
    Case("a config nested too deep", put(CONFIG, '{"a":' * 100_000), "config.json", "cannot be read",
         "restore the file"),
    Case("no model type", edit_json(CONFIG, model_type=None), "config.json", "names no 'model_type'",
         "model's own file"),
    Case("no weights", gone(WEIGHTS), "model", "has no weights", "finish the download"),
    Case("pickles only", all_of(gone(WEIGHTS), put("model/pytorch_model.bin", PICKLE)),
         "model", "pickles only (pytorch_model.bin), which can run code", "save_pretrained"),
    Case("a checkpoint only", all_of(gone(WEIGHTS), put("model/model.pt", PICKLE)), "model", "pickles only", "convert"),
    Case("a pickle by another name", put(WEIGHTS, PICKLE), "model.safetensors", "no header of safetensors", "finish"),
    Case("empty weights", put(WEIGHTS, b""), "model.safetensors", "no header of safetensors", "finish the download"),
    Case("weights of 5 bytes", cut(WEIGHTS, 5), "model.safetensors", "no header of safetensors", "finish the download"),
    Case("a cut header", cut(WEIGHTS, 100), "model.safetensors", "no header of safetensors", "finish the download"),
    Case("cut weights", cut(WEIGHTS, -1000), "model.safetensors", "its header tells of", "finish the download"),
    Case("longer weights", add(WEIGHTS, "more"), "model.safetensors", "its header tells of", "get the file again"),
    Case("a header that is a list", put(WEIGHTS, safetensors([1])), "model.safetensors", "no header", "safetensors"),
    Case("a header without offsets", put(WEIGHTS, safetensors({"a": {}})), "model.safetensors", "no header",
         "save the"),
    Case("a page instead of weights", put(WEIGHTS, "<html>Not found</html>"), "model.safetensors", "another format",
         "save"),
    Case("a pointer instead of weights", put(WEIGHTS, "version https://git-lfs.github.com/spec/v1\n"),
         "model.safetensors", "another format", "finish the download"),
    Case("a shard is missing", index({"a": "model.safetensors", "b": "model-2.safetensors"}),
         "model", "1 of 2 weight files are missing", "finish the download"),
    Case("an index of no JSON", put(INDEX, "{"), "index.json", "cannot be read as JSON", "restore the file"),
    Case("an index of nothing", index({}), "index.json", "does not name a file for each", "restore the file"),
    Case("a list as index", index(["model.safetensors"]), "index.json", "does not name a file", "restore the file"),
    Case("an index of numbers", index({"a": 1}), "index.json", "does not name a file", "restore the file"),
    Case("an index out of the folder", index({"a": "../../secret"}), "index.json", "does not name", "restore the file"),
    Case("an adapter beside them", put("model/adapter_config.json", '{"peft_type": "LORA"}'), "model",
         "an adapter (adapter_config.json) lies beside the model's weights", "a folder of their own"),
    Case("weights twice", all_of(put("model/one.safetensors", safetensors({})), index({"a": "one.safetensors"})),
         "model", "has its weights twice", "remove those"),
    Case("weights named by the config", edit_json(CONFIG, transformers_weights="x.safetensors"), "config.json",
         "'transformers_weights' has other files loaded", "save_pretrained"),
    Case("no tokenizer", gone(TOKENIZER), "model", "has no tokenizer", "add the tokenizer's files"),
    Case("an empty tokenizer", put(TOKENIZER, ""), "tokenizer.json", "empty, cut off or damaged", "restore the file"),
    Case("a torn tokenizer", cut(TOKENIZER, -10), "tokenizer.json", "empty, cut off or damaged", "restore the file"),
    Case("a folder as tokenizer", folder(TOKENIZER), "model", "has no tokenizer", "add the tokenizer's files"),
    Case("a torn tokenizer_config", put("model/tokenizer_config.json", "{"), "tokenizer_config.json", "JSON",
         "restore"),
)  # fmt: skip

CONFIG_OF_ADAPTER, RECORD = "adapter/adapter_config.json", "adapter/selfspec.json"
ADAPTER = "adapter/adapter_model.safetensors"


def an_adapter(project: Project) -> None:
    tensor = {"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}
    put(ADAPTER, safetensors(tensor, b"\0" * 4))(project)
    config = {"peft_type": "LORA", "r": 4, "target_modules": ["q_proj"], "base_model_name_or_path": "x"}
    put(CONFIG_OF_ADAPTER, json.dumps(config))(project)
    write_adapter_record(project.folder / "adapter", BASE)


def recorded(spoil: Spoil) -> Spoil:
    """Spoiled before its record was written, so that the record tells of the spoiled one."""

    def act(project: Project) -> None:
        spoil(project)
        write_adapter_record(project.folder / "adapter", BASE)

    return act


def add_adapter(project: Project, given: Any) -> None:
    check_adapter(project.folder / "adapter", BASE)


ADAPTERS = (
    Case("no folder", gone("adapter"), "adapter", "no adapter_model.safetensors", "make the adapter again"),
    Case("no weights", gone(ADAPTER), "adapter", "no adapter_model.safetensors", "make the adapter again"),
    Case("a pickle", all_of(gone(ADAPTER), put("adapter/adapter_model.bin", PICKLE)),
         "adapter", "no adapter_model.safetensors", "pickles are not taken"),
    Case("no config", gone(CONFIG_OF_ADAPTER), "adapter", "no adapter_config.json", "make the adapter again"),
    Case("a torn config", cut(CONFIG_OF_ADAPTER, 9), "adapter_config.json", "cannot be read as JSON", "restore"),
    Case("a list as config", put(CONFIG_OF_ADAPTER, "[]"), "adapter_config.json", "is not a JSON object", "restore"),
    Case("NaN in the config", put(CONFIG_OF_ADAPTER, '{"r": NaN}'), "adapter_config.json", "holds no number", "make"),
    Case("modules of two types", edit_json(CONFIG_OF_ADAPTER, target_modules=["a", 1]), "adapter", "differ", "delete"),
    Case("a changed rank", edit_json(CONFIG_OF_ADAPTER, r=8), "adapter", "differ from its record", "make the adapter"),
    Case("a changed weight", all_of(cut(ADAPTER, -1), add(ADAPTER, "\1")), "adapter", "changed or damaged", "again"),
    Case("cut weights", cut(ADAPTER, -1), "adapter", "changed or damaged", "make the adapter again"),
    Case("no record", gone(RECORD), "adapter", "no selfspec.json", "write_adapter_record"),
    Case("a torn record", cut(RECORD, 5), "selfspec.json", "cannot be read as JSON", "restore the file"),
    Case("an empty record", put(RECORD, "{}"), "adapter", "differ from its record", "make the adapter again"),
    Case("another base", edit_json(RECORD, base_digest="c" * 64), "adapter", "made for another base", "from this base"),
    Case("no base", edit_json(RECORD, base_digest=None), "adapter", "another base (None)", "from this base"),
    Case("prefix tuning", recorded(edit_json(CONFIG_OF_ADAPTER, peft_type="PREFIX_TUNING")),
         "adapter", "only plain LoRA", "make the adapter again"),
    Case("DoRA", recorded(edit_json(CONFIG_OF_ADAPTER, use_dora=True)), "adapter", "not ['use_dora']", "make the"),
    Case("whole modules beside it", recorded(edit_json(CONFIG_OF_ADAPTER, modules_to_save=["lm_head"])),
         "adapter", "not ['modules_to_save']", "make the adapter again"),
)  # fmt: skip
LOADED = (
    Case("an unknown model type", edit_json(CONFIG, model_type="nonesuch"), "model", "cannot be loaded", "config.json"),
    Case(
        "no end of a text",
        edit_json("model/tokenizer_config.json", eos_token=None),
        "model",
        "no end-of-seq",
        "eos_token",
    ),
    Case("no chat template where one is wanted", recipe(base_model={"model": "./model", "chat_template": "always"}),
         "model", "chat_template is always, but the tokenizer has no chat template", "use an instruct model"),
    Case("an end token beyond the vocabulary", edit_json(GENERATION, eos_token_id=[0, 999]), "generation_config.json",
         "the end token 999 is one that the tokenizer never writes: there is no such token", "correct eos_token_id"),
    Case("an end token that is cut into pieces", edit_json(GENERATION, eos_token_id=[0, 100]),
         "generation_config.json", "the tokenizer never writes: its text '�' becomes [", "correct eos_token_id"),
    Case("far too large an embedding", edit_json(CONFIG, vocab_size=2000), "model",
         "has 2000 rows, the tokenizer ids up to 419: too many for padding", "the tokenizer that belongs"),
)  # fmt: skip
TOKENIZER_KIND = Kind("tokenizer", (ways.check,), LOADED, prepare=own_model)
MODEL = Kind("model", (ways.check, sign), MODELS, prepare=own_model)
ADAPTER_KIND = Kind("adapter", (add_adapter,), ADAPTERS, prepare=an_adapter)
