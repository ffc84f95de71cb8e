"""``kanban-worker``: which of the worker's programs is meant.

``--connect`` is a worker that a person or a service manager starts. ``--reap RUN_DIR
[--grace S]`` finds out what became of a run that nobody adopts and ends it;
``--prune-worktree DIR`` gives the worktree of a ticket that is done back to git;
``--spawner …`` is the process that forks workers. These three are started by the
daemon, and in managed mode every worker is forked by the spawner.
"""

import argparse
import math
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NoReturn

from kanban_ipc.bounds import SLOTS_MAX
from kanban_ipc.version import VERSION
from kanban_ipc.words import WORKER_ID
from kanban_worker import reap, spawner
from kanban_worker.git.command import Git
from kanban_worker.git.prune import Candidate, prune

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
    if options.prune_worktree:
        return _prune(options)
    if options.reap is None:
        return _connect(options)
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


def _prune(options: argparse.Namespace) -> int:
    path = Path(options.prune_worktree)
    candidate = Candidate(path, options.repo, options.base)
    reason = prune(Git(), Path(options.locks), candidate, dry_run=options.dry_run)
    sys.stdout.write(f"{reason}\n" if reason else "")
    return 0


def _connect(options: argparse.Namespace) -> int:
    # It imports the link, which neither the reaper nor a usage error needs.
    from kanban_worker import connect  # noqa: PLC0415

    wish = connect.Wish(
        where=options.connect,
        worker_id=options.id or "",
        slots=options.slots,
        agents=tuple(dict.fromkeys(options.agent)),
        repo=options.repo,
    )
    return connect.connect(wish, os.environ)


def _parser() -> Parser:
    parser = Parser(
        "kanban-worker",
        usage="kanban-worker --connect [WHERE] [--id ID] [--slots N] [--agent A]… "
        "[--repo DIR] | --reap RUN_DIR [--grace S] | --prune-worktree DIR … | "
        "--spawner … | --version",
        description="A managed kanband starts its workers itself; by hand, there is:",
    )
    parser.add_argument("--version", action="version", version=VERSION)
    program = parser.add_mutually_exclusive_group(required=True)
    program.add_argument(
        "--connect",
        metavar="WHERE",
        nargs="?",
        const="",
        help="be a worker of the kanband whose runtime directory (or link) this is; "
        "without it, of the one at the usual place. SIGTERM and Ctrl-C drain",
    )
    program.add_argument(
        "--reap", metavar="RUN_DIR", help="end a run, print what became"
    )
    program.add_argument(
        "--prune-worktree",
        metavar="DIR",
        help="remove it, if nothing is in it alone; print why not",
    )
    parser.add_argument("--id", type=_name, help="its name")
    parser.add_argument(
        "--slots", metavar="N", type=_slots, default=0, help="runs at a time"
    )
    parser.add_argument(
        "--agent", metavar="A", action="append", default=[], help="only such tickets"
    )
    parser.add_argument(
        "--repo",
        metavar="DIR",
        default="",
        help="only this repository's tickets; of a worktree: its repository",
    )
    parser.add_argument("--base", metavar="BRANCH", default="", help="of its ticket")
    parser.add_argument("--locks", metavar="DIR", default="", help="of repositories")
    parser.add_argument("--dry-run", action="store_true", help="remove nothing")
    parser.add_argument(
        "--grace", metavar="S", type=_seconds, default=GRACE_S, help="TERM to KILL"
    )
    return parser


def _name(text: str) -> str:
    if WORKER_ID.fullmatch(text) is None:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a name: a-z, 0-9, '.', '_', '-', 63 characters at most"
        )
    return text


def _slots(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= SLOTS_MAX:
        raise argparse.ArgumentTypeError(f"{text!r} is not from 1 to {SLOTS_MAX}")
    return int(text)


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
