"""kanband as a person installs it: by ``kanbanctl service install``, on a machine of
its own, under their own manager or the system's.

The units are taken as they are. The programs that they name are small scripts, which
lead to the interpreter and the code that run the tests.
"""

import os
import shlex
import sys
from pathlib import Path
from typing import Final, Literal, NamedTuple, TypeVar

from kanban_ipc import control, layout
from kanban_ipc.words import TicketState
from support.control import call
from support.deadline import eventually
from support.settings import BRISK, toml
from support.systemd_lab import UID, USER, Lab

R = TypeVar("R", bound=control.Reply)
Scope = Literal["user", "system"]

DAEMON: Final = "kanband.service"
WORKERS: Final = "kanban-workers.service"
PROGRAMS: Final = {
    "kanband": "kanband",
    "kanban-worker": "kanban_worker",
    "kanbanctl": "kanbanctl",
}
HOME: Final = f"/home/{USER}"


class Places(NamedTuple):
    """Where an installation has what."""

    programs: str
    units: str
    config: str
    state: str
    runtime: str

    @property
    def socket(self) -> str:
        """The daemon's."""
        return f"{self.runtime}/{layout.CONTROL_SOCKET}"


PLACES: Final[dict[Scope, Places]] = {
    "user": Places(
        programs=f"{HOME}/.local/bin",
        units=f"{HOME}/.config/systemd/user",
        config=f"{HOME}/.config/kanban/kanban.toml",
        state=f"{HOME}/.local/state/kanban",
        runtime=f"/run/user/{UID}/kanban",
    ),
    "system": Places(
        programs="/usr/local/bin",
        units="/etc/systemd/system",
        config="/etc/kanban/kanban.toml",
        state="/var/lib/kanban",
        runtime="/run/kanban",
    ),
}


class UnitService:
    """One installation on a machine that has none. Process ids are the machine's."""

    def __init__(
        self, lab: Lab, config: str = toml(BRISK), *, scope: Scope = "user"
    ) -> None:
        """Installs; starts nothing. ``config``: the TOML of ``kanban.toml``."""
        self.lab, self.scope, self.places = lab, scope, PLACES[scope]
        self._since = lab.root("journalctl", "-n0", "--show-cursor").split()[-1]
        for program, package in PROGRAMS.items():
            self.write(f"{self.places.programs}/{program}", _script(package), 0o755)
        self.write(self.places.config, config)
        self.install("--no-start")

    def ctl(self, *words: str, check: bool = True) -> str:
        """``kanbanctl``, as whoever owns the service."""
        program = f"{self.places.programs}/kanbanctl"
        return self.execute(program, *words, check=check)

    def install(self, *words: str, check: bool = True) -> str:
        """``kanbanctl service install``."""
        # The programs are scripts that lead elsewhere, so they are named.
        where = (f"--{self.scope}", "--programs", self.places.programs)
        return self.ctl("service", "install", *where, *words, check=check)

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """A file of the service's owner, and its folders."""
        (draft := self.lab.shared / "draft").write_text(text)
        self.execute("install", "-D", f"-m{mode:o}", str(draft), path)

    def systemctl(self, *words: str, check: bool = True) -> str:
        """Of the manager. Waits for the job's end, as systemctl does."""
        return self.execute("systemctl", f"--{self.scope}", *words, check=check).strip()

    def edit(self, unit: str, text: str) -> None:
        """As ``systemctl edit`` does it: a file beside the unit's."""
        self.write(f"{self.places.units}/{unit}.d/override.conf", text)
        self.systemctl("daemon-reload")

    def start(self) -> "UnitService":
        """Returns when the daemon is READY."""
        self.systemctl("enable", "--now", DAEMON)
        return self

    def journal(self) -> str:
        """What was said since this was installed."""
        command = ["journalctl", "--no-pager", "-o", "short-monotonic"]
        return self.lab.root(*command, f"--after-cursor={self._since}")

    def entries(self, *fields: str) -> str:
        """What the machine's journal has with these ``NAME=value`` fields."""
        # No cursor: with fields, 252 loses the first entry after it.
        return self.lab.root("journalctl", "--no-pager", "-q", "-o", "cat", *fields)

    def remove(self) -> None:
        """Leave the machine without it, whatever became of it; its journal is told."""
        sys.stdout.write(self.journal())
        manage = f"systemctl --{self.scope}"
        places = shlex.join(
            [self.places.state, self.places.runtime, self.places.config]
        )
        units = f"{self.places.units}/kanb* {self.places.units}/*.wants/kanb*"
        self.execute(
            "sh",
            "-c",
            f"{manage} stop --no-block kanband 'kanban*'; "
            f"{manage} kill -s KILL 'kanban*.service'; {manage} stop 'kanban*'; "
            f"rm -rf {places} {units}; {manage} daemon-reload; {manage} reset-failed",
            check=False,
        )
        for left in self.lab.shared.iterdir():
            left.unlink()

    def execute(self, *argv: str, check: bool = True) -> str:
        """A command of the owner's."""
        as_owner = self.lab.user if self.scope == "user" else self.lab.root
        return as_owner(*argv, check=check)

    # ------------------------------------------------------------------- units

    def show(self, unit: str, name: str) -> str:
        """One property."""
        return self.systemctl("show", unit, "-P", name)

    def main_pid(self, unit: str = DAEMON) -> int:
        """0 when it has none."""
        return int(self.show(unit, "MainPID"))

    def pids(self, unit: str) -> list[int]:
        """Everything in the unit's control group; empty when that is no more."""
        group = self.show(unit, "ControlGroup")
        file = f"/sys/fs/cgroup{group}/cgroup.procs"
        # Read inside, where the kernel gives the machine's own numbers.
        read = f"test -z '{group}' || cat {file} 2>/dev/null || :"
        return sorted(map(int, self.lab.root("sh", "-c", read).split()))

    def kill(self, pid: int, name: str = "KILL") -> None:
        self.lab.root("kill", f"-{name}", str(pid))

    def next_daemon(self, before: int) -> int:
        """The pid of the one after ``before``, once it is READY."""

        def ready() -> int:
            up = self.show(DAEMON, "ActiveState") == "active"
            return self.main_pid() if up else 0

        return eventually(lambda: (pid := ready()) != before and pid, "a next daemon")

    # ------------------------------------------------------------------- words

    def add(self, title: str, instructions: str, *words: str) -> int:
        """By ``kanbanctl``, as the owner; for the built-in agent ``shell``."""
        ready = ["add", title, "-q", "--ready", "--agent", "shell", "-i", instructions]
        return int(self.ctl(*ready, *words))

    def ask(self, wish: control.Call, reply: type[R]) -> R:
        """One call on the control socket, as root."""
        return call(self.lab.outside(self.places.socket), wish, reply)

    def status(self) -> control.StatusReply:
        """The daemon's."""
        return self.ask(control.StatusCall(), control.StatusReply)

    def worker(self, *, other_than: int = 0) -> int:
        """The pid of the only worker, once it is RUNNING."""

        def up() -> int:
            workers = self.status().workers
            if not workers:
                return 0  # One of its own is not known before its hello.
            [worker] = workers
            return self.running(worker.worker_id, other_than=other_than)

        return eventually(up, "a worker RUNNING")

    def running(self, worker_id: str, *, other_than: int = 0) -> int:
        """A worker's pid; 0 while it is not RUNNING, or is still ``other_than``."""
        for worker in self.status().workers:
            if worker.worker_id == worker_id and worker.state == "RUNNING":
                return worker.pid or 0 if worker.pid != other_than else 0
        return 0

    def spawner(self, *, other_than: int = 0) -> int:
        """The pid of the spawner that the daemon uses."""

        def known() -> int:
            pid = self.status().daemon.spawner_pid or 0
            return pid if pid != other_than else 0

        return eventually(known, "a spawner")

    def rested(self, ticket: int) -> TicketState:
        """The state in which the system leaves it."""
        wish = control.WaitCall(ids=[ticket], states=[])
        [found] = self.ask(wish, control.TicketsReply).tickets
        return found.state

    def runs(self, ticket: int) -> list[control.Run]:
        """Newest first."""
        wish = control.RunsCall(ticket_id=ticket, limit=100)
        return self.ask(wish, control.RunsReply).runs

    def run(self, ticket: int) -> control.Run:
        """The ticket's only run."""
        [run] = self.runs(ticket)
        return run

    def output(self, run: control.Run) -> str:
        """What the agent wrote to its standard output."""
        return self.lab.outside(Path(run.run_dir) / layout.RUN_STDOUT).read_text()


def run_unit(run: control.Run) -> str:
    """The unit that holds a run."""
    return f"kanban-run-{run.id}.service"


def _script(package: str) -> str:
    # An editable installation is found by the interpreter itself.
    path = os.environ.get("PYTHONPATH", "")
    folders = ":".join(str(Path(part).resolve()) for part in path.split(":") if part)
    start = f"PYTHONPATH={folders} exec {sys.executable} -P -m {package}"
    return f'#!/bin/sh\n{start} "$@"\n'
