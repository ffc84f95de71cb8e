"""``claim``: the one place where a ticket gets a run.

Wants take turns, one ticket each, until none finds any more. A turn takes the most
urgent of the tickets that the want may do, of these the oldest; every so-many-th
claim takes the oldest whatever its priority, so that none starves.

Boards that are paused, or have as many tickets in progress as they may, are stepped
over with all of their lanes.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final

import apsw
import msgspec

from kanban_ipc.words import Epoch, RunId
from kanband.core import journal
from kanband.store import cooling
from kanband.store.lanes import Lane, Scope, lane_keys
from kanband.store.ledger import Ledger
from kanband.store.parking import park
from kanband.store.rows import Row, work_of
from kanband.store.statements import load
from kanband.store.values import ANY, Claim, ClaimPolicy, Want

_SQL: Final = load("claiming")
_PIECE_MAX: Final = 64
"""Tickets read at once from a lane; ids only, so it is cheap to read some too many."""


class _Pick(msgspec.Struct, frozen=True):
    ticket_id: int
    want: Want
    agent: str
    repo_path: str | None
    in_place: bool


class _Picker:
    """A call of ``claim`` while it chooses; only parking is written before the end."""

    def __init__(
        self,
        db: apsw.Connection,
        wants: Sequence[Want],
        policy: ClaimPolicy,
        cooling: frozenset[str],
    ) -> None:
        self._db = db
        self._policy = policy
        self._cooling = cooling
        """Providers of which nothing may begin now."""
        self._paused: set[str] = set()
        self._room: dict[str, int] = {}
        """How many more may be in progress, of boards with a limit."""
        for name, paused, room in db.execute(_SQL["closed_boards"]):
            if paused:
                self._paused.add(name)
            if room is not None:
                self._room[name] = room
        self._names = agent_names(policy)
        self._lanes: dict[Scope, list[Lane]] = {}
        self._open: dict[tuple[Scope, str | None, object], list[Lane]] = {}
        self._taken: set[int] = set()
        self._full: dict[bool, set[str]] = {False: set(), True: set()}
        self._holders: dict[tuple[str, bool], int] = {}
        self._piece = min(_PIECE_MAX, sum(want.count for want in wants) + 1)

    def pick(self, want: Want, *, oldest: bool) -> _Pick | None:
        """The best ticket for a want; a full repository met on the way is parked."""
        filters = ((want.repo_path, want.labels), want.board, want.agents)
        if filters not in self._open:
            self._open[filters] = self._lanes_for(want)
        while best := self._best(self._open[filters], oldest=oldest):
            lane, number, repo = best
            if repo is None or self._enter(repo, lane.in_place):
                self._taken.add(number)
                if lane.board in self._room:
                    self._room[lane.board] -= 1
                in_place = lane.in_place and repo is not None
                return _Pick(number, want, lane.profile, repo, in_place)
        return None

    def _best(
        self, lanes: list[Lane], *, oldest: bool
    ) -> tuple[Lane, int, str | None] | None:
        found: tuple[Lane, int, str | None] | None = None
        for lane in lanes:
            if self._room.get(lane.board, 1) <= 0:
                continue
            head = lane.head(self._taken, self._full[lane.in_place], self._piece)
            if head is None:
                continue
            order = (0 if oldest else lane.band, head[0])
            if found is None or order < (0 if oldest else found[0].band, found[1]):
                found = (lane, *head)
        return found

    def _lanes_for(self, want: Want) -> list[Lane]:
        """The lanes that a want may take from."""
        scope = (want.repo_path, want.labels)
        if scope not in self._lanes:
            self._lanes[scope] = list(self._claimable(scope))
        return [
            lane
            for lane in self._lanes[scope]
            if want.board in (None, lane.board)
            and (want.agents is None or lane.profile in want.agents)
        ]

    def _claimable(self, scope: Scope) -> Iterator[Lane]:
        """Lanes of boards that are not paused, for agents that there are.

        A lane of a provider that cools down is empty, but for tickets with labels that
        wait for their repository.
        """
        for key in lane_keys(self._db, scope):
            board, agent, _band = key
            profile = self._names.get(agent)
            if profile is None or board in self._paused:
                continue
            if self._policy.provider(profile) not in self._cooling:
                in_place = self._policy.agents[profile].in_place
                yield Lane(self._db, key, scope, profile=profile, in_place=in_place)

    def _enter(self, repo: str, in_place: bool) -> bool:
        """Count a run into its repository, or find it full and park its tickets."""
        key = (repo, in_place)
        if key not in self._holders:
            self._holders[key] = self._db.execute(_SQL["holders"], key).get
        limit = 1 if in_place else self._policy.max_runs_per_repo
        if limit and self._holders[key] >= limit:
            park(self._db, repo, self._alike(in_place))
            self._full[in_place].add(repo)
            return False
        self._holders[key] += 1
        return True

    def _alike(self, in_place: bool) -> list[str]:
        """Names in tickets that mean an agent of this way of working."""
        return [
            name
            for name, agent in self._names.items()
            if self._policy.agents[agent].in_place is in_place
        ]


def agent_names(policy: ClaimPolicy) -> dict[str, str]:
    """What a ticket may ask for, and the profile that it gets."""
    names = {name: name for name in policy.agents}
    if policy.default_agent in policy.agents:
        names[ANY] = policy.default_agent
    else:
        names.pop(ANY, None)
    return names


def claim(
    db: apsw.Connection,
    wants: Sequence[Want],
    policy: ClaimPolicy,
    *,
    run_ids: Sequence[RunId],
    now_ms: int,
) -> list[Claim]:
    """See ``Verbs.claim``."""
    paused, made = db.execute(_SQL["settings"]).get
    if paused:
        return []
    picker = _Picker(db, wants, policy, cooling.park(db, policy, now_ms))
    picks = _choose(picker, wants, policy.starvation_bound, made)
    if not picks:
        return []
    assert len(run_ids) >= len(picks), "fewer run ids than slots"
    db.execute(_SQL["claims_made"], (made + len(picks),))
    return _write(db, picks, policy, run_ids, now_ms)


def _choose(
    picker: _Picker, wants: Sequence[Want], bound: int, made: int
) -> list[_Pick]:
    picks: list[_Pick] = []
    turns = deque((want, want.count) for want in wants if want.count > 0)
    while turns:
        want, left = turns.popleft()
        oldest = bound > 0 and (made + len(picks) + 1) % bound == 0
        pick = picker.pick(want, oldest=oldest)
        if pick is None:
            continue
        picks.append(pick)
        if left > 1:
            turns.append((want, left - 1))
    return picks


def _write(
    db: apsw.Connection,
    picks: list[_Pick],
    policy: ClaimPolicy,
    run_ids: Sequence[RunId],
    now_ms: int,
) -> list[Claim]:
    chosen = [(pick.ticket_id,) for pick in picks]
    rows: list[Row] = list(db.executemany(_SQL["chosen"], chosen))
    db.executemany(
        _SQL["claim"],
        [
            (pick.ticket_id, run_id, pick.want.worker_id, now_ms)
            for pick, run_id in zip(picks, run_ids, strict=False)
        ],
    )
    ledger = Ledger(db, now_ms)
    claims: list[Claim] = []
    runs: list[Row] = []
    for pick, run_id, row in zip(picks, run_ids, rows, strict=False):
        provider = policy.provider(pick.agent)
        claims.append(_claimed(pick, run_id, row, ledger, provider))
        runs.append(
            (
                run_id,
                pick.ticket_id,
                row[17],
                row[18],
                pick.want.worker_id,
                pick.agent,
                pick.repo_path,
                pick.in_place,
                now_ms,
            )
        )
    db.executemany(_SQL["run"], runs)
    ledger.write()
    return claims


def _claimed(
    pick: _Pick, run_id: RunId, row: Row, ledger: Ledger, provider: str
) -> Claim:
    work = work_of(row, row[19])
    epoch = Epoch(row[17])
    ledger.count(row[16], "ready", "assigned")
    ledger.note(
        journal.assigned(
            journal.Lease(
                pick.ticket_id, run_id, epoch, pick.want.worker_id, pick.agent
            ),
            attempt=row[18],
            branch=work.branch,
            worktree=work.worktree,
            description=work.description_md,
            provider=provider,
        )
    )
    return Claim(
        run_id=run_id,
        epoch=epoch,
        attempt=row[18],
        worker_id=pick.want.worker_id,
        agent=pick.agent,
        work=work,
        timeout_s=row[15],
    )
