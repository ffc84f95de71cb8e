"""What must be true when everything is healed and the board stands still.

The history checker judges the store; here is what only a machine can see: who lives,
who holds what, and what agents really did.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from pathlib import Path
from typing import Final

from chaos.ground import Ground
from chaos.load import UNDONE, Load
from kanban_ipc import control
from kanband.core.history import check
from kanband.store.opening import open_reader
from kanband.store.sqlite import SqliteReads
from support import traces
from support.deadline import eventually
from support.leftovers import assert_nothing_left

STANDS_WITHIN_S: Final = 120.0
ALL: Final = (1 << 63) - 1
RESTS: Final = ("in_review", "completed", "cancelled", "needs_input", "failed")
UNLUCKY: Final = ("worker_lost", "setup", "auth")
"""Why a ticket may have failed: whoever retries it then gets it done."""


def descriptors(pid: int) -> int:
    """How many a process has open."""
    return len(_files(pid))


def stands_still(ground: Ground) -> control.StatusReply:
    """Wait until all workers are idle and nothing waits to be done."""

    def still() -> control.StatusReply | None:
        status = ground.status()
        idle = all(w.state == "RUNNING" and not w.current for w in status.workers)
        undone = status.queue.depth + status.queue.in_progress
        return status if idle and not undone and len(status.workers) == 3 else None

    try:
        status = eventually(still, "the board stands still", STANDS_WITHIN_S)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{_why(ground)}") from error
    assert status is not None
    return status


def _why(ground: Ground) -> str:
    """What does not stand still, in the daemon's own words."""
    undone = [t.id for t in ground.tickets() if t.state in UNDONE][:3]
    said = [ground.ctl("why", str(number), check=False).stdout for number in undone]
    return "\n".join([ground.ctl("status", check=False).stdout, *said])


def assert_well(ground: Ground, status: control.StatusReply, files: int) -> None:
    """The daemon says so, and the machine agrees: these five processes and no other,
    no zombie, no run's descendant, no descriptor more than at the start."""
    assert status.daemon.healthy, status.daemon.problems
    assert status.daemon.spawner_pid is not None
    ours = {status.daemon.pid, status.daemon.spawner_pid}
    ours |= {worker.pid or 0 for worker in status.workers}
    assert status.daemon.pid == ground.daemon.pid

    assert_alone(ground, ours)
    assert ours <= {trace.pid for trace in ground.processes()}
    eventually(lambda: not _zombies(ours), f"no zombies: {_zombies(ours)}", 10)
    pid = ground.daemon.pid
    eventually(lambda: descriptors(pid) <= files, f"{files} files: {_files(pid)}", 10)


def assert_alone(ground: Ground, ours: AbstractSet[int], within_s: float = 10) -> None:
    """No process of the system lives but these."""

    def others() -> list[traces.Trace]:
        return [trace for trace in ground.processes() if trace.pid not in ours]

    eventually(lambda: not others(), f"only ours live: {others()}", within_s)


def _files(pid: int) -> list[str]:
    names = []
    for file in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):  # closed just now
            names.append(str(file.readlink()))
    return sorted(names)


def _zombies(pids: Iterable[int]) -> list[int]:
    return [
        int(child)
        for pid in pids
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        if not traces.alive(int(child))
    ]


def assert_accounted(ground: Ground, load: Load) -> list[int]:
    """Every ticket that was acknowledged is there, and none besides; returns those
    that had bad luck."""
    tickets = {ticket.id: ticket for ticket in ground.tickets()}
    assert tickets.keys() == set(load.ids.values())
    for key, number in load.ids.items():
        assert tickets[number].key == key
    assert {ticket.state for ticket in tickets.values()} <= set(RESTS)
    for number in load.cancelled:
        assert tickets[number].state == "cancelled", tickets[number]
    failed = [ticket for ticket in tickets.values() if ticket.state == "failed"]
    for ticket in failed:
        last = max(ground.runs(ticket.id), key=lambda run: run.epoch)
        assert last.failure in UNLUCKY, (ticket, last)
    return [ticket.id for ticket in failed]


def assert_effects(runs: Sequence[control.Run], load: Load) -> None:
    """An agent begins once for a run, never beside another of its ticket, and a run
    that finished did what it was for."""
    for key, kind in load.kinds.items():
        if kind in ("noop", "asks") or key not in load.ids:
            continue
        path = load.effects(key)
        lines = path.read_text().splitlines() if path.exists() else []
        assert_one_at_a_time(key, lines)
        mine = [run for run in runs if run.ticket_id == load.ids[key]]
        for run in mine:
            if run.status == "finished":
                assert f"ends {run.epoch}" in lines, (run, lines)


def assert_one_at_a_time(key: str, lines: Sequence[str]) -> None:
    doubled = [line for line, count in Counter(lines).items() if count > 1]
    assert doubled == [], f"{key}: done twice: {doubled}"
    epochs = [int(line.split()[1]) for line in lines]
    assert epochs == sorted(epochs), f"{key}: one agent beside another: {lines}"


def shut_down(ground: Ground, load: Load) -> Counter[str]:
    """In order; then nothing is left but a store that tells a lawful story. Returns
    what it tells: how often runs ended how, and what is in the journal."""
    ground.shutdown()
    assert_nothing_left(ground)
    db = open_reader(ground.state / "kanban.db")
    try:
        assert db.execute("PRAGMA integrity_check").get == "ok"
        reads = SqliteReads(db)
        tickets, _ = reads.tickets(control.ListCall(cancelled=True, limit=ALL))
        runs = reads.runs(control.RunsCall(limit=ALL))
        events = reads.events(since=0, limit=ALL)
    finally:
        db.close()
    found = check(tickets, runs, events)
    assert found == [], found[:5]
    assert_effects(runs, load)
    ends = Counter(f"run {run.failure or run.status}" for run in runs)
    return ends + Counter(f"event {event.type}" for event in events)
