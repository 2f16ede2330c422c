"""A running `selfspec ui`, asked over its GraphQL API."""

import json
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil

from tests.checkout import ROOT
from tests.conftest import Project

SELECTOR = {"repositoryName": "__repository__", "repositoryLocationName": "selfspec_assets.definitions"}


class Server:
    """A running `selfspec ui`.

    Attributes:
        was_killed: set by a test that killed all of it, so that nothing is left to stop.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.was_killed = False

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/graphql", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            value = json.load(answer)
        assert "errors" not in value, value["errors"]
        return dict(value["data"])

    def wait_for(self, what: str, ready: Any, seconds: float) -> Any:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                value = ready()
            except OSError:
                value = None
            if value:
                return value
            time.sleep(0.5)
        raise AssertionError(f"{what}: not within {seconds} s")

    def finished(self, run_id: str) -> str | None:
        run = self.ask("query($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }", id=run_id)["runOrError"]
        return run["status"] if run["status"] in ("SUCCESS", "FAILURE", "CANCELED") else None


@contextmanager
def serving(project: Project) -> Iterator[Server]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = (project.folder / "ui.log").open("w")
    shutil.copy(ROOT / "dagster.yaml", project.folder)  # as in a checkout
    process = subprocess.Popen(
        [sys.executable, "-m", "selfspec_assets", "ui", "--port", str(port)],
        cwd=project.folder,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    server = Server(port)
    try:
        location = "{ workspaceOrError { ... on Workspace { locationEntries { loadStatus } } } }"
        server.wait_for("the code location", lambda: "LOADED" in json.dumps(server.ask(location)), 240)
        yield server
        if not server.was_killed:
            assert_that_a_stop_ends_all_of_it(process)
        said = (project.folder / "ui.log").read_text()
        assert "Serving dagster-webserver" in said
        assert "will not be used" not in said
        assert "SupersessionWarning" not in said
    finally:
        for one in [*psutil.Process(process.pid).children(recursive=True), process] if process.poll() is None else ():
            one.kill()
        log.close()


def assert_that_a_stop_ends_all_of_it(process: subprocess.Popen[bytes]) -> None:
    tree = psutil.Process(process.pid).children(recursive=True)
    assert len(tree) >= 4, "dagster dev, its web server, its daemon, a code server"
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 128 + signal.SIGTERM
    assert [child for child in tree if child.is_running() and child.status() != psutil.STATUS_ZOMBIE] == []


LAUNCH = """mutation($params: ExecutionParams!) { launchRun(executionParams: $params) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message }
  ... on InvalidSubsetError { message } ... on RunConfigValidationInvalid { errors { message } } } }"""


def launch(server: Server, partition: str, names: tuple[str, ...]) -> str:
    tags = {"dagster/partition": partition}
    if "|" in partition:
        tags |= dict(
            zip(("dagster/partition/domain", "dagster/partition/iteration"), partition.split("|"), strict=True)
        )
    params = {
        "selector": {
            **SELECTOR,
            "pipelineName": "__ASSET_JOB",
            "assetSelection": [{"path": ["tiny", n]} for n in names],
        },
        "runConfigData": "{}",
        "executionMetadata": {"tags": [{"key": key, "value": value} for key, value in tags.items()]},
    }
    answer = server.ask(LAUNCH, params=params)["launchRun"]
    assert answer["__typename"] == "LaunchRunSuccess", answer
    return str(answer["run"]["runId"])
