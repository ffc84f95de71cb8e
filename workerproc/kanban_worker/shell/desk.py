"""The worker's desk: assignments come in, runs are held, their ends go out.

Decided here: which message changes what. An assignment that is known already is taken
once; one that comes while the worker leaves goes back at once as ``shutdown``. A run
stays in hand until its result is acknowledged, and frees its slot when it is over.
A dropped run is forgotten at once, but takes its slot until it has ended.

Absent: when the worker leaves (``leaving``), its heartbeat (``pulse``), and how a run
is done (``calls``, ``programs``).
"""

import time
from pathlib import Path
from typing import Final, TypeAlias, assert_never

from kanban_ipc.bounds import LINK_VERSION
from kanban_ipc.link import (
    Ack,
    Assign,
    Beat,
    Cancel,
    DaemonMessage,
    Drain,
    Drop,
    Finished,
    Heartbeat,
    Held,
    Hello,
    HelloWanted,
    ProcessId,
    Refused,
    Welcome,
    WorkerMessage,
)
from kanban_ipc.version import VERSION
from kanban_ipc.words import Epoch, LogLevel, RunId, TicketId
from kanban_worker.core.outbox import Outbox, RunBox
from kanban_worker.settings import WorkerSettings
from kanban_worker.shell.calls import Calls
from kanban_worker.shell.declined import Declined
from kanban_worker.shell.job import Job
from kanban_worker.shell.leaving import Leaving
from kanban_worker.shell.link import Link
from kanban_worker.shell.log import Log
from kanban_worker.shell.programs import Programs
from kanban_worker.shell.pulse import Pulse

RUNS_MAX: Final = 1_024
"""In hand, the unacknowledged ones included; the daemon counts slots, we count too."""
EXIT_REFUSED: Final = 2

Key: TypeAlias = tuple[RunId, Epoch]


class Desk:
    """The centre of a worker; one for each start. Needs a running loop."""

    def __init__(self, settings: WorkerSettings, process: ProcessId, log: Log) -> None:
        """``process``: this very process."""
        self._settings = settings
        self._process = process
        self._log = log
        self._outbox = Outbox()
        self._jobs: dict[Key, Job] = {}
        self._ending: set[Job] = set()
        self._calls = Calls(self, settings.slots)
        self._programs = Programs(self, settings)
        self._malformed = 0
        self._said_leaving = False
        self.leaving = Leaving(self, self._jobs.values())
        self.link: Link
        self.pulse = Pulse(self, settings)

    def open(self, link: Link) -> None:
        """Begin to work; ``link`` listens to this desk."""
        self.link = link
        self.pulse.start()

    def close(self) -> None:
        """Last steps: what is not acknowledged must be on disk. Runs go on."""
        self.pulse.stop()
        self._programs.let_go()
        self._calls.let_go()
        for job in self._jobs.values():
            if job.over:
                try:
                    job.keep()
                except OSError as error:
                    self.say("error", "A result could not be kept", error=error)

    # ------------------------------------------------------------- link's listener

    def hello(self) -> Hello:
        """See ``link.Listener``."""
        own = self._settings
        self._said_leaving = self.leaving.begun
        return Hello(
            version=LINK_VERSION,
            worker_id=own.worker_id,
            incarnation=own.incarnation,
            secret=own.secret,
            process=self._process,
            slots=own.slots,
            draining=self.leaving.begun,
            held=tuple(Held(job.run_id, job.epoch) for job in self._jobs.values()),
            program_version=VERSION,
            guest=not own.managed,
            agents=own.agents,
            repo=own.repo,
        )

    def welcomed(self, welcome: Welcome | None) -> None:
        """See ``link.Listener``."""
        if welcome is not None:
            self.say("info", "Welcomed by the daemon", start=welcome.daemon_start)
            self.pulse.welcomed(welcome)
            if self.leaving.begun and not self._said_leaving:
                # It was decided between hello and welcome.
                self.link.post(self.hello())
        for message in self._outbox.unacknowledged():
            self.link.post(message)

    def received(self, message: DaemonMessage) -> None:
        """See ``link.Listener``."""
        match message:
            case Assign():
                self._assign(message)
            case Ack():
                self._acknowledge(message)
            case Cancel():
                if job := self._jobs.get((message.run_id, message.epoch)):
                    job.cancel(message)
            case Drop():
                self._drop(message)
            case Drain():
                self.leaving.drain(message.deadline_s)
            case Refused():
                text = "The daemon refused this worker"
                self.say("error", text, code=message.code, reason=message.reason)
                self.leaving.go(EXIT_REFUSED)
            case Beat() | Welcome() | HelloWanted():
                return
            case _:
                assert_never(message)

    def malformed(self, reason: str) -> None:
        """See ``link.Listener``."""
        self._malformed += 1
        # One line for 1, 2, 4, 8 …: a flood must not fill the log.
        if self._malformed & (self._malformed - 1) == 0:
            text = "The daemon sent what cannot be read; it was ignored"
            self.say("warn", text, count=self._malformed, reason=reason)

    def _assign(self, assign: Assign) -> None:
        key = (assign.run_id, assign.epoch)
        if job := self._jobs.get(key):
            if assign.cancel:
                job.cancel(_cancellation(assign))
            return
        if self.leaving.begun and not assign.adopt:
            self._decline(assign, "its worker was about to leave")
        elif len(self._jobs) >= RUNS_MAX and not assign.adopt:
            self._decline(assign, f"its worker has {RUNS_MAX} runs in hand")
        else:
            python = assign.agent.kind == "python"
            job = (self._calls if python else self._programs).take(assign)
            self._jobs[key] = job
            self.leaving.taken(job)

    def _decline(self, assign: Assign, why: str) -> None:
        job = Declined(self, assign, why)
        self._jobs[(assign.run_id, assign.epoch)] = job
        job.report()

    def _acknowledge(self, ack: Ack) -> None:
        if not self._outbox.acknowledge(ack.run_id, ack.epoch, ack.seq):
            return
        if job := self._jobs.pop((ack.run_id, ack.epoch), None):
            job.acknowledged()
        self.leaving.check()

    def _drop(self, drop: Drop) -> None:
        key = (drop.run_id, drop.epoch)
        self._outbox.drop(*key)
        if job := self._jobs.pop(key, None):
            if not job.over:
                self._ending.add(job)
            job.drop()
        self.leaving.check()

    # ------------------------------------------------------------ for the jobs

    def open_box(
        self, run_id: RunId, epoch: Epoch, *, taken_over: bool, after: int = 0
    ) -> RunBox:
        """See ``job.Desk``."""
        return self._outbox.open(run_id, epoch, taken_over=taken_over, after=after)

    def post(self, message: WorkerMessage) -> None:
        """See ``job.Desk``."""
        self.link.post(message)

    def report(self, ticket_id: TicketId, message: Finished) -> None:
        """See ``job.Desk``."""
        self._outbox.keep(message)
        self.link.post(message)
        result = message.result
        if result.outcome == "finished":
            text, duration = "Task completed", f"{result.duration_ms / 1000:.3f}s"
            self.say("info", text, taskId=ticket_id, duration=duration)
        else:
            error = f"{result.failure}: {result.message}"
            self.say("warn", "Task failed", taskId=ticket_id, error=error)
        self.leaving.check()

    def say(self, level: LogLevel, text: str, **fields: object) -> None:
        """See ``job.Desk``."""
        self._log.line(level, text, **fields)

    def recycle(self, why: str) -> None:
        """See ``job.Desk``."""
        self.leaving.recycle(why)

    def now_ms(self) -> int:
        """See ``job.Desk``."""
        return time.time_ns() // 1_000_000

    # ------------------------------------------------------- for pulse and leaving

    @property
    def jobs(self) -> tuple[Job, ...]:
        """Runs in hand, the unacknowledged ones included."""
        return tuple(self._jobs.values())

    def rotate_log(self, path: Path) -> None:
        """See ``pulse.Centre``."""
        self._log.rotate(path)

    def heartbeat(self, rss_bytes: int, cpu_ms: int) -> Heartbeat:
        """What is in hand now."""
        self._ending = {job for job in self._ending if not job.over}
        busy = sum(not job.over for job in self.jobs) + len(self._ending)
        free = 0 if self.leaving.begun else max(self._settings.slots - busy, 0)
        runs = tuple(job.observe() for job in self.jobs)
        return Heartbeat(free, runs, rss_bytes, cpu_ms)


def _cancellation(assign: Assign) -> Cancel:
    return Cancel(assign.run_id, assign.epoch, assign.limits.grace_s)
