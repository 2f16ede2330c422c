"""``selfspec ui``."""

from typing import Annotated

import typer

from selfspec_assets.base import home
from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.cli.app import app, speaks_plainly


@app.command(epilog="Example: selfspec ui --port 3000")
@speaks_plainly
def ui(port: Annotated[int, typer.Option(min=1, max=65535)] = 3000) -> None:
    """Open Dagster's UI on 127.0.0.1, with the daemon that runs backfills and queues. Ctrl-C ends all of it."""
    from selfspec_assets.orchestration.launcher import open_instance
    from selfspec_assets.orchestration.ui import serve

    workspace = home.find("workspace.yaml")
    if workspace is None:
        raise SelfspecError("workspace.yaml", "is missing", "reinstall selfspec")
    with open_instance():
        pass  # made here, under its lock, before the server's processes open it
    raise typer.Exit(serve(["-w", str(workspace), "-h", "127.0.0.1", "-p", str(port)]))
