"""``doctor``: what is wrong with the installation, and what mends it."""

import click

from kanban_ipc.control.upkeep import DoctorCall, DoctorReply
from kanbanctl import examination
from kanbanctl.failures import NoAnswer, NobodyListens
from kanbanctl.parsing import Command
from kanbanctl.session import Session
from kanbanctl.views.doctor import show_findings


@click.command("doctor", cls=Command)
@click.option(
    "--state-dir", metavar="DIR", help="Where to look when the daemon is down."
)
@click.option("--config", metavar="FILE", help="Its configuration, when it is down.")
@click.option("-v", "--verbose", is_flag=True, help="Also show what is in order.")
@click.pass_obj
def command(
    session: Session, *, state_dir: str | None, config: str | None, verbose: bool
) -> int:
    """Look for what is wrong, and say which command mends it.

    Checks the store and its journal, processes and folders that runs have left,
    locked repositories, permissions, git, the agents' programs, the service (systemd),
    and the versions of what runs. Nothing is changed. Works when the daemon is down,
    too, and says what it could not see then.

    Exit code: 0 nothing is wrong, 1 something is.
    """
    try:
        with session.client(patient=True) as client:
            reply = client.call("Doctor", DoctorCall(), DoctorReply)
    except (NobodyListens, NoAnswer) as failure:
        reply = examination.without_daemon(
            failure, state_dir=state_dir, config=config, timeout_s=session.timeout_s
        )
    reply = examination.with_ours(reply)
    if session.as_json:
        session.output.reply(reply)
    else:
        show_findings(session.output, reply, verbose=verbose)
    return int(any(finding.level == "wrong" for finding in reply.findings))
