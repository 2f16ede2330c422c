"""The UI's own server: lineage, a launched materialisation and an ordered backfill, all over its GraphQL API."""

import duckdb
import pytest

from tests.conftest import Project
from tests.ui_server import launch, serving

STEPS = ("instructions", "passages", "responses", "adapter", "predictions", "scores")


BACKFILL = """mutation($params: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $params) {
  __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"""


@pytest.mark.timeout(600)
def test_lineage_launch_and_backfill(project: Project) -> None:
    project.recipe["scores"]["shots"] = [0]
    project.save()
    with serving(project) as server:
        nodes = server.ask("{ assetNodes { assetKey { path } dependencyKeys { path } } }")["assetNodes"]
        edges = {
            (tuple(up["path"])[-1], tuple(node["assetKey"]["path"])[-1])
            for node in nodes
            if node["assetKey"]["path"][0] == "tiny"
            for up in node["dependencyKeys"]
        }
        flow = {
            ("seeds", "instructions"),
            ("instructions", "passages"),
            ("corpus", "passages"),
            ("passages", "responses"),
            ("responses", "adapter"),
            ("adapter", "predictions"),
            ("predictions", "scores"),
            ("base_predictions", "scores"),
        }
        assert flow | {("published_adapters", "instructions"), ("published_adapters", "responses")} <= edges

        own = launch(server, "botany", ("seeds", "corpus", "benchmarks", "base_predictions", "base_scores"))
        assert server.wait_for("the domain's assets", lambda: server.finished(own), 120) == "SUCCESS"
        first = launch(server, "botany|1", STEPS)
        assert server.wait_for("botany|1", lambda: server.finished(first), 180) == "SUCCESS"

        # Iteration 1 anew with another number of epochs, then 2: the backfill must go in order by itself.
        project.recipe["adapter"]["epochs"] = 5
        project.save()
        server.ask(
            'mutation { reloadRepositoryLocation(repositoryLocationName: "selfspec_assets.definitions") '
            "{ __typename } }"
        )
        answer = server.ask(
            BACKFILL,
            params={
                "assetSelection": [{"path": ["tiny", name]} for name in STEPS],
                "partitionNames": ["botany|1", "botany|2"],
            },
        )["launchPartitionBackfill"]
        assert answer["__typename"] == "LaunchBackfillSuccess", answer
        status = (
            "query($id: String!) { partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { status } } }"
        )
        done = server.wait_for(
            "the backfill",
            lambda: (lambda found: found if found.startswith("COMPLETED") or found in ("FAILED", "CANCELED") else None)(
                server.ask(status, id=answer["backfillId"])["partitionBackfillOrError"]["status"]
            ),
            240,
        )
        assert done == "COMPLETED_SUCCESS"
    with duckdb.connect(str(project.database), read_only=True) as connection:
        rows = connection.execute(
            "SELECT iteration, min(started_at), max(started_at) FROM runs WHERE iteration > 0 GROUP BY 1 ORDER BY 1"
        ).fetchall()
        pair = connection.execute("""SELECT DISTINCT r.adapter_digest = a.adapter_digest FROM responses r
            JOIN adapters a ON a.iteration = 1 WHERE r.iteration = 2""").fetchall()
    assert [row[0] for row in rows] == [1, 2]
    assert rows[0][2] <= rows[1][1]
    assert pair == [(True,)]
