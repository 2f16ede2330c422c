"""The adapter as a plain PEFT folder, without the path of the machine that it was tuned on."""

import json
import shutil
from pathlib import Path

from selfspec_assets.models.folder import ADAPTER_CONFIG, check_adapter, read_json
from selfspec_assets.models.language_model import model_digest
from selfspec_assets.reports.exports.cards import card_facts as facts
from selfspec_assets.reports.exports.cards.model_card import write_model_card
from selfspec_assets.reports.exports.tuned import Tuned


def write_adapter(tuned: Tuned, folder: Path) -> list[str]:
    """Weights, configuration, record and card; ``PeftModel.from_pretrained(base, folder)`` loads it.

    The base is named as the hub or the recipe names it. The digest in ``selfspec.json`` does not cover that name.

    Raises:
        SelfspecError: the stored adapter is damaged.
    """
    check_adapter(tuned.folder, model_digest(tuned.lineage.model_spec))
    for path in sorted(tuned.folder.iterdir()):
        if path.is_file():
            shutil.copyfile(path, folder / path.name)
    config = read_json(folder / ADAPTER_CONFIG)
    config["base_model_name_or_path"] = facts.hub_base(tuned) or tuned.recipe.base_model.model
    (folder / ADAPTER_CONFIG).write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    use = [
        "A LoRA adapter, loaded over its base: `PeftModel.from_pretrained(base, folder)`. It was tuned and scored in "
        "the Alpaca template, the answer one space after `### Response:`.",
        "",
        f"The base is {facts.base_name(tuned)}, held in {tuned.lineage.model_spec.dtype} "
        f"(quantisation: {tuned.lineage.model_spec.quantization}).",
    ]
    write_model_card(tuned, folder, "peft", use)
    return [f"the adapter of iteration {tuned.iteration}; its base: {facts.base_name(tuned)}"]
