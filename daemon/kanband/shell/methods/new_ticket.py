"""What a new ticket must be before the store is asked.

``core.intake`` has the rules that the store holds as well; here is what only matters
to whoever reads a ticket later: a shell, an environment, git, a terminal.
"""

from typing import Final

import msgspec

from kanban_ipc.control import NewTicket
from kanband.core.intake import flaw
from kanband.shell.methods.answers import Declined, invalid
from kanband.shell.methods.arguments import (
    INTEGER_MAX,
    canonical,
    check_id,
    check_name,
    check_number,
)
from kanband.shell.methods.spoken import span
from kanband.shell.ports import Daemon

RETRIES_MAX: Final = 1_000
DURATION_S_MAX: Final = 30 * 86_400.0
_REF_FORBIDS: Final = frozenset(" ~^:?*[\\\x7f")
"""git-check-ref-format(1)."""


async def checked(daemon: Daemon, new: NewTicket, field: str = "ticket") -> NewTicket:
    """The ticket with its repository's one name. Raises ``Declined``."""
    if sentence := flaw(new):
        raise invalid(field, sentence)
    _check_texts(new, field)
    _check_numbers(new, field)
    if new.agent != "any" and new.agent not in daemon.config.agents:
        known = ", ".join(daemon.config.agents)
        raise invalid(
            f"{field}.agent",
            f"there is no agent profile {new.agent!r:.80}; there are: any, {known}",
        )
    path = await canonical(f"{field}.repo_path", new.repo_path)
    return (
        new if path == new.repo_path else msgspec.structs.replace(new, repo_path=path)
    )


async def reason_against(daemon: Daemon, new: NewTicket) -> NewTicket | str:
    """The checked ticket, or why it cannot be taken."""
    try:
        return await checked(daemon, new)
    except Declined as declined:
        return str(declined)


def _check_texts(new: NewTicket, field: str) -> None:
    if not new.title.replace("\t", " ").isprintable():
        raise invalid(f"{field}.title", "must be one line of printable characters")
    for name in ("description_md", "instructions"):
        if "\0" in getattr(new, name):
            raise invalid(f"{field}.{name}", "contains a NUL character; remove it")
    for name in ("board", "agent", "model", "key", "base_branch"):
        check_name(f"{field}.{name}", getattr(new, name))
    for name in ("labels", "depends_on_keys"):
        for text in getattr(new, name):
            check_name(f"{field}.{name}", text)
    branch = new.base_branch or ""
    if branch.startswith("-") or ".." in branch or _REF_FORBIDS & set(branch):
        raise invalid(f"{field}.base_branch", f"{branch!r} is not a branch's name")


def _check_numbers(new: NewTicket, field: str) -> None:
    for each in new.depends_on:
        check_id(each, f"{field}.depends_on")
    if new.max_retries is not None:
        check_number(f"{field}.max_retries", new.max_retries, 0, RETRIES_MAX)
    if new.scheduled_at_ms is not None:
        check_number(f"{field}.scheduled_at_ms", new.scheduled_at_ms, 0, INTEGER_MAX)
    for name in ("timeout_s", "estimated_duration_s"):
        seconds = getattr(new, name)
        if seconds is not None and seconds > DURATION_S_MAX:
            raise invalid(
                f"{field}.{name}",
                f"is {span(seconds)}; allowed: at most {span(DURATION_S_MAX)}",
            )
