"""``Status``: is it well, what waits, who works. The call that people make most."""

from typing import Final, Literal

from kanban_ipc.control.base import Call, Data, Method, Reply
from kanban_ipc.control.queue import QueueInfo
from kanban_ipc.control.workers import WorkerInfo


class DaemonInfo(Data, frozen=True, kw_only=True):
    pid: int
    version: str
    mode: str
    state: Literal["starting", "running", "draining", "stopping"]
    started_at_ms: int
    uptime_s: float
    healthy: bool
    problems: list[str]
    """Why it is not healthy, and what needs attention; each names the next step."""
    spawner_pid: int | None
    state_dir: str


class StatusCall(Call, frozen=True, kw_only=True):
    workers: list[str] = []
    """Only these; empty is all."""


class StatusReply(Reply, frozen=True, kw_only=True):
    daemon: DaemonInfo
    queue: QueueInfo
    workers: list[WorkerInfo]


PART: Final[dict[str, Method]] = {
    "Status": Method(StatusCall, StatusReply),
}
