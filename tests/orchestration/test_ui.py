"""The UI's own server: lineage, a launched materialisation and an ordered backfill, all over its GraphQL API."""

import duckdb
import pytest

from tests.conftest import Project
from tests.ui_server import launch, serving

STEPS = ("instructions", "passages", "responses", "adapter", "predictions", "scores")


BACKFILL = """mutation($params: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $params) {
  __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"""


def signature_of_scores(project: Project) -> str:
    with duckdb.connect(str(project.database), read_only=True) as connection:
        ((signature,),) = connection.execute("SELECT signature FROM revisions WHERE step = 'scores'").fetchall()
    return str(signature)


@pytest.mark.timeout(600)
def test_lineage_launch_and_backfill(begun: Project) -> None:
    begun.recipe["scores"]["resamples"] = 100
    begun.save()
    with serving(begun) as server:
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
            ("corpus", "index"),
            ("index", "passages"),
            ("passages", "responses"),
            ("responses", "adapter"),
            ("adapter", "predictions"),
            ("predictions", "scores"),
            ("base_predictions", "scores"),
        }
        assert flow | {("published_adapters", "instructions"), ("published_adapters", "responses")} <= edges

        before = signature_of_scores(begun)
        scores = launch(server, "botany|1", ("scores",))
        assert server.wait_for("the scores", lambda: server.finished(scores), 120) == "SUCCESS"
        assert signature_of_scores(begun) != before

        # Iteration 1 anew with another number of epochs, then 2: the backfill must go in order by itself.
        begun.recipe["adapter"]["epochs"] = 5
        begun.save()
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
    with duckdb.connect(str(begun.database), read_only=True) as connection:
        rows = connection.execute(
            "SELECT iteration, min(started_at), max(started_at) FROM runs WHERE iteration > 0 GROUP BY 1 ORDER BY 1"
        ).fetchall()
        pair = connection.execute("""SELECT DISTINCT r.adapter_digest = a.adapter_digest FROM responses r
            JOIN adapters a ON a.iteration = 1 WHERE r.iteration = 2""").fetchall()
    assert [row[0] for row in rows] == [1, 2]
    assert rows[0][2] <= rows[1][1]
    assert pair == [(True,)]
