"""A whole kanband of a test's own: started, asked, hurt and cleared away.

Everything lives under the test's folder but the runtime directory: the path of a
Unix socket has 107 bytes, and pytest's folders alone can be longer.
"""

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from kanban_ipc import control, layout
from kanban_ipc.words import TicketState
from support import traces
from support.control import call
from support.deadline import eventually
from support.hand_worker import HandWorker
from support.notify import Notify

R = TypeVar("R", bound=control.Reply)

READY_S = 30.0
TOKEN = "SYSTEM_UNDER_TEST"
ALIEN_PREFIXES = ("KANBAN_", "XDG_", "WORKER_", "QUEUE_", "GIT_")
ALIEN = (
    "COLUMNS",
    "NOTIFY_SOCKET",
    "WATCHDOG_USEC",
    "STATE_DIRECTORY",
    "RUNTIME_DIRECTORY",
)


class NotReady(Exception):
    """The daemon ended before it was ready."""

    def __init__(self, code: int, output: str) -> None:
        super().__init__(f"kanband ended with {code} before READY:\n{output}")
        self.code = code
        self.output = output


class System:
    """One state directory, and the daemon that serves it now."""

    def __init__(self, root: Path, config: str = "") -> None:
        """``root``: an empty folder. ``config``: the TOML of ``kanban.toml``."""
        self.state = root / "state"
        self.config = root / "kanban.toml"
        self.output = root / "daemon.out"
        self.home = root / "home"
        self.home.mkdir(parents=True)
        self.config.write_text(config)
        self.runtime = Path(tempfile.mkdtemp(prefix="kanband-", dir="/tmp"))
        self.socket = self.runtime / layout.CONTROL_SOCKET
        self.token = secrets.token_hex(8)
        self.notify = Notify(self.runtime / "notify.sock")
        self.extra: dict[str, str] = {}
        """Further variables of everything that is started here."""
        self._daemon: subprocess.Popen[bytes] | None = None
        self._hands: list[HandWorker] = []

    # ------------------------------------------------------------ the daemon

    @property
    def environment(self) -> dict[str, str]:
        """Of everything that is started here: this test's, cleaned, and its token."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if name not in ALIEN and not name.startswith(ALIEN_PREFIXES)
        }
        return kept | {"HOME": str(self.home), TOKEN: self.token} | self.extra

    def command(self, *words: str) -> list[str]:
        """How this system's daemon is started."""
        places = ("--config", self.config, "--state-dir", self.state)
        runtime = ("--runtime-dir", self.runtime)
        return [sys.executable, "-m", "kanband", *map(str, places + runtime), *words]

    @property
    def daemon(self) -> subprocess.Popen[bytes]:
        """The daemon started last."""
        assert self._daemon is not None, "not started"
        return self._daemon

    def launch(self, *words: str) -> subprocess.Popen[bytes]:
        """Start the daemon and do not wait for it."""
        assert self._daemon is None or self._daemon.poll() is not None
        self.notify.forget()
        with self.output.open("ab") as output:
            self._daemon = subprocess.Popen(
                self.command(*words),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self.home,
                env=self.environment | {"NOTIFY_SOCKET": str(self.notify.path)},
            )
        return self._daemon

    def start(self, *words: str) -> "System":
        """Start the daemon and wait until it says READY. Raises ``NotReady``."""
        daemon = self.launch(*words)
        if not self.notify.await_line("READY=1", daemon, READY_S):
            raise NotReady(daemon.wait(), self.output.read_text())
        return self

    def signal(self, number: signal.Signals, *, timeout_s: float = 60.0) -> int:
        """Signal the daemon, wait for its end; its return code as Popen has it."""
        self.daemon.send_signal(number)
        return self.daemon.wait(timeout_s)

    def kill_daemon(self) -> None:
        """SIGKILL."""
        assert self.signal(signal.SIGKILL) == -signal.SIGKILL

    def shutdown(self) -> None:
        """End it in order, runs cancelled, and wait until its processes are gone."""
        self.ask(control.ShutdownCall(now=True), control.DoneReply)
        assert self.daemon.wait(60) == 0, self.output.read_text()
        eventually(lambda: not self.processes(), f"all gone: {self.processes()}")

    # ----------------------------------------------------------------- words

    def ask(self, wish: control.Call, reply: type[R], timeout_s: float = 60.0) -> R:
        """One call on the control socket."""
        return call(self.socket, wish, reply, timeout_s)

    def ctl(
        self,
        *words: str,
        check: bool = True,
        timeout_s: float = 60.0,
        stdin: str = "",
    ) -> subprocess.CompletedProcess[str]:
        """Run ``kanbanctl`` as a person would."""
        done = subprocess.run(
            [sys.executable, "-m", "kanbanctl", "--socket", str(self.socket), *words],
            input=stdin,
            capture_output=True,
            text=True,
            env=self.environment,
            cwd=self.home,
            timeout=timeout_s,
            check=False,
        )
        assert not check or done.returncode == 0, (words, done.stdout, done.stderr)
        return done

    def ctl_json(self, *words: str) -> Any:
        """What ``kanbanctl --json`` says."""
        return json.loads(self.ctl("--json", *words).stdout)

    def status(self) -> control.StatusReply:
        """The daemon's, by the socket."""
        return self.ask(control.StatusCall(), control.StatusReply)

    # ------------------------------------------------------ tickets and runs

    def add(self, title: str, *, ready: bool = True, **fields: Any) -> int:
        """A ticket; the agent is the built-in ``shell`` unless named."""
        fields.setdefault("agent", "shell")
        if "repo_path" in fields:
            fields["repo_path"] = str(fields["repo_path"])
        ticket = control.NewTicket(title=title, **fields)
        reply = self.ask(control.AddCall(ticket=ticket, ready=ready), control.AddReply)
        return reply.id

    def ticket(self, ticket_id: int) -> control.Ticket:
        """As it is now."""
        reply = self.ask(control.ShowCall(id=ticket_id), control.ShowReply)
        return reply.ticket

    def tickets(self) -> list[control.Ticket]:
        """The first thousand, cancelled ones included, by id."""
        wish = control.ListCall(cancelled=True, limit=1000)
        return self.ask(wish, control.ListReply).tickets

    def wait(
        self,
        *ids: int,
        states: Sequence[TicketState] = (),
        timeout_s: float = 60.0,
    ) -> list[control.Ticket]:
        """The daemon's own ``wait``. Raises ``TimeoutError``."""
        wish = control.WaitCall(ids=list(ids), states=list(states))
        return self.ask(wish, control.TicketsReply, timeout_s).tickets

    def runs(self, ticket_id: int | None = None) -> list[control.Run]:
        """Newest first."""
        wish = control.RunsCall(ticket_id=ticket_id, limit=1000)
        return self.ask(wish, control.RunsReply).runs

    def run(self, ticket_id: int) -> control.Run:
        """The ticket's only run."""
        [run] = self.runs(ticket_id)
        return run

    # -------------------------------------------------------------- processes

    def processes(self) -> list[traces.Trace]:
        """Everything that belongs to this system and lives."""
        return traces.living((str(self.state), str(self.runtime), self.token))

    def spawner_pid(self) -> int:
        """Of the spawner that the daemon uses now."""

        def known() -> int | None:
            return self.status().daemon.spawner_pid

        return eventually(known, "a spawner") or 0

    def worker(self, worker_id: str = "worker-1") -> control.WorkerInfo:
        """As ``status`` has it."""
        wish = control.StatusCall(workers=[worker_id])
        [worker] = self.ask(wish, control.StatusReply).workers
        return worker

    def worker_running(
        self,
        worker_id: str = "worker-1",
        *,
        other_than: int = 0,
        timeout_s: float = 15.0,
    ) -> int:
        """Its pid, once it is RUNNING (as another process than the one given)."""

        def up() -> int:
            # One that is started by hand is not known before its hello.
            found = [each for each in self.status().workers if _runs(each, worker_id)]
            return next((w.pid or 0 for w in found if w.pid != other_than), 0)

        return eventually(up, f"{worker_id} RUNNING", timeout_s)

    def by_hand(self, *words: str, where: Path | None = None) -> HandWorker:
        """A worker as a person starts it; ended with this system at the latest."""
        hand = HandWorker(
            str(where or self.runtime),
            *words,
            env=self.environment,
            log_path=self.home / f"hand-{len(self._hands)}.log",
        )
        self._hands.append(hand)
        return hand

    def run_dir(self, run: control.Run) -> Path:
        """Where the run's files are."""
        return self.state / layout.RUNS_DIR / run.id

    def shim(self, run: control.Run) -> dict[str, Any]:
        """What the run's shim wrote about itself and its agent."""
        path = self.run_dir(run) / layout.RUN_SHIM
        eventually(path.exists, f"{path} exists")
        found: dict[str, Any] = json.loads(path.read_text())
        return found

    def close(self) -> None:
        """Whatever the test did: no process and no folder stays."""
        traces.end_all((str(self.state), str(self.runtime), self.token))
        if self._daemon is not None:
            self._daemon.wait(10)
        for hand in self._hands:
            hand.wait()
        self.notify.close()
        shutil.rmtree(self.runtime)


def _runs(worker: control.WorkerInfo, worker_id: str) -> bool:
    return worker.worker_id == worker_id and worker.state == "RUNNING"
