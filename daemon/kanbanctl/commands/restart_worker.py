"""``restart-worker``: stop and start again."""

import click

from kanban_ipc.control.workers import RestartedReply, RestartWorkerCall
from kanbanctl import options
from kanbanctl.parsing import Command, require_some
from kanbanctl.session import Session
from kanbanctl.views.workers import show_stopped, show_workers


@click.command("restart-worker", cls=Command)
@options.WORKERS
@options.EVERY_WORKER
@options.NOW
@click.option("--no-wait", is_flag=True, help="Do not wait until they are up again.")
@click.pass_obj
def command(
    session: Session,
    *,
    workers: tuple[str, ...],
    everything: bool,
    now: bool,
    no_wait: bool,
) -> int:
    """Stop workers and start them again, one after the other.

    With --now all at once. Where one does not come up, the rest is left as it is.
    """
    require_some(workers, everything=everything)
    call = RestartWorkerCall(
        worker_ids=list(workers),
        all=everything,
        now=now,
        wait=not no_wait,
    )
    with session.client(patient=not no_wait) as client:
        reply = client.call("RestartWorker", call, RestartedReply)
    if session.as_json:
        session.output.reply(reply)
    else:
        show_stopped(session.output, reply.stopped)
        show_workers(session.output, reply.workers)
    failed = [worker.worker_id for worker in reply.workers if worker.state == "FATAL"]
    if failed and len(reply.workers) > 1 and not now:
        session.output.note(
            f"{failed[0]} did not come up; those after it were left as they are. Mend "
            f"it (kanbanctl logs {failed[0]}), then: kanbanctl reset-failed"
        )
    return int(bool(failed) or any(proof.survivors for proof in reply.stopped))
