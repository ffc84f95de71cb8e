"""Faults, at random, for everything that a system consists of.

A deck of them is dealt and played evenly over the time given, so that each happens as
often as its rate says. The same seed deals the same deck and makes the same choices;
which process answers to them is the machine's.
"""

import heapq
import itertools
import random
import resource
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from signal import SIGABRT, SIGCONT, SIGKILL, SIGSTOP, Signals
from subprocess import Popen
from typing import Final, Literal, get_args

from chaos import victims
from chaos.ground import Ground
from chaos.victims import KINDS, WEIGHTS
from kanband.errors import EXIT_SYSTEM
from support import traces

Fault = Literal["kill", "stop", "clock", "full", "eio", "slow", "files", "filled"]
Spoilt = Literal["full", "eio", "slow"]
FAULTS: Final[tuple[Fault, ...]] = get_args(Fault)

RATE: Final[dict[Fault, float]] = {
    "kill": 2.5,
    "stop": 0.3,
    "clock": 0.15,
    "full": 0.07,
    "eio": 0.07,
    "slow": 0.07,
    "files": 0.07,
    "filled": 0.04,
}
"""A second: SIGKILLs, SIGSTOPs, jumps of the wall clock; no space, I/O errors and slow
syncs for the store; a daemon without free descriptors; the whole disk filled."""
TICK_S: Final = 0.02
MISS_S: Final = 0.05
MARGIN_S: Final = 60.0
"""For a machine that is busy otherwise."""
STILLBORN: Final = 0.2
"""How often a daemon is killed before it is ready."""
HOUR_MS: Final = 3_600_000
LONG_STOP: Final = 0.1
LONG_STOP_S: Final = 8.0
"""Of the stops: longer than the patience with a silent worker."""

ABORTS: Final = "Too many open files (src/ipc_listener.cpp"
"""ZeroMQ 4.3.5 takes EMFILE of accept(2) on a Unix socket for a bug of its own; on a
TCP socket it waits. What it ends is restarted, and loses nothing."""


class Storm:
    """Breaks things, heals them and, as systemd would, restarts the daemon."""

    def __init__(self, ground: Ground, seed: int) -> None:
        self.ground = ground
        self.dice = random.Random(seed)
        self.struck: Counter[str] = Counter()
        """Faults that found somebody, by name; and "fault kind" for signals."""
        self._mends: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._disk_busy = False
        self._disk_failed = False
        """Since the daemon was started."""
        self._files_taken = False
        self._deck: list[Fault] = []
        self._seconds = 0.0
        self._highest_ms = 0
        self._strike: dict[Fault, Callable[[], bool]] = {
            "kill": lambda: bool(self._signal("kill", SIGKILL)),
            "stop": self._stop,
            "clock": self._jump,
            "full": lambda: self._spoil("full", self.dice.uniform(0.1, 1)),
            "eio": lambda: self._spoil("eio", self.dice.choice((0.05, 0.6))),
            "slow": lambda: self._spoil("slow", self.dice.uniform(0.5, 2)),
            "files": self._take_files,
            "filled": self._fill,
        }

    def rage(self, seconds: float) -> None:
        """Play a deck; at the end everything is healed and the daemon runs."""
        self._seconds = seconds
        deck = self._deck = self._deal(seconds)
        pause_s = seconds / len(deck)
        due = time.monotonic()
        end = due + 5 * seconds + MARGIN_S
        while deck or self._disk_busy:
            now = time.monotonic()
            assert now < end, f"these faults found nobody: {deck}"
            self._mend(now)
            self._tend_daemon()
            if deck and now >= due:
                missed = not self._strike[deck[-1]]()
                due = now + MISS_S if missed else max(due, now - 1) + pause_s
                # Whose time it is not yet comes later.
                deck.insert(0, deck.pop()) if missed else deck.pop()
            time.sleep(TICK_S)
        self.heal()

    def heal(self) -> None:
        """Everything; the clock stays as far ahead as it ever was."""
        self._mend(float("inf"))
        self.ground.page.clock_ms = self._highest_ms
        self._tend_daemon()
        ground = self.ground
        while not ground.notify.await_line("READY=1", ground.daemon, 30):
            self._tend_daemon()

    def _deal(self, seconds: float) -> list[Fault]:
        """At least one of each that is possible here."""
        possible: Iterable[Fault] = FAULTS
        if self.ground.no_small_disk:
            possible = (fault for fault in FAULTS if fault != "filled")
        deck = [
            fault
            for fault in possible
            for _ in range(max(1, round(RATE[fault] * seconds)))
        ]
        self.dice.shuffle(deck)
        return deck

    def _later(self, seconds: float, mend: Callable[[], None]) -> None:
        due = time.monotonic() + seconds
        heapq.heappush(self._mends, (due, next(self._numbers), mend))

    def _mend(self, now: float) -> None:
        while self._mends and self._mends[0][0] <= now:
            heapq.heappop(self._mends)[2]()

    # -------------------------------------------------------------------- faults

    def _signal(self, fault: Fault, number: Signals) -> int:
        """One process of a kind that the dice name; 0 if there was nobody."""
        living = victims.living(self.ground)
        if not living["worker"]:
            # Who holds up all others is spared until they live, to be killed as well.
            living["daemon"] = living["spawner"] = []
        weights = [weight * bool(living[kind]) for kind, weight in WEIGHTS.items()]
        if not any(weights):
            return 0
        [kind] = self.dice.choices(KINDS, weights)
        victim = self.dice.choice(living[kind])
        if not traces.kill(victim, number):
            return 0
        self.struck.update((fault, f"{fault} {kind}"))
        return victim

    def _stop(self) -> bool:
        seconds = self.dice.uniform(0.1, 2)
        if self._seconds > LONG_STOP_S and self.dice.random() < LONG_STOP:
            seconds = LONG_STOP_S
        victim = self._signal("stop", SIGSTOP)
        if victim:
            self._later(seconds, lambda: _ignored(traces.kill(victim, SIGCONT)))
        return bool(victim)

    def _jump(self) -> bool:
        """By up to an hour, either way."""
        jump_ms = self.dice.randrange(-HOUR_MS, HOUR_MS)
        self.ground.page.clock_ms += jump_ms
        self._highest_ms = max(self._highest_ms, self.ground.page.clock_ms)
        self.struck.update(("clock", "clock ahead" if jump_ms > 0 else "clock back"))
        return True

    def _spoil(self, disk: Spoilt, seconds: float) -> bool:
        """Played again if nobody felt it, which is known when it is over."""
        if self._disk_busy:
            return False
        page = self.ground.page
        before = page.hits(disk)
        self._disk_busy = True
        self._disk_failed |= disk in ("full", "eio")
        page.disk = disk

        def mend() -> None:
            page.disk = "sound"
            self._disk_busy = False
            if page.hits(disk) > before:
                self.struck[disk] += 1
            else:
                self._deck.append(disk)

        self._later(seconds, mend)
        return True

    def _fill(self) -> bool:
        if self._disk_busy:
            return False
        self._disk_busy = self._disk_failed = True
        give_back = self.ground.fill_disk()

        def mend() -> None:
            give_back()
            self._disk_busy = False

        self.struck["filled"] += 1
        self._later(self.dice.uniform(0.2, 1.5), mend)
        return True

    def _take_files(self) -> bool:
        """The daemon may open nothing more: as many as it has are its limit."""
        pid = self.ground.daemon.pid
        if not self.ground.notify.heard("READY=1"):
            return False
        try:
            taken = {int(file.name) for file in Path(f"/proc/{pid}/fd").iterdir()}
            old = resource.prlimit(pid, resource.RLIMIT_NOFILE)
            free = next(n for n in itertools.count() if n not in taken)
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (free, old[1]))
        except OSError:
            return False
        self.struck["files"] += 1
        self._files_taken = True

        def mend() -> None:
            with suppress(OSError):
                resource.prlimit(pid, resource.RLIMIT_NOFILE, old)

        self._later(self.dice.uniform(0.3, 1.5), mend)
        return True

    # ---------------------------------------------------------------- the daemon

    def _tend_daemon(self) -> None:
        """Start it again if we killed it, its disk did, or ZeroMQ for want of a
        descriptor. Any other end is a failure of its own."""
        code = self.ground.daemon.poll()
        if code is None:
            return
        if code == EXIT_SYSTEM and self._disk_failed:
            self.struck["daemon left: disk failed"] += 1
        elif code == -SIGABRT and self._files_taken:
            assert ABORTS in self._last_words(), self._last_words()
            self.struck["daemon aborted: no descriptor"] += 1
        else:
            words = f"kanband ended by itself: {code}\n{self._last_words()}"
            assert code == -SIGKILL, words
        self._disk_failed = self._disk_busy
        self._files_taken = False
        daemon = self.ground.launch()
        if self.dice.random() < STILLBORN:
            self._later(self.dice.uniform(0, 0.5), lambda: self._kill_early(daemon))

    def _kill_early(self, daemon: Popen[bytes]) -> None:
        if daemon.poll() is None and not self.ground.notify.heard("READY=1"):
            daemon.kill()
            self.struck.update(("kill", "kill daemon", "kill daemon at its start"))

    def _last_words(self) -> str:
        return Path(self.ground.output).read_text()[-4000:]


def _ignored(_: object) -> None:
    """Whether somebody was there."""
