"""A recipe with ``automation: true``: what Dagster starts by itself, and when; a recipe without it starts nothing.

Dagster's own evaluation of the conditions, on a real instance; that a requested partition was made is reported to it.
"""

import json
from pathlib import Path

import dagster as dg
import pytest

from selfspec_assets.orchestration.builder import definitions_of
from selfspec_assets.orchestration.launcher import open_instance
from selfspec_assets.orchestration.partitions import asset_key
from selfspec_assets.recipe.recipe import load_recipe
from tests.conftest import Project

Requests = set[tuple[str, str]]
ITERATION = ("instructions", "passages", "responses", "adapter", "predictions", "scores")


class Watched:
    """The tiny recipe with automation, its sensor and its conditions."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self.instance, self.named = instance, load_recipe("tiny")
        self.definitions = definitions_of([self.named])
        self.flow = [key.path[-1] for key in self.definitions.resolve_asset_graph().get_all_asset_keys()]
        self._seen: str | None = None
        self._cursor: dg.AssetDaemonCursor | None = None  # type: ignore[name-defined]

    def look(self) -> set[str]:
        """One tick of the sensor, what it reports put into the instance; the partitions of ``files`` that changed."""
        result = self.definitions.resolve_sensor_def("tiny_files")(
            dg.build_sensor_context(instance=self.instance, cursor=self._seen)
        )
        if isinstance(result, dg.SkipReason):
            return set()
        assert isinstance(result, dg.SensorResult)
        for event in result.asset_events:
            self.instance.report_runless_asset_event(event)
        self._seen = result.cursor
        return {str(event.partition) for event in result.asset_events}

    def requested(self) -> Requests:
        """One evaluation of all conditions."""
        result = dg.evaluate_automation_conditions(self.definitions, instance=self.instance, cursor=self._cursor)
        self._cursor = result.cursor
        return {
            (name, str(partition))
            for name in self.flow
            for partition in result.get_requested_partitions(asset_key(self.named, name))
        }

    def make(self, requests: Requests) -> None:
        """As if the runs had gone through: also the event on what later iterations see."""
        for name, partition in requests:
            crosses = {"adapter": "published_adapters", "instructions": "published_instructions"}.get(name)
            for each in filter(None, (name, crosses)):
                event = dg.AssetMaterialization(asset_key(self.named, each), partition=partition)
                self.instance.report_runless_asset_event(event)

    def rest(self, rounds: int = 12) -> list[Requests]:
        """What is requested, round by round, each made before the next, until nothing is."""
        seen = []
        while requests := self.requested():
            assert len(seen) < rounds, "it does not come to rest"
            self.make(requests)
            seen.append(requests)
        return seen


def edit_seed(folder: Path) -> None:
    path = folder / "seeds" / "botany.jsonl"
    first, *others = path.read_text().splitlines()
    path.write_text("\n".join([json.dumps({**json.loads(first), "output": "green"}), *others]) + "\n")


def test_all_is_made_iteration_by_iteration_and_a_change_again(project: Project) -> None:
    project.recipe["automation"] = True
    project.save()
    with open_instance() as instance:
        watched = Watched(instance)
        assert watched.requested() == set(), "nothing is started before the files were looked at"
        assert {"botany|seeds", "botany|responses 1", "botany|responses 2"} <= watched.look()
        assert watched.look() == set()
        rounds = watched.rest()
        order = [request for requests in rounds for request in sorted(requests)]
        assert {(step, f"botany|{n}") for step in ITERATION for n in (1, 2)} <= set(order)
        assert order.index(("adapter", "botany|1")) < order.index(("instructions", "botany|2"))

        edit_seed(project.folder)
        assert watched.look() == {"botany|seeds"}
        again = set().union(*watched.rest())
        assert ("seeds", "botany") in again
        assert {(step, "botany|1") for step in ITERATION} <= again
        assert ("corpus", "botany") not in again
        assert ("benchmarks", "botany") not in again


@pytest.mark.parametrize(
    ("section", "key", "value", "changed"),
    [
        ("responses", "max_new_tokens", 9, {"botany|responses 1"}),  # the second iteration follows from the first
        ("responses", "contrast", {"alpha": 0.3}, {"botany|responses 2"}),  # the first has no contrast
        ("responses", "batch_size", 3, set()),
    ],
)
def test_a_changed_value_is_reported_where_it_counts_first(
    project: Project, section: str, key: str, value: object, changed: set[str]
) -> None:
    project.recipe["automation"] = True
    project.save()
    with open_instance() as instance:
        watched = Watched(instance)
        watched.look()
        project.recipe[section][key] = value
        project.save()
        assert watched.look() == changed
        (project.folder / "recipes" / "tiny.yaml").write_text("iterations: [")  # half written
        assert watched.look() == set()


def test_without_the_switch_there_is_neither_sensor_nor_condition(project: Project) -> None:
    definitions = definitions_of([load_recipe("tiny")])
    repository = definitions.get_repository_def()
    assert list(repository.sensor_defs) == []
    nodes = repository.asset_graph.asset_nodes
    assert all(node.automation_condition is None for node in nodes)
    assert asset_key(load_recipe("tiny"), "files") not in {node.key for node in nodes}
