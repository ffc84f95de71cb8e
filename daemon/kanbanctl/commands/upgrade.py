"""``upgrade``: the daemon becomes the version that is installed now."""

import click

from kanban_ipc.control.service import UpgradeCall, UpgradeReply
from kanbanctl.parsing import Command
from kanbanctl.session import Session
from kanbanctl.successor import await_successor
from kanbanctl.views.upgrade import show_upgraded

START_TIMEOUT_S = 300.0
"""As the units' TimeoutStartSec: the new daemon checks the whole store."""


@click.command("upgrade", cls=Command)
@click.pass_obj
def command(session: Session) -> None:
    """Have kanband become the version that is installed now; agents notice nothing.

    Install the new version first, with the tool that installed kanband. For example:
    pipx upgrade kanband && kanbanctl upgrade

    The new version is tried before: if it would not start here, nothing changes. The
    daemon keeps its process id. Workers of the old version are replaced one by one, as
    soon as each has no run; 'kanbanctl status' shows which are left.
    """
    with session.client(patient=True) as client:
        reply = client.call("Upgrade", UpgradeCall(), UpgradeReply)
    status = await_successor(session, reply, session.timeout_s or START_TIMEOUT_S)
    if session.as_json:
        session.output.reply(reply)
    else:
        show_upgraded(session.output, reply, status)
