"""Why a worker is what it is, when that changes by itself, and what a person can do.

One function for each state. Absent: what the state is (``core.workers``), and tickets
(``why``).
"""

from collections.abc import Callable
from typing import Final

from kanban_ipc.control import LastExit, Reason, WorkerInfo
from kanban_ipc.words import WorkerState
from kanband.shell.methods.spoken import span
from kanband.shell.ports import Daemon


def why_worker(daemon: Daemon, worker: WorkerInfo) -> list[Reason]:
    """At least one reason, the most telling first; ``last_exit`` is how it ended the
    last time, where that is not the reason itself.
    """
    text = _TOLD[worker.state](daemon, worker)
    next_try_ms = None
    if worker.next_start_in_s is not None:
        next_try_ms = daemon.clock.now_ms() + round(worker.next_start_in_s * 1000)
    code = worker.state.lower()
    reasons = [Reason(code=code, text=text, next_try_ms=next_try_ms)]
    if worker.state in _LIVES and worker.last_exit is not None:
        ended = f"its last start ended {_how(daemon, worker.last_exit)}"
        log = _log(worker)
        text = f"{ended}; since then it was started again{f'. {log}' if log else ''}"
        reasons.append(Reason(code="last_exit", text=text, next_try_ms=None))
    return reasons


def _starting(daemon: Daemon, worker: WorkerInfo) -> str:
    if worker.pid is None:
        spawner = daemon.fleet.spawner_pid
        asked = "no spawner runs yet" if spawner is None else f"process {spawner}"
        return (
            f"its process is being forked (by the spawner: {asked}); if that lasts, "
            "kanbanctl status says what is wrong with the spawner"
        )
    patience = daemon.config.workers.start_timeout_s
    since = "" if worker.uptime_s is None else f" for {span(worker.uptime_s)}"
    return (
        f"process {worker.pid} lives{since} and has not said hello yet; after "
        f"{patience:g} s it is asked for its stack, ended, and started again"
    )


def _running(daemon: Daemon, worker: WorkerInfo) -> str:
    lives = f"nothing is wrong: process {worker.pid} runs"
    if not worker.connected:
        beats = daemon.config.lease
        stale_s = beats.heartbeat_s * beats.stale_beats
        return (
            f"process {worker.pid} runs but is not heard of{_seen(worker)}; after "
            f"{stale_s:g} s of silence it is asked for its stack, ended and replaced. "
            "Its runs go on under their shims"
        )
    if worker.current:
        busy = ", ".join(f"ticket {run.ticket_id}" for run in worker.current)
        return f"{lives} and does {busy} (of {worker.slots} slots){_renewal(worker)}"
    only = _only(worker)
    if daemon.life.state == "draining":
        return f"{lives}; it is given nothing, for the daemon drains"
    return (
        f"{lives} and waits for work{only}. Why a ticket does not come to it: "
        "kanbanctl why TICKET"
    )


def _stopping(daemon: Daemon, worker: WorkerInfo) -> str:
    name = worker.worker_id
    then = " and is then started again" if worker.wanted == "run" else ""
    if not worker.current:
        return f"it was told to stop and leaves within seconds{then}"
    patience = daemon.config.workers.stop_timeout_s
    tickets = ", ".join(f"ticket {run.ticket_id}" for run in worker.current)
    return (
        f"it was told to stop{then}: it takes nothing more, and {tickets} may go on "
        f"for {patience:g} s, then it is ended. At once: kanbanctl stop-worker {name} "
        "--now"
    )


def _stopped(daemon: Daemon, worker: WorkerInfo) -> str:
    name = worker.worker_id
    if worker.wanted == "stop":
        return (
            "it was stopped on request and stays so, also over restarts; start it: "
            f"kanbanctl start-worker {name}"
        )
    if daemon.life.state == "stopping":
        return "the daemon is leaving; its next start starts it"
    return f"it is about to be started; if it is not: kanbanctl start-worker {name}"


def _backoff(daemon: Daemon, worker: WorkerInfo) -> str:
    settings = daemon.config.workers
    return (
        f"it ended {_ended(daemon, worker)}. It is started again {_next(worker)}; each "
        f"further end doubles that, up to {settings.backoff_max_s:g} s, and more than "
        f"{settings.fatal_failures} starts in {settings.fatal_window_s:g} s that come "
        f"to nothing make it FATAL. {_log(worker)}. Not to wait: kanbanctl "
        f"start-worker {worker.worker_id}"
    )


def _exited(daemon: Daemon, worker: WorkerInfo) -> str:
    ended = _ended(daemon, worker)
    if worker.by_hand:
        return (
            f"it was started by hand or as a service of its own, and ended {ended}; "
            f"start it there: kanban-worker --connect --id {worker.worker_id}, or "
            f"systemctl --user start kanban-worker@{worker.worker_id}"
        )
    return f"it ended {ended}, as was expected, and is started again {_next(worker)}"


def _fatal(daemon: Daemon, worker: WorkerInfo) -> str:
    settings = daemon.config.workers
    return (
        f"more than {settings.fatal_failures} starts in {settings.fatal_window_s:g} s "
        f"came to nothing, so it is not started any more; the last one ended "
        f"{_ended(daemon, worker)}. {_log(worker)}, mend the cause, then: kanbanctl "
        f"reset-failed {worker.worker_id}. Runs that it had are taken over by others"
    )


def _unknown(_daemon: Daemon, worker: WorkerInfo) -> str:
    lock = f"workers/{worker.worker_id}.lock"
    again = f"kanbanctl reset-failed {worker.worker_id}"
    if worker.pid is None:
        then = f"Find what holds {lock} (fuser, lslocks) and end it, then {again}"
    else:
        then = (
            f"Look at it (ps -fp {worker.pid}; {lock} says who held it), then say what "
            f"it is: {again} --end if it may be ended, --disown if it is not the worker"
        )
    return (
        f"its process cannot be verified: {worker.doubt}. So it is neither ended (it "
        "may be a stranger's) nor started a second time (it may hold runs). "
        f"{then}. When it is gone this ends by itself"
    )


def _renewal(worker: WorkerInfo) -> str:
    if not worker.renewal:
        return ""
    more = " and gets nothing more until then" if worker.activity == "draining" else ""
    return f". It is replaced when it has no run{more}, because {worker.renewal}"


def _ended(daemon: Daemon, worker: WorkerInfo) -> str:
    last = worker.last_exit
    return "in a way that nobody saw" if last is None else _how(daemon, last)


def _how(daemon: Daemon, last: LastExit) -> str:
    # What it says every day is no reason: a traceback is, or what a library said.
    ago = span((daemon.clock.now_ms() - last.at_ms) / 1000)
    reason = last.reason.rstrip(".") or "in a way that nobody saw"
    words = [line for line in last.last_lines if " [Worker] " not in line]
    said = f"; its last words: {words[-1]}" if words else ""
    return f"{ago} ago ({reason}{said})"


def _log(worker: WorkerInfo) -> str:
    if worker.by_hand:
        return ""
    return f"See kanbanctl logs {worker.worker_id}"


def _next(worker: WorkerInfo) -> str:
    delay_s = worker.next_start_in_s
    return "at once" if not delay_s else f"in {span(delay_s)}"


def _seen(worker: WorkerInfo) -> str:
    age_s = worker.last_heartbeat_age_s
    return "" if age_s is None else f" for {span(age_s)}"


def _only(worker: WorkerInfo) -> str:
    only = [
        *([f"agent {' or '.join(worker.agents)}"] if worker.agents else []),
        *([f"the repository {worker.repo}"] if worker.repo else []),
        *([f"label {' and '.join(worker.labels)}"] if worker.labels else []),
    ]
    return f" (it was started for {', '.join(only)} alone)" if only else ""


_LIVES: Final = frozenset({"STARTING", "RUNNING", "STOPPING"})
_TOLD: Final[dict[WorkerState, Callable[[Daemon, WorkerInfo], str]]] = {
    "STARTING": _starting,
    "RUNNING": _running,
    "STOPPING": _stopping,
    "STOPPED": _stopped,
    "BACKOFF": _backoff,
    "EXITED": _exited,
    "FATAL": _fatal,
    "UNKNOWN": _unknown,
}
