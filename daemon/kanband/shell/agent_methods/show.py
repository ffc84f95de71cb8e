"""``Show``: a run's own ticket, as it was given to it."""

from kanban_ipc.agent import Asked, ShowCall, ShowReply, Task
from kanband.shell.agent_methods.holding import held
from kanband.shell.ports import Daemon


async def show(daemon: Daemon, call: ShowCall) -> ShowReply:
    """And whether somebody wants the run to end."""
    holder, live = held(daemon, call.token)
    work = live.work
    task = Task(
        id=work.ticket_id,
        title=work.title,
        description_md=work.description_md,
        instructions=work.instructions,
        priority=work.priority,
        labels=list(work.labels),
        branch=work.branch,
        run_id=holder.run_id,
        epoch=holder.epoch,
        attempt=live.attempt,
        cancelled=live.cancelled,
        asked=[
            Asked(question=one.question, answer=one.answer, kind=one.kind)
            for one in work.exchanges
        ],
    )
    return ShowReply(task=task)
