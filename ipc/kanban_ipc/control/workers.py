"""Workers: how they are, and the wishes that start, stop and number them."""

from typing import Final, Literal

from kanban_ipc.control.base import Call, Data, Method, Reply
from kanban_ipc.words import Activity, DoubtWord, Proof, Staleness, WorkerState


class CurrentRun(Data, frozen=True, kw_only=True):
    ticket_id: int
    run_id: str
    title: str
    progress: int
    stale: Staleness
    running_s: float
    step: str = ""
    current_step: int = 0
    total_steps: int = 0


class LastExit(Data, frozen=True, kw_only=True):
    code: int | None
    signal: int | None
    reason: str
    at_ms: int
    last_lines: list[str]
    """The end of its stderr, oldest first."""


class WorkerInfo(Data, frozen=True, kw_only=True):
    worker_id: str
    pid: int | None
    host: str
    state: WorkerState
    activity: Activity | None
    wanted: Literal["run", "stop"]
    connected: bool
    slots: int
    uptime_s: float | None
    restart_count: int
    tickets_processed: int
    current: list[CurrentRun]
    last_heartbeat_age_s: float | None
    next_start_in_s: float | None
    """In BACKOFF: until the next attempt."""
    last_exit: LastExit | None
    rss_bytes: int | None
    cpu_percent: float | None
    agents: list[str]
    """Agents it is restricted to; empty is all."""
    repo: str | None
    by_hand: bool = False
    """Somebody else started it, and it is his to stop and to start again."""
    labels: list[str] = []
    """It takes only tickets that carry all of them."""
    doubt: str = ""
    """In UNKNOWN: why its process cannot be verified."""
    version: str | None = None
    """Of its program; absent: it is not connected."""
    renewal: str = ""
    """Why it is replaced as soon as it has no run; empty: it is not."""


class StopProof(Data, frozen=True, kw_only=True):
    worker_id: str
    state: WorkerState
    signalled: list[str]
    """Each step taken, in order: ``drain``, ``SIGTERM 123``, ``SIGKILL 123`` …"""
    escalated: bool
    survivors: list[int]
    runs_ended: list[str]
    proof: Proof


class WorkersCall(Call, frozen=True, kw_only=True):
    pass


class StartWorkerCall(Call, frozen=True, kw_only=True):
    worker_id: str | None = None
    count: int = 1
    slots: int | None = None
    agents: list[str] = []
    repo: str | None = None
    labels: list[str] = []
    """Only tickets that carry all of them."""
    wait: bool = True


class WorkersReply(Reply, frozen=True, kw_only=True):
    workers: list[WorkerInfo]


class StopWorkerCall(Call, frozen=True, kw_only=True):
    worker_ids: list[str] = []
    all: bool = False
    now: bool = False
    wait: bool = True


class StoppedReply(Reply, frozen=True, kw_only=True):
    stopped: list[StopProof]


class RestartWorkerCall(Call, frozen=True, kw_only=True):
    worker_ids: list[str] = []
    all: bool = False
    now: bool = False
    wait: bool = True


class RestartedReply(Reply, frozen=True, kw_only=True):
    workers: list[WorkerInfo]
    stopped: list[StopProof]


class ScaleCall(Call, frozen=True, kw_only=True):
    count: int
    now: bool = False
    wait: bool = True


class ResetFailedCall(Call, frozen=True, kw_only=True):
    worker_ids: list[str] = []
    """Empty is every FATAL worker."""
    doubt: DoubtWord = "look"
    """What is to become of the process of one in UNKNOWN."""


PART: Final[dict[str, Method]] = {
    "Workers": Method(WorkersCall, WorkersReply),
    "StartWorker": Method(StartWorkerCall, WorkersReply),
    "StopWorker": Method(StopWorkerCall, StoppedReply),
    "RestartWorker": Method(RestartWorkerCall, RestartedReply),
    "Scale": Method(ScaleCall, RestartedReply),
    "ResetFailed": Method(ResetFailedCall, WorkersReply),
}
