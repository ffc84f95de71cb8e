"""What the desk and its jobs know of each other: one job is one run at hand."""

from typing import Protocol

from kanban_ipc.link import Cancel, Finished, Observation, Result
from kanban_ipc.words import Epoch, RunId, TicketId
from kanban_worker.core.outbox import RunBox
from kanban_worker.shell.voice import Voice


class Job(Protocol):
    """A run from its assignment to the acknowledgement of its result."""

    run_id: RunId
    epoch: Epoch

    @property
    def over(self) -> bool:
        """Its result is decided and reported; only the acknowledgement is missing."""

    @property
    def begun(self) -> bool:
        """Its agent runs or has run."""

    @property
    def dies_with_worker(self) -> bool:
        """No shim holds it."""

    @property
    def stuck(self) -> bool:
        """It dies with the worker and with nothing less."""

    @property
    def root_pid(self) -> int:
        """The process below which all of its work is; 0 when there is none."""

    @property
    def grace_s(self) -> float:
        """Between SIGTERM and SIGKILL, as its profile says."""

    def observe(self) -> Observation:
        """What was seen of its work."""

    def cancel(self, order: Cancel) -> None:
        """End it in order and report it ``aborted``. May come more than once."""

    def drop(self) -> None:
        """End it and report nothing; the desk has forgotten it already."""

    def measured(self, cpu_ms: int, rss_bytes: int) -> None:
        """What its processes used, seen from ``root_pid``."""

    def acknowledged(self) -> None:
        """The daemon has committed its result."""

    def keep(self) -> None:
        """The worker leaves before the acknowledgement: the result must be on disk."""


class Desk(Voice, Protocol):
    """What a job may ask of its worker."""

    def open_box(
        self, run_id: RunId, epoch: Epoch, *, taken_over: bool, after: int = 0
    ) -> RunBox:
        """For its reliable messages."""

    def report(self, ticket_id: TicketId, message: Finished) -> None:
        """Its end: logged, said, and kept until it is acknowledged."""

    def recycle(self, why: str) -> None:
        """The worker must be replaced: a thread of it cannot be had back."""

    def now_ms(self) -> int:
        """Wall time."""


def finished(box: RunBox, ended_ms: int, result: Result) -> Finished:
    """A run's last message."""
    return Finished(box.run_id, box.epoch, box.last_seq(), ended_ms, result)
