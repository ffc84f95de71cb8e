"""``stop-worker``: and the proof that it is gone."""

import click

from kanban_ipc.control.workers import StoppedReply, StopWorkerCall
from kanbanctl import options
from kanbanctl.parsing import Command, require_some
from kanbanctl.session import Session
from kanbanctl.views.workers import show_stopped


@click.command("stop-worker", cls=Command)
@options.WORKERS
@options.EVERY_WORKER
@options.NOW
@click.option("--no-wait", is_flag=True, help="Do not wait until they are gone.")
@click.pass_obj
def command(
    session: Session,
    *,
    workers: tuple[str, ...],
    everything: bool,
    now: bool,
    no_wait: bool,
) -> int:
    """Stop workers, and wait until they are gone.

    They finish what they are at first, within the configured patience. A stopped
    worker stays stopped until it is started.
    """
    require_some(workers, everything=everything)
    call = StopWorkerCall(
        worker_ids=list(workers),
        all=everything,
        now=now,
        wait=not no_wait,
    )
    with session.client(patient=not no_wait) as client:
        reply = client.call("StopWorker", call, StoppedReply)
    if session.as_json:
        session.output.reply(reply)
    elif not reply.stopped:
        session.output.line("No worker had to be stopped.")
    elif no_wait:
        session.output.line("Stopping; look with 'kanbanctl workers'.")
    else:
        show_stopped(session.output, reply.stopped)
    return int(any(proof.survivors for proof in reply.stopped))
