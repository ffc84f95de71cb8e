"""``claim`` in memory, by plain search."""

from collections.abc import Iterator, Sequence

from kanban_ipc.words import Epoch, RunId
from kanband.core import journal
from kanband.store.claiming import agent_names
from kanband.store.model.part import Part, enter
from kanband.store.model.world import RunRecord, TicketRecord
from kanband.store.values import Claim, ClaimPolicy, Want


class Claiming(Part):
    """``claim`` in memory, by plain search."""

    def claim(
        self,
        wants: Sequence[Want],
        policy: ClaimPolicy,
        *,
        run_ids: Sequence[RunId],
        now_ms: int,
    ) -> list[Claim]:
        claims: list[Claim] = []
        turns = [(want, want.count) for want in wants if want.count > 0]
        if not self._world.paused:
            self._park_cooling(policy, now_ms)
        while turns and not self._world.paused:
            want, left = turns.pop(0)
            ticket = self._pick(want, policy, now_ms)
            if ticket is None:
                continue
            run_id = run_ids[len(claims)]
            claims.append(self._claim(ticket, want, policy, run_id, now_ms))
            if left > 1:
                turns.append((want, left - 1))
        return claims

    def _pick(
        self, want: Want, policy: ClaimPolicy, now_ms: int
    ) -> TicketRecord | None:
        bound = policy.starvation_bound
        oldest = bound > 0 and (self._world.claims_made + 1) % bound == 0
        full: set[tuple[str | None, bool]] = set()
        while True:
            best = min(
                (
                    one
                    for one in self._may(want, policy, now_ms)
                    if _place(one, policy) not in full
                ),
                key=lambda ticket: (0 if oldest else ticket.band, ticket.id),
                default=None,
            )
            if best is None or not self._is_full(best, policy):
                return best
            self._park(best, policy)
            full.add(_place(best, policy))

    def _may(
        self, want: Want, policy: ClaimPolicy, now_ms: int
    ) -> Iterator[TicketRecord]:
        names = agent_names(policy)
        for ticket in self._world.tickets.values():
            new = ticket.new
            is_parked = ticket.waits_for == "repo" and bool(want.labels)
            if (
                (ticket.claimable or is_parked)
                and new.agent in names
                and not self._cools(policy.provider(names[new.agent]), now_ms)
                and (want.agents is None or names[new.agent] in want.agents)
                and want.board in (None, new.board)
                and want.repo_path in (None, new.repo_path)
                and want.labels <= set(new.labels)
                and not self._world.boards[new.board].paused
                and not self._world.is_full(new.board)
            ):
                yield ticket

    def _cools(self, provider: str, now_ms: int) -> bool:
        cool = self._world.cooldowns.get(provider)
        return cool is not None and cool.holds(now_ms)

    def _is_full(self, ticket: TicketRecord, policy: ClaimPolicy) -> bool:
        if ticket.new.repo_path is None:
            return False
        in_place = _in_place(ticket, policy)
        limit = 1 if in_place else policy.max_runs_per_repo
        holders = sum(
            run.repo_path == ticket.new.repo_path and run.in_place == in_place
            for run in self._world.live_runs()
        )
        return limit > 0 and holders >= limit

    def _park(self, met: TicketRecord, policy: ClaimPolicy) -> None:
        """All claimable tickets of its repository that work in the same way."""
        names = agent_names(policy)
        for ticket in list(self._world.claimable()):
            if (
                ticket.new.repo_path == met.new.repo_path
                and ticket.new.agent in names
                and _in_place(ticket, policy) == _in_place(met, policy)
            ):
                ticket.waits_for = "repo"

    def _park_cooling(self, policy: ClaimPolicy, now_ms: int) -> None:
        names = agent_names(policy)
        for ticket in list(self._world.claimable()):
            agent = names.get(ticket.new.agent)
            provider = "" if agent is None else policy.provider(agent)
            cool = self._world.cooldowns.get(provider)
            if cool is not None and cool.holds(now_ms):
                ticket.waits_for, ticket.cooling = "cooldown", provider
                ticket.due_at_ms = cool.until_ms

    def _claim(
        self,
        ticket: TicketRecord,
        want: Want,
        policy: ClaimPolicy,
        run_id: RunId,
        now_ms: int,
    ) -> Claim:
        assert run_id not in self._world.runs
        self._world.claims_made += 1
        ticket.epoch += 1
        ticket.attempts += 1
        run = RunRecord(
            id=run_id,
            ticket_id=ticket.id,
            epoch=Epoch(ticket.epoch),
            attempt=ticket.attempts,
            worker_id=want.worker_id,
            agent=agent_names(policy)[ticket.new.agent],
            repo_path=ticket.new.repo_path,
            in_place=_in_place(ticket, policy) and ticket.new.repo_path is not None,
            queued_at_ms=now_ms,
        )
        self._world.runs[run_id] = run
        ticket.run_id, ticket.worker_id = run_id, want.worker_id
        ticket.reason = ""
        enter(ticket, "assigned", now_ms)
        work = ticket.work()
        self._world.note(
            journal.assigned(
                run.lease,
                attempt=run.attempt,
                branch=work.branch,
                worktree=work.worktree,
                description=work.description_md,
                provider=policy.provider(run.agent),
            ),
            now_ms,
        )
        return Claim(
            run_id=run_id,
            epoch=run.epoch,
            attempt=run.attempt,
            worker_id=want.worker_id,
            agent=run.agent,
            work=work,
            timeout_s=ticket.new.timeout_s,
        )

    def unpark(self, *, now_ms: int) -> bool:
        parked = [
            ticket
            for ticket in self._world.tickets.values()
            if ticket.waits_for == "repo"
        ]
        for ticket in parked:
            ticket.waits_for = None
        for ticket in self._world.tickets.values():
            if ticket.cooling is not None:
                self._end_cooling(ticket)
                parked.append(ticket)
        if parked:
            self._world.note(journal.unparked(len(parked)), now_ms)
        return bool(parked)


def _place(ticket: TicketRecord, policy: ClaimPolicy) -> tuple[str | None, bool]:
    return ticket.new.repo_path, _in_place(ticket, policy)


def _in_place(ticket: TicketRecord, policy: ClaimPolicy) -> bool:
    return policy.agents[agent_names(policy)[ticket.new.agent]].in_place
