"""What the daemon says to a worker."""

from typing import Literal, TypeAlias

from kanban_ipc.link.base import Message, Number
from kanban_ipc.link.parts import Agent, Limits, Work
from kanban_ipc.words import Epoch, FailureClass, RunId


class Welcome(Message, frozen=True):
    version: int
    heartbeat_s: float
    daemon_start: str
    """Changes with every start of the daemon."""
    away_exit_s: float = 60.0
    """An idle managed worker leaves when the daemon was away for so long."""


class HelloWanted(Message, frozen=True):
    """The daemon does not know this connection: say ``Hello`` again."""


class Refused(Message, frozen=True):
    """The worker cannot serve this daemon; it reports the reason and exits.

    Its runs stay under their shims for whoever holds the worker's id next.
    """

    code: Literal["version", "secret", "fenced", "unknown_worker", "malformed"]
    reason: str


class Beat(Message, frozen=True):
    """Answer to a heartbeat: the daemon's loop turns."""


class Assign(Message, frozen=True):
    run_id: RunId
    epoch: Epoch
    attempt: int
    """From 1."""
    work: Work
    agent: Agent
    limits: Limits
    run_dir: str
    """Absolute; may exist already when ``adopt`` is set."""
    adopt: bool = False
    """The run is not new: find it on disk and take it over where it stands."""
    cancel: bool = False
    """With ``adopt``: the run was cancelled in the meantime, end it."""
    api_url: str = ""
    """Where its agent may speak of its run; empty: nowhere."""
    api_token: str = ""
    """Opens this run there, and dies with it."""
    last_seq: Number = 0
    """Highest of the run's sequence numbers that was received: whoever adopts it goes
    on from there."""


class Ack(Message, frozen=True):
    """Everything of the run up to ``seq`` is committed."""

    run_id: RunId
    epoch: Epoch
    seq: int


class Cancel(Message, frozen=True):
    """End the run in order; the ``Finished`` that follows has the proof."""

    run_id: RunId
    epoch: Epoch
    grace_s: float
    failure: FailureClass = "cancelled"


class Drop(Message, frozen=True):
    """This (run, epoch) is not the worker's any more: end it, report nothing."""

    run_id: RunId
    epoch: Epoch


class Drain(Message, frozen=True):
    """Take no new runs and leave when the last has ended.

    After ``deadline_s`` the remaining runs are cancelled with class ``shutdown``.
    """

    deadline_s: float


DaemonMessage: TypeAlias = (
    Welcome | HelloWanted | Refused | Beat | Assign | Ack | Cancel | Drop | Drain
)
