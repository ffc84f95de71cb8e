"""``kanban-worker``: which of the worker's programs is meant.

``--reap RUN_DIR [--grace S]`` finds out what became of a run that nobody adopts and
ends it; ``--spawner …`` is the process that forks workers. Both are started by the
daemon; a worker itself is only ever forked by the spawner.
"""

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NoReturn

from kanban_ipc.version import VERSION
from kanban_worker import reap, spawner

EXIT_USAGE: Final = 100
GRACE_S: Final = 10.0
SPAWNER: Final = "--spawner"


class Parser(argparse.ArgumentParser):
    """Leaves with our code for a wrong use."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and what is right."""
        self.exit(EXIT_USAGE, f"kanban-worker: {message}\n{self.format_usage()}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program that the command line (or ``argv``) means; its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == [SPAWNER]:
        return spawner.main(arguments[1:])
    options = _parser().parse_args(arguments)
    # A run that no worker has begun has no directory of its own yet.
    runs = Path(options.reap).parent
    if not runs.is_dir():
        sys.stderr.write(f"kanban-worker: there is no directory for runs at {runs}\n")
        return EXIT_USAGE
    try:
        return reap.main(options.reap, options.grace)
    except OSError as error:
        text = f"kanban-worker: the run in {options.reap} cannot be reaped: {error}\n"
        sys.stderr.write(text)
        return 1


def _parser() -> Parser:
    parser = Parser(
        "kanban-worker",
        usage="kanban-worker --reap RUN_DIR [--grace S] | --spawner … | --version",
        description="Workers are started by kanband; by hand, there is this:",
    )
    parser.add_argument("--version", action="version", version=VERSION)
    parser.add_argument(
        "--reap", metavar="RUN_DIR", required=True, help="end a run, print what became"
    )
    parser.add_argument(
        "--grace", metavar="S", type=_seconds, default=GRACE_S, help="TERM to KILL"
    )
    return parser


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")
    return seconds


if __name__ == "__main__":
    sys.exit(main())
