"""What is taken from Dagster's private modules: all of it, so that a version that moves it shows in one place.

Dagster has no public name for how a run launcher says whether a run's process lives or asks for its instance, nor a
command that starts the UI for a workspace file (``dg dev`` wants a project in a form of its own).
"""

import warnings

import dagster as dg
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus

__all__ = ["CheckRunHealthResult", "WorkerStatus", "instance_of", "serve_ui"]


def instance_of(launcher: dg.DefaultRunLauncher) -> dg.DagsterInstance:
    """The instance that a launcher belongs to."""
    return launcher._instance


def serve_ui() -> None:
    """Dagster's web server, daemon and code servers, told by this process's command line, until they are ended."""
    from dagster._cli.dev import dev_command

    warnings.filterwarnings("ignore", "Function `dev_command` is superseded")
    dev_command()
