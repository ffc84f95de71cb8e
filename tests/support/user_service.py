"""kanband as a person installs it: the units of this project under their own manager.

The units are taken as they are. The programs that they name are small scripts, which
lead to the interpreter and the code that run the tests.
"""

import os
import sys
from pathlib import Path
from typing import Final, TypeVar

from kanban_ipc import control, layout
from kanban_ipc.words import TicketState
from support.control import call
from support.deadline import eventually
from support.settings import BRISK, toml
from support.systemd_lab import REPOSITORY, UID, USER, Lab

R = TypeVar("R", bound=control.Reply)

DAEMON: Final = "kanband.service"
WORKERS: Final = "kanban-workers.service"
PROGRAMS: Final = {
    "kanband": "kanband",
    "kanban-worker": "kanban_worker",
    "kanbanctl": "kanbanctl",
}
HOME: Final = f"/home/{USER}"
SOCKET: Final = f"/run/user/{UID}/kanban/{layout.CONTROL_SOCKET}"


class UserService:
    """One installation on a machine that has none. Process ids are the machine's."""

    def __init__(self, lab: Lab, config: str = toml(BRISK)) -> None:
        """Installs; starts nothing. ``config``: the TOML of ``kanban.toml``."""
        self.lab = lab
        for program, package in PROGRAMS.items():
            self.write(f".local/bin/{program}", _script(package), mode=0o755)
        for unit in (REPOSITORY / "systemd").iterdir():
            self.write(f".config/systemd/user/{unit.name}", unit.read_text())
        self.write(".config/kanban/kanban.toml", config)
        self.systemctl("daemon-reload")

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """A file in the person's home, and its folders."""
        (draft := self.lab.shared / "draft").write_text(text)
        self.lab.user("install", "-D", f"-m{mode:o}", str(draft), f"{HOME}/{path}")

    def systemctl(self, *words: str, check: bool = True) -> str:
        """Of the person's own manager. Waits for the job's end, as systemctl does."""
        return self.lab.user("systemctl", "--user", *words, check=check).strip()

    def edit(self, unit: str, text: str) -> None:
        """As ``systemctl edit`` does it: a file beside the unit's."""
        self.write(f".config/systemd/user/{unit}.d/override.conf", text)
        self.systemctl("daemon-reload")

    def start(self) -> "UserService":
        """Returns when the daemon is READY."""
        self.systemctl("enable", "--now", DAEMON)
        return self

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

    def add(self, title: str, instructions: str) -> int:
        """By ``kanbanctl``, as the person; for the built-in agent ``shell``."""
        words = ["add", title, "-q", "--ready", "--agent", "shell", "-i", instructions]
        return int(self.lab.user(f"{HOME}/.local/bin/kanbanctl", *words))

    def ask(self, wish: control.Call, reply: type[R]) -> R:
        """One call on the control socket, as root."""
        return call(self.lab.outside(SOCKET), wish, reply)

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
            found = worker.state == "RUNNING" and worker.pid != other_than
            return (worker.pid or 0) if found else 0

        return eventually(up, "a worker RUNNING")

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
