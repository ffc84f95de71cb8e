"""``Gc``: what nobody needs any more is freed, or shown.

Decided here, what is needed: the newest run of a ticket that is not done, whatever its
age (its diff is what one reviews); everything younger than ``keep_s``; of worktrees,
all but those of completed and cancelled tickets, which git then judges. Journal
entries go from the oldest on, and cursors before them have expired.
"""

import asyncio
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from kanban_ipc.control import Freed, GcCall, GcReply, Kept, Ticket
from kanban_ipc.layout import LOGS_DIR, RUNS_DIR, WORKTREES_DIR
from kanban_ipc.words import RunId
from kanband.shell.clearing import Entry, delete, delete_run, entries, size_of
from kanband.shell.methods.answers import invalid
from kanband.shell.ports import Daemon
from kanband.shell.pruner import prune_worktree
from kanband.store.questions import Reads
from kanband.store.verbs import Verbs

PRUNED_AT_ONCE: Final = 5_000
"""Journal rows in one transaction: some ten milliseconds of the writer's time."""
_DONE: Final = frozenset(("completed", "cancelled"))
_OURS: Final = frozenset(("daemon", "spawner"))
"""Logs without a worker."""


class _Run(NamedTuple):
    """A run's folder that may go."""

    entry: Entry
    ended_ms: int
    text: str


async def gc(daemon: Daemon, call: GcCall) -> GcReply:
    """Only what was asked for; each thing that stays against expectation is told."""
    for name, value in (("keep_s", call.keep_s), ("keep_bytes", call.keep_bytes)):
        if value is not None and not 0 <= value < 1e15:  # noqa: PLR2004 - any bound
            raise invalid(name, f"is {value}; allowed: 0 or more")
    before_ms = daemon.clock.now_ms() - int(call.keep_s * 1000)
    freed: list[Freed] = []
    kept: list[Kept] = []
    await _runs(daemon, call, before_ms, freed, kept)
    await _worktrees(daemon, call, freed, kept)
    await _logs(daemon, call, before_ms, freed, kept)
    entries_freed, base = await _journal(daemon, call, before_ms)
    return GcReply(
        dry_run=call.dry_run,
        freed=freed,
        kept=kept,
        freed_bytes=sum(each.size_bytes for each in freed),
        journal_entries=entries_freed,
        journal_base=base,
    )


async def _runs(
    daemon: Daemon, call: GcCall, before_ms: int, freed: list[Freed], kept: list[Kept]
) -> None:
    folder = daemon.config.state_dir / RUNS_DIR
    found = await asyncio.to_thread(entries, folder)
    may_go = await daemon.store.read(lambda reads: list(_unneeded(reads, found)))
    left = sum(entry.size_bytes for entry in found)
    for run in sorted(may_go, key=lambda run: run.ended_ms):
        too_much = call.keep_bytes is not None and left > call.keep_bytes
        if run.ended_ms > before_ms and not too_much:
            continue
        path = run.entry.path
        reason = "" if call.dry_run else await asyncio.to_thread(delete_run, path)
        if reason:
            kept.append(Kept(kind="run", path=str(path), reason=reason))
        else:
            left -= run.entry.size_bytes
            freed.append(_freed("run", path, run.entry.size_bytes, run.text))


def _unneeded(reads: Reads, found: Sequence[Entry]) -> Iterator[_Run]:
    for entry in found:
        run = reads.run(RunId(entry.path.name))
        if run is None:
            text = "of no run in the store"
            yield _Run(entry, entry.changed_ms, text)
            continue
        ticket = reads.ticket(run.ticket_id)
        assert ticket is not None
        replaced = run.epoch < ticket.epoch
        if run.ended_at_ms is not None and (replaced or ticket.state in _DONE):
            text = f"ticket {ticket.id}, attempt {run.attempt}, {run.status}"
            yield _Run(entry, run.ended_at_ms, text)


async def _worktrees(
    daemon: Daemon, call: GcCall, freed: list[Freed], kept: list[Kept]
) -> None:
    folder = daemon.config.state_dir / WORKTREES_DIR
    names = await asyncio.to_thread(
        lambda: [each.path.name for each in entries(folder)]
    )
    for name in names:
        # Asked one by one, just before: somebody may have reopened it meanwhile.
        ticket = await daemon.store.read(partial(_done, name=name))
        if ticket is None or ticket.worktree is None:
            continue
        path = Path(ticket.worktree)
        size_bytes = await asyncio.to_thread(size_of, path)
        reason = await prune_worktree(daemon.config, ticket, dry_run=call.dry_run)
        if reason:
            kept.append(Kept(kind="worktree", path=str(path), reason=reason))
        else:
            text = f"ticket {ticket.id}, {ticket.state}; its branch stays"
            freed.append(_freed("worktree", path, size_bytes, text))


def _done(reads: Reads, name: str) -> Ticket | None:
    """The ticket that works in this folder, if it is done."""
    number = name.partition("-")[0]
    if not (number.isascii() and number.isdecimal() and len(number) <= 18):  # noqa: PLR2004
        return None
    ticket = reads.ticket(int(number))
    if ticket is None or ticket.state not in _DONE or ticket.repo_path is None:
        return None
    ours = ticket.worktree is not None and Path(ticket.worktree).name == name
    return ticket if ours and ticket.run_id is None else None


async def _logs(
    daemon: Daemon, call: GcCall, before_ms: int, freed: list[Freed], kept: list[Kept]
) -> None:
    """Of workers that there are no more."""
    for entry in await asyncio.to_thread(entries, daemon.config.state_dir / LOGS_DIR):
        worker = entry.path.name.partition(".log")[0]
        if (
            worker in _OURS
            or daemon.fleet.known(worker)
            or entry.changed_ms > before_ms
        ):
            continue
        reason = "" if call.dry_run else await asyncio.to_thread(delete, entry.path)
        if reason:
            kept.append(Kept(kind="log", path=str(entry.path), reason=reason))
        else:
            text = f"{worker} is no worker any more"
            freed.append(_freed("log", entry.path, entry.size_bytes, text))


async def _journal(daemon: Daemon, call: GcCall, before_ms: int) -> tuple[int, int]:
    """(entries that went or would go, the base afterwards)."""
    base, target = await daemon.store.read(
        lambda reads: (reads.journal_base(), reads.journal_before(before_ms))
    )
    start = base
    if call.dry_run:
        return max(target - start, 0), base
    while base < target:
        up_to = min(target, base + PRUNED_AT_ONCE)
        base = await daemon.store.do(partial(_prune, up_to=up_to))
    return base - start, base


def _prune(verbs: Verbs, up_to: int) -> int:
    return verbs.prune_journal(up_to)


def _freed(kind: str, path: Path, size_bytes: int, text: str) -> Freed:
    return Freed(kind=kind, path=str(path), size_bytes=size_bytes, text=text)
