"""The command line, a file for each command."""

from selfspec_assets.cli.app import main

__all__ = ["main"]
