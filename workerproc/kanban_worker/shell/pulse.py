"""The worker's pulse: heartbeats, measures, the health line, the log's length.

Decided here: how often. A heartbeat as the daemon asks, with what the last measure
found; then trees of programs are measured anew, slowly and in a thread. Once a minute
one line of health.
"""

import asyncio
from pathlib import Path
from typing import Final, Protocol

from kanban_ipc import layout
from kanban_ipc.link import Heartbeat, Welcome
from kanban_worker.settings import WorkerSettings
from kanban_worker.shell.job import Job
from kanban_worker.shell.leaving import Leaving
from kanban_worker.shell.link import Link
from kanban_worker.shell.measure import measure_self, measure_trees
from kanban_worker.shell.voice import Voice

HEARTBEAT_S: Final = 5.0
AWAY_EXIT_S: Final = 60.0
"""Both until the daemon has said another."""
HEALTH_EVERY_S: Final = 60.0
HEALTHY_BEATS: Final = 3
"""Silent for longer is ``WARN`` on the daemon's side as well."""


class Centre(Voice, Protocol):
    """The desk, as far as the pulse needs it."""

    link: Link
    leaving: Leaving

    @property
    def jobs(self) -> tuple[Job, ...]:
        """Runs in hand."""

    def rotate_log(self, path: Path) -> None:
        """Set the worker's log aside when it is too long."""

    def heartbeat(self, rss_bytes: int, cpu_ms: int) -> Heartbeat:
        """What is in hand now, with the worker's own use."""


class Pulse:
    """Runs from ``start`` to ``stop``."""

    def __init__(self, centre: Centre, settings: WorkerSettings) -> None:
        self._centre = centre
        self._managed = settings.managed
        name = f"{settings.worker_id}.log"
        self._log_path = Path(settings.state_dir) / layout.LOGS_DIR / name
        self._loop = asyncio.get_running_loop()
        self._every_s = HEARTBEAT_S
        self._away_exit_s = AWAY_EXIT_S
        self._silent_s = 0.0
        self._heard_at = 0.0
        self._health_at = self._loop.time() + HEALTH_EVERY_S
        self._timer: asyncio.TimerHandle | None = None
        self._measuring: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Beat from now on."""
        self._timer = self._loop.call_later(self._every_s, self._beat)

    def stop(self) -> None:
        """Beat no more."""
        if self._timer is not None:
            self._timer.cancel()
        if self._measuring is not None:
            self._measuring.cancel()

    def welcomed(self, welcome: Welcome) -> None:
        """Go by what the daemon says; beat at once."""
        self._every_s = max(welcome.heartbeat_s, 0.01)
        self._away_exit_s = welcome.away_exit_s
        if self._timer is not None:
            self._timer.cancel()
        self._beat()

    def _beat(self) -> None:
        self._timer = self._loop.call_later(self._every_s, self._beat)
        self._look_for_daemon()
        own = measure_self()
        self._centre.post(self._centre.heartbeat(own.rss_bytes, own.cpu_ms))
        self._measure()
        if self._loop.time() >= self._health_at:
            self._health_at = self._loop.time() + HEALTH_EVERY_S
            self._say_health()
            self._centre.rotate_log(self._log_path)

    def _look_for_daemon(self) -> None:
        heard_at = self._centre.link.heard_at
        self._silent_s += self._every_s
        if heard_at != self._heard_at:
            self._heard_at, self._silent_s = heard_at, 0.0
        if self._managed and self._silent_s > self._away_exit_s:
            self._centre.leaving.away(self._silent_s)

    def _measure(self) -> None:
        roots = {job.root_pid: job for job in self._centre.jobs if job.root_pid}
        if roots and (self._measuring is None or self._measuring.done()):
            self._measuring = self._loop.create_task(_measure(roots))

    def _say_health(self) -> None:
        jobs = self._centre.jobs
        silent = self._silent_s > self._every_s * HEALTHY_BEATS
        self._centre.say(
            "info",
            "Health check",
            healthy=str(self._centre.link.is_welcome and not silent).lower(),
            pending=sum(not job.begun and not job.over for job in jobs),
            running=sum(job.begun and not job.over for job in jobs),
        )


async def _measure(roots: dict[int, Job]) -> None:
    for pid, use in (await measure_trees(roots.keys())).items():
        roots[pid].measured(use.cpu_ms, use.rss_bytes)
