"""``Edit``: fields of tickets, each ticket by itself."""

from typing import Final

import msgspec

from kanban_ipc.control import (
    ChangedReply,
    EditCall,
    NewTicket,
    Refused,
    Ticket,
    TicketEdit,
)
from kanband.shell.methods.add import notes
from kanband.shell.methods.answers import invalid
from kanband.shell.methods.arguments import check_id, check_ids, check_name
from kanband.shell.methods.denied import sorted_out
from kanband.shell.methods.entering_ready import Needs, obstacles
from kanband.shell.methods.new_ticket import DURATION_S_MAX, checked
from kanband.shell.methods.spoken import span
from kanband.shell.methods.woken import wake
from kanband.shell.ports import Daemon
from kanband.store.questions import Reads
from kanband.store.values import EditRefusal, Moved
from kanband.store.verbs import Verbs

_OF_A_TICKET: Final = (
    "description_md",
    "instructions",
    "board",
    "repo_path",
    "base_branch",
    "agent",
    "model",
    "priority",
    "priority_number",
    "task_type",
    "scheduled_at_ms",
    "timeout_s",
    "estimated_duration_s",
    "max_retries",
)


async def edit(daemon: Daemon, call: EditCall) -> ChangedReply:
    """A ready ticket that could not have entered Ready like that is not changed."""
    ids = check_ids(call.ids)
    wish = await _checked(daemon, call.edit)
    found = await daemon.store.read(lambda reads: _ask(reads, ids))
    barred = await _barred(daemon, found, wish)
    now_ms = daemon.clock.now_ms()

    def change(verbs: Verbs) -> list[Moved | EditRefusal]:
        return [
            barred[each]
            if each in barred
            else verbs.edit([each], wish, now_ms=now_ms)[0]
            for each in ids
        ]

    moved, denied = sorted_out(ids, await daemon.store.do(change))
    tickets = [each.ticket for each in moved]
    wake(daemon, woke=any(each.woke for each in moved), tickets=tickets)
    said = await notes(daemon, tickets)
    return ChangedReply(tickets=tickets, refused=denied, notes=said)


def _ask(reads: Reads, ids: list[int]) -> list[Ticket]:
    return [each for each in map(reads.ticket, ids) if each is not None]


async def _checked(daemon: Daemon, wish: TicketEdit) -> TicketEdit:
    """The edit with its repository's one name. Raises ``Declined``."""
    if wish == TicketEdit():
        raise invalid("edit", "changes nothing; name a field and its value")
    for name in wish.clear:
        if getattr(wish, name, None) is not None:
            raise invalid("edit.clear", f"{name} cannot be emptied and set at once")
    given = {name: getattr(wish, name) for name in _OF_A_TICKET}
    like = NewTicket(
        title="-" if wish.title is None else wish.title,
        labels=wish.add_labels,
        depends_on=wish.add_depends_on,
        **{name: value for name, value in given.items() if value is not None},
    )
    like = await checked(daemon, like, "edit")
    for label in wish.remove_labels:
        check_name("edit.remove_labels", label)
    for number in wish.remove_depends_on:
        check_id(number, "edit.remove_depends_on")
    took_s = wish.actual_duration_s
    if took_s is not None and not 0 < took_s <= DURATION_S_MAX:
        allowed = f"more than 0, at most {span(DURATION_S_MAX)}"
        raise invalid("edit.actual_duration_s", f"is {took_s:g}; allowed: {allowed}")
    return msgspec.structs.replace(wish, repo_path=like.repo_path)


async def _barred(
    daemon: Daemon, tickets: list[Ticket], wish: TicketEdit
) -> dict[int, Refused]:
    """Ready tickets whose new agent or repository would not do."""
    if "repo_path" not in wish.clear and wish.repo_path is wish.agent is None:
        return {}
    needs = {
        each.id: Needs(
            wish.agent or each.agent,
            None if "repo_path" in wish.clear else wish.repo_path or each.repo_path,
        )
        for each in tickets
        if each.state == "ready"
    }
    against = await obstacles(daemon, needs.values())
    return {
        number: Refused(
            message=f"Ticket {number} is ready, and could not be like that: "
            f"{against[need]}. Take it out of Ready first (kanbanctl move {number} "
            "backlog), or mend that."
        )
        for number, need in needs.items()
        if need in against
    }
