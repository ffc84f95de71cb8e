"""``start-worker``: one more, or one that was stopped."""

import click

from kanban_ipc.control.workers import StartWorkerCall, WorkersReply
from kanbanctl.argument_types import at_least, repository
from kanbanctl.completing import worker_words
from kanbanctl.parsing import Command
from kanbanctl.session import Session
from kanbanctl.views.workers import show_workers


@click.command("start-worker", cls=Command)
@click.argument(
    "worker_id", required=False, metavar="[WORKER]", shell_complete=worker_words
)
@click.option("-n", "count", type=at_least(1), default=1, help="How many.")
@click.option("--agent", "agents", multiple=True, help="Only for this agent's tickets.")
@click.option(
    "--repo",
    metavar="PATH",
    type=repository,
    help="Only for tickets of this repository.",
)
@click.option(
    "--label", "labels", multiple=True, help="Only for tickets with this label."
)
@click.option("--slots", type=at_least(1), help="Runs at a time.")
@click.option("--no-wait", is_flag=True, help="Do not wait until it is up.")
@click.pass_obj
def command(
    session: Session,
    *,
    worker_id: str | None,
    count: int,
    agents: tuple[str, ...],
    repo: str | None,
    labels: tuple[str, ...],
    slots: int | None,
    no_wait: bool,
) -> int:
    """Start workers, and wait until they are up.

    Without a name it is the lowest free worker-N.

    Several agents: any of them. Several labels: all of them. A worker that was started
    for something keeps to it until it is started for something else.
    """
    if worker_id is not None and count > 1:
        raise click.UsageError("-n is for workers without a name.")
    call = StartWorkerCall(
        worker_id=worker_id,
        count=count,
        slots=slots,
        agents=list(agents),
        repo=repo,
        labels=list(labels),
        wait=not no_wait,
    )
    with session.client(patient=not no_wait) as client:
        reply = client.call("StartWorker", call, WorkersReply)
    if session.as_json:
        session.output.reply(reply)
    else:
        show_workers(session.output, reply.workers)
    return int(any(worker.state == "FATAL" for worker in reply.workers))
