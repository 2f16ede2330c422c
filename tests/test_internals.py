"""Private parts of libraries stand in one module each, and a test here fails by name when a library moves them."""

import ast
import inspect
from pathlib import Path

import pytest

from tests.checkout import PACKAGE

PUBLIC = {"_fields", "_asdict", "_replace", "_make", "_exit"}  # of NamedTuple and os: documented, despite their names
HOMES = {
    "orchestration/dagster_internals.py": {"dagster._core.launcher", "dagster._cli.dev", "_instance"},
    "models/peft_internals.py": {"_enable_peft_forward_hooks"},
    "method/tuning/trainer.py": {"_n_gpu", "_save_checkpoint"},
}


def private_names(tree: ast.AST, own: set[str]) -> set[str]:
    """Private modules that are imported, and private attributes that no code of the project defines."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom | ast.Import):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else [name.name for name in node.names]
            found |= {name for name in modules if any(part[:1] == "_" != part[1:2] for part in name.split("."))}
        elif isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__"):
            found |= {node.attr} - own - PUBLIC
    return found


def defined(tree: ast.AST) -> set[str]:
    names = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    stored = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and _is_own_store(node)}
    fields = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    return names | stored | fields


def _is_own_store(node: ast.Attribute) -> bool:
    return isinstance(node.ctx, ast.Store) and isinstance(node.value, ast.Name) and node.value.id == "self"


def test_private_parts_of_libraries_are_used_in_their_homes_alone() -> None:
    trees = {path.relative_to(PACKAGE).as_posix(): ast.parse(path.read_text()) for path in PACKAGE.rglob("*.py")}
    own = set[str]().union(*(defined(tree) for tree in trees.values())) - {"_save_checkpoint"}
    used = {name: private_names(tree, own) for name, tree in trees.items()}
    used = {name: names for name, names in used.items() if names}
    assert {name: names for name, names in used.items() if name not in HOMES} == {}
    assert used == HOMES, "a home that reaches for more, or no longer for what it was made for"


def test_dagster_has_the_answer_of_a_launcher_about_a_run() -> None:
    from selfspec_assets.orchestration.dagster_internals import CheckRunHealthResult, WorkerStatus

    result = CheckRunHealthResult(WorkerStatus.NOT_FOUND, "its process is gone")
    assert (result.status, result.msg) == (WorkerStatus.NOT_FOUND, "its process is gone")
    assert WorkerStatus.RUNNING != WorkerStatus.NOT_FOUND


def test_dagster_asks_its_launcher_whether_a_run_lives() -> None:
    import dagster as dg

    from selfspec_assets.orchestration.launcher import LocalRunLauncher

    for name in ("supports_check_run_worker_health", "check_run_worker_health"):
        assert hasattr(dg.DefaultRunLauncher, name), f"Dagster no longer asks a launcher for {name}"
        assert name in vars(LocalRunLauncher)
    assert hasattr(dg.DefaultRunLauncher, "_instance"), "Dagster moved a launcher's instance"


def test_dagster_has_the_command_behind_dagster_dev() -> None:
    from dagster._cli.dev import dev_command

    options = {option for parameter in dev_command.params for option in parameter.opts}
    assert {"--workspace", "--host", "--port"} <= options


def test_peft_has_the_hooks_around_a_forward_pass() -> None:
    from peft import LoraModel

    assert hasattr(LoraModel, "_enable_peft_forward_hooks"), "PEFT moved the hooks that pick an adapter for each row"


@pytest.mark.parametrize("name", ["update", "lazy_initialization", "get_seq_length"])
def test_transformers_cache_layers_have_the_methods_that_ours_replace_or_call(name: str) -> None:
    from transformers.cache_utils import DynamicLayer

    assert callable(getattr(DynamicLayer, name, None)), f"transformers moved DynamicLayer.{name}"


def test_transformers_cache_holds_its_layers_in_a_list() -> None:
    from transformers import DynamicCache, LlamaConfig
    from transformers.cache_utils import DynamicLayer

    cache = DynamicCache(config=LlamaConfig(num_hidden_layers=2))
    assert [type(layer) for layer in cache.layers] == [DynamicLayer, DynamicLayer]
    assert not cache.layers[0].is_initialized


def test_trainer_has_the_methods_that_ours_replaces() -> None:
    from transformers import Trainer

    assert list(inspect.signature(Trainer.training_step).parameters)[:4] == [
        "self",
        "model",
        "inputs",
        "num_items_in_batch",
    ]
    assert hasattr(Trainer, "_save_checkpoint"), "transformers moved Trainer._save_checkpoint"


def test_trainer_takes_the_number_of_gpus_from_where_it_is_set(tmp_path: Path) -> None:
    from transformers import TrainingArguments

    from selfspec_assets.method.tuning.trainer import on_one_gpu

    arguments = TrainingArguments(output_dir=str(tmp_path), use_cpu=True, report_to="none")
    arguments._n_gpu = 4
    assert on_one_gpu(arguments).n_gpu == 1, "TrainingArguments.n_gpu no longer reads _n_gpu"
