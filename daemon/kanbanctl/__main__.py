"""Where ``kanbanctl`` begins: as little as possible before the command is known."""

import gc
import sys


def main() -> None:
    """Run the command that was typed and exit with its code."""
    # Importing makes many objects and no garbage; collecting meanwhile took 6 to 11 %
    # of the time of ``status``. ``parsing.Command`` turns the collector on again.
    gc.disable()
    try:
        from kanbanctl.cli import run  # noqa: PLC0415 (Ctrl-C may come this early)

        code = run(sys.argv[1:])
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)


if __name__ == "__main__":
    main()
