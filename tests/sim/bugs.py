"""Bugs planted in the production code (and one in a double), each as it was once
written by somebody: every one must be seen by the checks.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, Final
from unittest.mock import patch

import msgspec

from kanban_ipc import link
from kanband.core import landing, retries, tickets
from kanband.shell.dispatch import Dispatch
from kanband.shell.due import DueTimer
from kanband.shell.live import LiveTable
from kanband.shell.orphans import Orphans, Reaped, _result
from kanband.shell.reports import Reports
from kanband.store import adding, claiming, lanes, moving, settling, waking
from kanband.store.ledger import Ledger
from sim.worker import SimWorker

Plant = Callable[[], Any]
"""Makes a context manager in which the bug is there."""
_land: Final = landing.land
_receive: Final = Reports.receive
_note: Final = Ledger.note
_best: Final = claiming._Picker._best
_wait_of: Final = tickets.wait_of


def _sql(statements: Mapping[str, str], name: str, old: str, new: str) -> Any:
    assert old in statements[name], f"there is no {old} in {name}"
    assert isinstance(statements, dict)
    return patch.dict(statements, {name: statements[name].replace(old, new)})


@contextmanager
def _all(*patches: Any) -> Iterator[None]:
    with ExitStack() as stack:
        for each in patches:
            stack.enter_context(each)
        yield


def _nothing(*_args: object, **_named: object) -> None:
    """What was forgotten."""


def _no(*_args: object, **_named: object) -> bool:
    return False


def _acknowledges_early(self: Reports, session: Any, report: Any) -> None:
    held = link.Held(report.run_id, report.epoch)
    self._post.ack(session, held, report.seq)
    _receive(self, session, report)


def _does_not_reap(self: Orphans, run: Any) -> None:
    self._dispatch.end_unreported(run, _result(run, Reaped(outcome="lost")))


def _forgets_the_wish(state: Any, _wish: Any, *args: Any, **named: Any) -> Any:
    return _land(state, None, *args, **named)


def _counts_nothing(failure: Any, tally: Any, policy: Any, jitter: float) -> Any:
    verdict = retries._counted(failure, tally, policy, jitter)
    return msgspec.structs.replace(verdict, tally=tally)


def _has_no_end(failure: Any, tally: Any, policy: Any, jitter: float) -> Any:
    verdict = retries._lost(failure, tally, policy, jitter)
    return msgspec.structs.replace(verdict, again=True)


def _skips_some(self: Ledger, entry: Any) -> None:
    if entry.type != "run_finished":
        _note(self, entry)


async def _recovers_nothing(self: Dispatch) -> None:
    await self._due.promote()


async def _keeps_the_transfer_to_itself(self: Orphans, run: Any, heir: Any) -> None:
    moved = asyncio.get_running_loop().create_future()
    moved.set_result([run.run_id])
    await self._dispatch.adopt(run, heir.worker_id, moved)


def _keeps_the_slot(self: LiveTable, run_id: Any) -> None:
    run = self._runs.pop(run_id, None)
    if run is not None:
        run.ended.set()


def _takes_the_oldest(self: Any, lanes: Any, *, oldest: bool) -> Any:
    del oldest
    return _best(self, lanes, oldest=True)


def _takes_the_most_urgent(self: Any, lanes: Any, *, oldest: bool) -> Any:
    del oldest
    return _best(self, lanes, oldest=False)


def _depends_on_nothing(due: Any, *, unmet: bool, now_ms: int) -> Any:
    del unmet
    return _wait_of(due, unmet=False, now_ms=now_ms)


BUGS: Final[dict[str, Plant]] = {
    "settle ignores who holds the ticket": lambda: patch.object(
        settling, "_holds", lambda _row, _end: True
    ),
    "acknowledges before the commit": lambda: patch.object(
        Reports, "receive", _acknowledges_early
    ),
    "due tickets are forgotten": lambda: patch.object(DueTimer, "_fall_due", _nothing),
    "due tickets are woken early": lambda: _sql(
        waking._SQL, "due", "due_at_ms <= ?", "due_at_ms <= ? + 600000"
    ),
    "a wake-up is dropped": lambda: patch.object(Dispatch, "wake", _nothing),
    "runs are given up without reaping": lambda: patch.object(
        Orphans, "_begin_reaping", _does_not_reap
    ),
    "failures are not counted": lambda: patch.dict(
        retries._DECIDE, {"counted": _counts_nothing}
    ),
    "poison is never set aside": lambda: patch.dict(
        retries._DECIDE, {"lost": _has_no_end}
    ),
    "parked tickets are forgotten": lambda: _all(
        patch.object(settling, "wake", _no), patch.object(moving, "wake", _no)
    ),
    "a cancelled ticket is resurrected": lambda: patch.object(
        settling, "land", _forgets_the_wish
    ),
    "a slot is not given back": lambda: patch.object(
        LiveTable, "remove", _keeps_the_slot
    ),
    "more runs than slots": lambda: patch.object(
        LiveTable, "count", lambda _self, _worker: 0
    ),
    "a repository is entered though it is full": lambda: patch.object(
        claiming._Picker, "_enter", lambda _self, _repo, _in_place: True
    ),
    "the youngest is taken first": lambda: _sql(
        lanes._SQL, "lane", "ORDER BY id", "ORDER BY id DESC"
    ),
    "priority is forgotten": lambda: patch.object(
        claiming._Picker, "_best", _takes_the_oldest
    ),
    "it is never the turn of the oldest": lambda: patch.object(
        claiming._Picker, "_best", _takes_the_most_urgent
    ),
    "the epoch is not raised": lambda: _sql(
        claiming._SQL, "claim", "epoch = epoch + 1", "epoch = epoch"
    ),
    "leases are not recovered": lambda: patch.object(
        Dispatch, "recover", _recovers_nothing
    ),
    "a transfer is not stored": lambda: patch.object(
        Orphans, "_transfer", _keeps_the_transfer_to_itself
    ),
    "dependents begin too early": lambda: patch.object(
        adding, "wait_of", _depends_on_nothing
    ),
    "dependents are never woken": lambda: _all(
        patch.object(settling, "open_dependents", _no),
        patch.object(moving, "open_dependents", _no),
    ),
    "the journal has no ends": lambda: patch.object(Ledger, "note", _skips_some),
    "a key makes a second ticket": lambda: patch.object(adding, "_by_key", _nothing),
    "a worker says nothing again (double)": lambda: patch.object(
        SimWorker, "_repeat", _nothing
    ),
}

_A_QUEUE: Final = {"workers": 1, "slots": 1, "tickets": 60, "meddling": 2.0}
NEEDS: Final[dict[str, dict[str, Any]]] = {
    "the youngest is taken first": _A_QUEUE,
    "priority is forgotten": _A_QUEUE,
    "it is never the turn of the oldest": _A_QUEUE,
    "failures are not counted": {"agent_fails": 0.9, "meddling": 1.0, "agent_s": 20.0},
    "a transfer is not stored": {"workers": 3, "worker_stalls": 60.0},
    "dependents are never woken": {"agent_fails": 0.0, "poison": 0.0},
    # Restarts would tell what it does not say again.
    "a worker says nothing again (double)": {"lost": 0.3, "worker_kills": 0.0},
}
"""What a bug wants more of than the rough world has, to be met soon."""
