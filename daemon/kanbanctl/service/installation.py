"""One installation: which manager, which files; what the three commands share."""

import os
import sys
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import click

from kanbanctl.failures import Refused
from kanbanctl.service import files, texts
from kanbanctl.service.manager import Manager
from kanbanctl.service.texts import PROGRAMS, Scope, Wanted

STATE_DIRS: Final[dict[Scope, str]] = {
    "user": "~/.local/state/kanban",
    "system": "/var/lib/kanban",
}


class Installation(NamedTuple):
    """What is to be at its place, and who is asked to start it."""

    manager: Manager
    wanted: list[Wanted]

    @property
    def scope(self) -> Scope:
        """Which manager."""
        return self.manager.scope

    @property
    def state_dir(self) -> str:
        """As the units have it; no command here touches it."""
        return os.path.expanduser(STATE_DIRS[self.scope])  # noqa: PTH111 (a text)

    @property
    def kept(self) -> list[str]:
        """What stays when the units go."""
        places = [self.state_dir, *map(str, files.drop_ins(self.wanted))]
        return [*places, "/etc/kanban"] if self.scope == "system" else places

    @property
    def edit(self) -> str:
        """How a person changes a unit."""
        return self.manager.spelled("edit", texts.DAEMON)

    def compared(self) -> list[files.Compared]:
        """What is wanted, with what is there."""
        return files.compare(self.wanted)


def of(scope: Scope | None, programs: str | None) -> Installation:
    """What would be installed. ``scope``: None is root's and the system's, anybody
    else's and the user's. ``programs``: their folder; None: beside us.

    Raises ``Refused`` where it cannot be; ``BadInput`` for wrong programs.
    """
    chosen = scope or ("user" if os.geteuid() else "system")
    folder = _programs(programs)
    wanted = texts.wanted(chosen, files.units_dir(chosen, os.environ), folder)
    return Installation(Manager(chosen, os.environ), wanted)


def present(scope: Scope | None) -> Installation:
    """As it was installed: with the programs that the daemon's unit names."""
    chosen = scope or ("user" if os.geteuid() else "system")
    units = files.units_dir(chosen, os.environ)
    folder = texts.programs_in(
        files.compare([Wanted(units / texts.DAEMON, "")])[0].found
    )
    wanted = texts.wanted(chosen, units, folder or texts.USUAL[chosen])
    return Installation(Manager(chosen, os.environ), wanted)


def require_root(scope: Scope | None) -> None:
    """Raises ``Refused`` for anybody else who would change the system's."""
    if scope == "system" and os.geteuid():
        raise Refused(
            "only root has services of the system; say 'sudo kanbanctl service …', or "
            "take your own manager with --user."
        )


def require_roots_own(scope: Scope | None, programs: str | None) -> None:
    """Raises ``Refused`` where others than root could change what is to run as root.
    ``scope``, ``programs``: as for ``of``."""
    if scope == "user" or os.geteuid():
        return
    folder = _programs(programs)
    paths = [*(f"{folder}/{name}" for name in PROGRAMS), sys.executable, __file__]
    if loose := files.others_may_change(paths):
        raise Refused(
            f"others than root may change {loose}, and a service of the system would "
            "run it as root. Install kanband for root alone, such as with 'sudo pipx "
            "install --global kanband' or into a venv below /opt."
        )


def _programs(told: str | None) -> str:
    return files.programs_dir(told, [_here(), os.path.dirname(sys.executable)])  # noqa: PTH120 (a text)


def _here() -> str:
    return os.path.dirname(os.path.abspath(sys.argv[0]))  # noqa: PTH100, PTH120 (a text)


def scope_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--user`` and ``--system``; unset it is the one that fits who asks."""
    for name, text in (
        ("system", "The system's manager; what root gets."),
        ("user", "Your own manager; what everybody else gets."),
    ):
        option = click.option(f"--{name}", "scope", flag_value=name, help=text)
        command = option(command)
    return command


def programs_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Where the programs are."""
    return click.option(
        "--programs",
        metavar="DIR",
        type=click.Path(resolve_path=False),
        help="Where kanband's programs are (else beside this one).",
    )(command)
