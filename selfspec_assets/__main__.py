"""``python -m selfspec_assets``, and the ``selfspec`` command."""

import signal


def main() -> None:
    """Runs the command line; Ctrl-C leaves no traceback while the modules are loaded, which takes a second or two."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:  # a command in the background was told to ignore it
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from selfspec_assets import cli

    signal.signal(signal.SIGINT, before)
    cli.main()


if __name__ == "__main__":
    main()
