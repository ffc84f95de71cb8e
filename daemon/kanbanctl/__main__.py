"""Where ``kanbanctl`` begins: as little as possible before the command is known."""

import gc
import os
import sys


def main() -> None:
    """Run the command that was typed and exit with its code."""
    # Importing makes many objects and no garbage; collecting meanwhile took 6 to 11 %
    # of the time of ``status``. ``parsing.Command`` turns the collector on again.
    gc.disable()
    if None in (sys.stdin, sys.stdout, sys.stderr):
        _open_closed_streams()
    try:
        from kanbanctl.cli import run  # noqa: PLC0415 (Ctrl-C may come this early)

        code = run(sys.argv[1:])
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)


def _open_closed_streams() -> None:
    """What the caller has closed is the null device: nobody is to be answered there,
    and no socket of ours may take its number.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:  # noqa: PLR2004 - stderr
        pass
    os.close(descriptor)
    for name, number, mode in (
        ("stdin", 0, "r"),
        ("stdout", 1, "w"),
        ("stderr", 2, "w"),
    ):
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, encoding="utf-8"))  # noqa: PTH123, SIM115


if __name__ == "__main__":
    main()
