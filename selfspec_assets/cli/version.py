"""``selfspec version``."""

from selfspec_assets import __version__
from selfspec_assets.base import printing
from selfspec_assets.cli.app import app


@app.command(epilog="Example: selfspec version")
def version() -> None:
    """Print the version."""
    printing.line(__version__)
