"""Three deaths on the way: a worker's, an agent's, the daemon's own."""

import time
from collections.abc import Callable

from demo.screen import Screen
from kanban_ipc.control import Run, RunShowCall, RunShowReply, Ticket
from support import traces
from support.deadline import eventually
from support.system import System

WARM_S = 0.7
"""An agent of this age is at work; killing it is worth watching."""


def _live_run(system: System, key: str, wait: Callable[[], None]) -> Run | None:
    """The run of the ticket with that key, once its agent is at work."""
    while True:
        ticket = _by_key(system, key)
        if ticket.state == "working" and ticket.run_id is not None:
            wish = RunShowCall(run=ticket.run_id)
            run = system.ask(wish, RunShowReply).run
            since = run.started_at_ms or 0
            if since and time.time() * 1000 - since > WARM_S * 1000:
                return run
        if ticket.column in {"Review", "Blocked", "Done"}:
            return None
        wait()


def _by_key(system: System, key: str) -> Ticket:
    return next(ticket for ticket in system.tickets() if ticket.key == key)


def worker(system: System, screen: Screen, wait: Callable[[], None]) -> bool:
    """SIGKILL to a worker in the middle of a run; the agent does not notice."""
    run = _live_run(system, "soak-1", wait)
    if run is None:
        return False
    agent_pid = system.shim(run)["agent_pid"]
    pid = system.worker(run.worker_id).pid or 0
    screen.say(f"kill -9 {pid}: {run.worker_id}, busy with #{run.ticket_id}")
    traces.kill(pid)
    began = time.monotonic()
    successor = system.worker_running(run.worker_id, other_than=pid)
    took_ms = (time.monotonic() - began) * 1000
    screen.say(f"{run.worker_id} is pid {successor} now, {took_ms:.0f} ms later")
    state = "lives, and its run goes on" if traces.alive(agent_pid) else "is gone"
    screen.say(f"the agent, pid {agent_pid}, {state}")
    return True


def agent(system: System, screen: Screen, wait: Callable[[], None]) -> bool:
    """SIGKILL to an agent: its run has failed, and its ticket is tried again."""
    run = _live_run(system, "soak-2", wait)
    if run is None:
        return False
    pid = system.shim(run)["agent_pid"]
    screen.say(f"kill -9 {pid}: the agent that works on #{run.ticket_id}")
    traces.kill(pid)
    ended = eventually(lambda: _ended(system, run.id), "the run has ended")[0]
    screen.say(
        f"its run ended as {ended.failure}, signal {ended.signal}; it is retried"
    )
    return True


def _ended(system: System, run_id: str) -> list[Run]:
    run = system.ask(RunShowCall(run=run_id), RunShowReply).run
    return [run] if run.ended_at_ms is not None else []


def daemon(system: System, screen: Screen, wait: Callable[[], None]) -> bool:
    """SIGKILL to the daemon: workers and agents go on, the next daemon adopts them."""
    run = _live_run(system, "soak-3", wait)
    if run is None:
        return False
    before = {worker.pid for worker in system.status().workers}
    screen.say(f"kill -9 {system.daemon.pid}: kanband itself")
    system.kill_daemon()
    living = sum(traces.alive(pid) for pid in before if pid)
    screen.say(f"nobody supervises now; {living} workers and their agents go on")
    began = time.monotonic()
    system.start()
    took_ms = (time.monotonic() - began) * 1000
    after = {worker.pid for worker in system.status().workers}
    kept = len(before & after)
    screen.say(f"kanband is back after {took_ms:.0f} ms and has {kept} of its workers")
    return True
