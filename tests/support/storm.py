"""Kills, at random, of everything that a system consists of.

The same seed makes the same choices; which process answers to them is the machine's.
"""

import json
import random
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal, get_args

from kanban_ipc import layout
from support import traces
from support.system import System

Kind = Literal["daemon", "spawner", "worker", "shim", "agent"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

WEIGHTS: Final = (2, 1, 4, 4, 4)
"""Of the kinds: who holds up all others dies less often, so that they live to be
killed."""
PAUSE_S: Final = 0.25
MISS_S: Final = 0.05
STARTING: Final = 0.8
"""How often a daemon that is not ready yet is spared."""


class Storm:
    """Kills and, as systemd would, restarts of the daemon."""

    def __init__(self, system: System, seed: int) -> None:
        self.system = system
        self.dice = random.Random(seed)
        self.killed: dict[Kind, int] = dict.fromkeys(KINDS, 0)

    @property
    def count(self) -> int:
        """How many SIGKILLs have found somebody."""
        return sum(self.killed.values())

    def rage(self, kills: int, meanwhile: Callable[[], None]) -> None:
        """About four kills a second; ``meanwhile`` is called between two of them."""
        due = time.monotonic()
        while self.count < kills:
            before = self.count
            self.strike()
            meanwhile()
            # Who missed tries again soon.
            due += PAUSE_S if self.count > before else MISS_S
            time.sleep(max(0.0, due - time.monotonic()))

    def strike(self) -> None:
        """Kill one process of a kind that the dice name; none if there is none."""
        [kind] = self.dice.choices(KINDS, WEIGHTS)
        # A start is worth a kill, too; but a daemon that is killed at every start
        # would leave nobody else to be killed.
        is_up = self.system.notify.heard("READY=1")
        spared = kind == "daemon" and not is_up and self.dice.random() < STARTING
        victims = [] if spared else self.living(kind)
        if victims and traces.kill(self.dice.choice(victims)):
            self.killed[kind] += 1
        self.restart_daemon()

    def restart_daemon(self) -> None:
        """If it is dead by our hand. Any other end is a failure of its own."""
        daemon = self.system.daemon
        with suppress(OSError):
            traces.await_end(daemon.pid, timeout_s=0.02)
        code = daemon.poll()
        if code is None:
            return
        assert code == -9, f"kanband ended by itself: {code}\n{self._last_words()}"
        self.system.launch()

    def living(self, kind: Kind) -> list[int]:
        """Pids of one kind, in a stable order."""
        if kind == "daemon":
            return [self.system.daemon.pid]
        found = self.system.processes()
        workers = self._workers({trace.pid for trace in found})
        if kind == "worker":
            return workers
        # Also as its compiled form: shim.cpython-311.pyc.
        shims = sorted(t.pid for t in found if "/shim." in t.command)
        if kind == "shim":
            return shims
        if kind == "spawner":
            spawners = {t.pid for t in found if "--spawner" in t.command.split()}
            return sorted(spawners - set(workers))
        runs = {trace.pid for trace in traces.living(("KANBAN_RUN_ID=",))}
        return sorted(runs.intersection(t.pid for t in found) - set(shims))

    def _workers(self, ours: set[int]) -> list[int]:
        pids = set()
        for path in (self.system.state / layout.WORKERS_DIR).glob("*.lock"):
            with suppress(OSError, ValueError, KeyError):
                pids.add(int(json.loads(path.read_text())["pid"]))
        return sorted(pids & ours)

    def _last_words(self) -> str:
        return Path(self.system.output).read_text()[-4000:]
