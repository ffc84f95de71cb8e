"""Tickets that wait for their repository: out of the claim's way, and back.

When a claim meets a repository at its limit, all of its claimable tickets are parked in
one statement, so that no later claim meets them. A release wakes as many as became
free, the best of each lane (board and agent), and its oldest, which else would never be
there for the claim that takes the oldest: the claim decides, and parks again what it
meets full. A woken ticket that leaves ``ready`` without being claimed (a user moved it)
hands its turn on in the same way, else the others would wait for a release that never
comes.
"""

from collections.abc import Mapping
from typing import Final

import apsw

from kanban_ipc.words import PRIORITIES
from kanband.core import journal
from kanband.store.cooling import wake_all
from kanband.store.ledger import Ledger
from kanband.store.rows import encode
from kanband.store.statements import load

IN_LINE: Final = (None, "wip", "cooldown")
"""What a ticket that is next in its repository may wait for: a full board is closed as
a whole, and one whose provider cools down was perhaps woken before a claim saw that.
"""
BANDS: Final = range(len(PRIORITIES))
_SQL: Final = load("claiming")


def park(db: apsw.Connection, repo_path: str, agents: list[str]) -> None:
    """Every claimable ticket of a repository for these agents."""
    db.execute(_SQL["park"], (repo_path, encode(agents).decode()))


def wake(db: apsw.Connection, places: Mapping[str, int]) -> bool:
    """For each repository, so many places became free. True when one was woken."""
    woke = False
    for repo_path, free in places.items():
        lane = ("", "")
        while lane := db.execute(_SQL["next_parked_lane"], (repo_path, *lane)).get:
            board, agent = lane
            oldest = _oldest(db, repo_path, board, agent)
            db.execute(_SQL["unpark_best"], (repo_path, board, agent, free))
            db.execute(_SQL["unpark"], (oldest,))
            woke = True
            lane = (board, agent + "\0")  # the next string in order
    return woke


def has_room_for_next(db: apsw.Connection, board: str) -> bool:
    """Whether one of a board's tickets may be begun now because another one ended.

    A full board's tickets are not parked: they stand in lanes of their own, which the
    claim steps over.
    """
    return bool(db.execute(_SQL["limited_with_claimable"], (board,)).get)


def _oldest(db: apsw.Connection, repo_path: str, board: str, agent: str) -> int | None:
    lane = (repo_path, board, agent)
    heads = [db.execute(_SQL["oldest_parked"], (*lane, band)).get for band in BANDS]
    return min((head for head in heads if head is not None), default=None)


def unpark(db: apsw.Connection, *, now_ms: int) -> bool:
    """Everything, because limits changed; True when something waited."""
    db.execute(_SQL["unpark_all"])
    woken = db.changes() + wake_all(db)
    if woken:
        ledger = Ledger(db, now_ms)
        ledger.note(journal.unparked(woken))
        ledger.write()
    return woken > 0
