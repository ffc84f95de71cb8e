"""The table of commands, and the way from an exception to an exit code."""

import signal
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

import click

from kanbanctl.failures import EXIT_INTERRUPTED, Failure
from kanbanctl.output import complain
from kanbanctl.parsing import Group
from kanbanctl.session import Session

PACKAGE: Final = "kanbanctl.commands"
TOPICS: Final[Mapping[str, Sequence[str]]] = {
    "Daemon": (
        "status",
        "reload",
        "agents",
        "doctor",
        "backup",
        "gc",
        "drain",
        "upgrade",
        "shutdown",
        "service",
    ),
    "Workers": (
        "workers",
        "start-worker",
        "stop-worker",
        "restart-worker",
        "scale",
        "reset-failed",
        "logs",
    ),
    "Tickets": (
        "add",
        "import",
        "export",
        "list",
        "show",
        "edit",
        "comment",
        "ready",
        "move",
        "block",
        "retry",
        "answer",
        "cancel",
        "why",
        "wait",
        "delete",
    ),
    "Runs": ("runs", "run"),
    "Inside a run, by its agent": ("progress", "note", "ask"),
    "Boards, queue and journal": ("board", "boards", "queue", "schedule", "events"),
    "Shell": ("completion",),
}
"""Every command by what it is about; its file has its name."""


def module_of(name: str) -> str:
    """The module of a command: ``start-worker`` is in ``start_worker``."""
    stem = name.replace("-", "_")
    # A module cannot have a keyword's name.
    return f"{PACKAGE}.{'import_' if stem == 'import' else stem}"


def _version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if not value:
        return
    from importlib import metadata  # noqa: PLC0415 (start-up time)

    try:
        click.echo(f"kanbanctl {metadata.version('kanband')}")
    except metadata.PackageNotFoundError:
        click.echo("kanbanctl (run from its source, not installed)")
    ctx.exit()


ROOT: Final = Group(
    "kanbanctl",
    help="Talk to kanband: its queue of tickets, its workers and their runs.",
    epilog="Exit codes: 0 done, 1 refused, 2 usage, 69 daemon unreachable, 75 timed "
    "out; 'status': 0 running, 3 nobody listens, 4 no answer.",
    sections={
        topic: {name: module_of(name) for name in names}
        for topic, names in TOPICS.items()
    },
    params=[
        click.Option(
            ["--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_version,
            help="Show the version.",
        ),
    ],
    no_args_is_help=True,
)


def run(arguments: Sequence[str]) -> int:
    """Run a command line; the exit code. Nothing is raised for what people may do."""
    # As 'head' and 'less' expect it: who reads no more ends us without a word.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    session = Session()
    try:
        code = _dispatch(arguments, session)
        sys.stdout.flush()
    except Failure as failure:
        session.report(failure)
        return failure.exit_code
    except OSError as error:
        complain(f"cannot write the answer: {error.strerror or error}.")
        return 1
    return code


def _dispatch(arguments: Sequence[str], session: Session) -> int:
    try:
        result: Any = ROOT.main(
            args=list(arguments),
            prog_name="kanbanctl",
            standalone_mode=False,
            obj=session,
        )
    except click.Abort:
        return EXIT_INTERRUPTED
    except click.ClickException as error:
        sys.stdout.flush()
        error.show()
        return error.exit_code
    return result if isinstance(result, int) else 0
