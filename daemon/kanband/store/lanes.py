"""Lanes: claimable tickets of one board, agent and band, in order of age.

Behind a million tickets a claim touches only the heads of the lanes: each lane is a
range of an index, read in small pieces as it is used up.
"""

from collections import deque
from collections.abc import Collection, Iterator
from typing import Final, TypeAlias

import apsw

from kanband.store.rows import encode
from kanband.store.statements import load

LaneKey: TypeAlias = tuple[str, str, int]
"""(board, agent as the tickets name it, band)."""

Scope: TypeAlias = tuple[str | None, frozenset[str]]
"""Which tickets of a lane a want may do: (its one repository, all of its labels)."""

_SQL: Final = load("claiming")


class Lane:
    """One range, with a buffer of its oldest tickets."""

    def __init__(
        self,
        db: apsw.Connection,
        key: LaneKey,
        scope: Scope,
        *,
        profile: str,
        in_place: bool,
    ) -> None:
        self._db = db
        self.board, _agent, self.band = key
        self.profile = profile
        """The agent that its tickets get."""
        self.in_place = in_place
        repo, labels = scope
        self._query = _SQL["lane"] if repo is None else _SQL["lane_in_repo"]
        self._range: tuple[str | int, ...] = key if repo is None else (repo, *key)
        self._sieve: tuple[str | None, ...] = ()
        if labels:
            first, *_ = ordered = sorted(labels)
            texts = (encode(first).decode(), encode(ordered).decode())
            self._query, self._range = _SQL["lane_labelled"], key
            self._sieve = (*texts, repo)
        self._buffer: deque[tuple[int, str | None]] = deque()
        self._after = 0
        self._more = True

    def head(
        self, taken: Collection[int], full: Collection[str], piece: int
    ) -> tuple[int, str | None] | None:
        """The oldest ticket (id, repository) that is not taken and whose repository
        is not full; ``piece``: how many to read at once.
        """
        while True:
            if not self._buffer and not self._read(piece):
                return None
            number, repo = self._buffer[0]
            if number not in taken and repo not in full:
                return number, repo
            self._buffer.popleft()

    def _read(self, piece: int) -> bool:
        if not self._more:
            return False
        self._buffer.extend(
            self._db.execute(
                self._query, (*self._range, self._after, *self._sieve, piece)
            )
        )
        self._more = len(self._buffer) == piece
        if self._buffer:
            self._after = self._buffer[-1][0]
        return bool(self._buffer)


def lane_keys(db: apsw.Connection, scope: Scope) -> Iterator[LaneKey]:
    """Every lane that has tickets, or those with tickets of one repository."""
    repo, labels = scope
    place: tuple[str, ...] = ()
    query = _SQL["next_lane_labelled"] if labels else _SQL["next_lane"]
    if repo is not None and not labels:
        place, query = (repo,), _SQL["next_lane_in_repo"]
    key: LaneKey | None = db.execute(query, (*place, "", "", 0)).get
    while key is not None:
        yield key
        board, agent, band = key
        key = db.execute(query, (*place, board, agent, band + 1)).get
