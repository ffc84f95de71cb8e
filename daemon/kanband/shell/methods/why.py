"""``Why``: what holds a ticket (or a worker) where it is, and the next step.

One function for each state of a ticket; ``why_ready`` has the many reasons of one that
waits for its turn, ``why_worker`` those of a worker. Each has a code for programs
and a sentence for people.
"""

import shlex
from collections.abc import Callable
from typing import Final

from kanban_ipc.control import Reason, Ticket, WhyCall, WhyReply
from kanban_ipc.words import TicketState
from kanband.shell.methods.answers import invalid
from kanband.shell.methods.arguments import check_id
from kanband.shell.methods.entering_ready import Needs, obstacles
from kanband.shell.methods.spoken import span
from kanband.shell.methods.stored import one_ticket
from kanband.shell.methods.why_ready import why_ready
from kanband.shell.methods.why_worker import why_worker
from kanband.shell.methods.worker_ids import check_known
from kanband.shell.ports import Daemon
from kanband.store.sayings import BLOCKED_WITHOUT_REASON

_RELEASED: Final = frozenset(("backlog", "blocked", "failed", "cancelled"))
"""What a person brings into Ready."""
_CHOICES_SPELT_MAX: Final = 3
"""More commands than that are a list of their own; 'show' has the choices."""


async def why(daemon: Daemon, call: WhyCall) -> WhyReply:
    """At least one reason, the most telling first."""
    if (call.id is None) == (call.worker_id is None):
        raise invalid("id", "name a ticket by it, or a worker by worker_id")
    if call.worker_id is not None:
        (worker,) = daemon.fleet.infos(check_known(daemon, [call.worker_id]))
        return WhyReply(ticket=None, worker=worker, reasons=why_worker(daemon, worker))
    assert call.id is not None
    check_id(call.id)
    ticket = await one_ticket(daemon, call.id)
    return WhyReply(ticket=ticket, reasons=await reasons(daemon, ticket))


async def reasons(daemon: Daemon, ticket: Ticket) -> list[Reason]:
    """At least one; a ticket that nothing holds up has ``leased``, ``next``, ``busy``
    or ``completed``.
    """
    if ticket.state == "ready":
        return await why_ready(daemon, ticket)
    if ticket.run_id is not None and ticket.worker_id is not None:
        return [_held(daemon, ticket, ticket.run_id, ticket.worker_id)]
    text = _RESTING[ticket.state](ticket)
    if ticket.state in _RELEASED:
        text += await _hindered(daemon, ticket)
    return [Reason(code=ticket.state, text=text, next_try_ms=None)]


async def _hindered(daemon: Daemon, ticket: Ticket) -> str:
    """What would refuse the command that is named; empty: nothing that is known."""
    needs = Needs.of(ticket)
    obstacle = (await obstacles(daemon, [needs])).get(needs)
    return f"; but first mend this: {obstacle}" if obstacle else ""


def _held(daemon: Daemon, ticket: Ticket, run_id: str, worker_id: str) -> Reason:
    """Who holds it, since when, and whether that can still be believed."""
    since_s = (daemon.clock.now_ms() - ticket.state_changed_at_ms) / 1000
    doing = "is being prepared" if ticket.state == "assigned" else "runs"
    text = f"run {run_id} {doing} on {worker_id}, for {span(since_s)}"
    for run in daemon.runs.current(worker_id):
        if run.run_id == run_id:
            text += f", {run.progress} % done" if run.progress else ""
            if run.stale != "ok":
                text += f"; nothing was heard of it for some time ({run.stale})"
    if not daemon.runs.connected(worker_id):
        text += (
            f"; {worker_id} is not connected now: the run goes on under its shim, and "
            "is taken over or found lost (kanbanctl status shows the worker)"
        )
    text += (
        f". Watch it: kanbanctl run logs -f {ticket.id}; end it: kanbanctl cancel "
        f"{ticket.id}"
    )
    return Reason(code="leased", text=text, next_try_ms=None)


def _failed(ticket: Ticket) -> str:
    kind = f" ({ticket.failure})" if ticket.failure else ""
    return (
        f"it failed{kind}: {_said(ticket)}. See kanbanctl run show {ticket.id} and "
        f"kanbanctl run logs {ticket.id}; then kanbanctl retry {ticket.id}"
    )


def _in_review(ticket: Ticket) -> str:
    where = f", its work is on {ticket.branch}" if ticket.branch else ""
    return (
        f"its run ended well{where}; look at it (kanbanctl run diff {ticket.id}), then "
        f"accept it (kanbanctl move {ticket.id} done) or try again (kanbanctl retry "
        f"{ticket.id})"
    )


def _approved(ticket: Ticket) -> str:
    completes = f"kanbanctl move {ticket.id} done --merged"
    branch, repo = ticket.branch, ticket.repo_path
    if not branch or not repo:
        return f"it was accepted; there is no branch of it to merge, so: {completes}"
    merge = f"git -C {shlex.quote(repo)} merge {shlex.quote(branch)}"
    return f"it was accepted; merge its branch {branch} ({merge}), then: {completes}"


def _blocked(ticket: Ticket) -> str:
    given = "" if ticket.reason in BLOCKED_WITHOUT_REASON else f": {_said(ticket)}"
    return f"a person blocked it{given}; release it: kanbanctl ready {ticket.id}"


def _conflicted(ticket: Ticket) -> str:
    return (
        f"its branch is in conflict: {_said(ticket)}. Mend it there, or start again: "
        f"kanbanctl retry {ticket.id} --fresh"
    )


def _needs_input(ticket: Ticket) -> str:
    question = ticket.question
    if question is None:
        return f"its agent asks: {_said(ticket)}. Answer it: {_answer(ticket)}"
    what = "permission" if question.kind == "permission" else "an answer"
    choices = ""
    if question.choices:
        choices = f" Its choices: {', '.join(question.choices)}."
    return (
        f"its agent asks for {what}: {question.text.strip()}{choices} Answer it, and "
        f"it goes on where it was: {_answer(ticket)}; or have it tried without one, "
        f"or with its text changed first (kanbanctl edit {ticket.id} -i TEXT): "
        f"kanbanctl retry {ticket.id}"
    )


def _answer(ticket: Ticket) -> str:
    """A choice can be pasted as it is; what nobody can know stays a word to replace."""
    texts = ticket.question.choices if ticket.question is not None else []
    ways = [f"kanbanctl answer {ticket.id} {shlex.quote(each)}" for each in texts]
    if not 0 < len(ways) <= _CHOICES_SPELT_MAX:
        return f"kanbanctl answer {ticket.id} TEXT"
    return ", or ".join(ways)


def _said(ticket: Ticket) -> str:
    return ticket.reason.strip().rstrip(".") or "no reason was recorded"


_RESTING: Final[dict[TicketState, Callable[[Ticket], str]]] = {
    "backlog": lambda t: f"nobody has released it; do so: kanbanctl ready {t.id}",
    "assigned": lambda t: f"its lease is being settled; ask again, or {_retry(t)}",
    "working": lambda t: f"its lease is being settled; ask again, or {_retry(t)}",
    "needs_input": _needs_input,
    "conflicted": _conflicted,
    "failed": _failed,
    "blocked": _blocked,
    "in_review": _in_review,
    "approved": _approved,
    "completed": lambda _: "it is done",
    "cancelled": lambda t: f"it was cancelled; bring it back: kanbanctl retry {t.id}",
}


def _retry(ticket: Ticket) -> str:
    return f"kanbanctl move {ticket.id} ready"
